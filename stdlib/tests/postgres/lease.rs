//! One run at a time works on a database, and one that has lost it changes nothing any more.

use crate::lab::{Lab, lines, say};
use crate::server::{Server, shared};
use pb_core::{Failure, Holder, code};
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;

async fn lab(url: &str, holder: Holder) -> Lab {
    lab_at(url, Path::new("/"), holder).await
}

async fn lab_at(url: &str, base: &Path, holder: Holder) -> Lab {
    let holder = Holder {
        playbook: "test.rhai".into(),
        env: "prod".into(),
        by: "dana".into(),
        host: "here".into(),
        pid: 7,
        journal: "/state".into(),
        ..holder
    };
    Lab::held(json!({ "postgres": url }), base, Some(holder)).await
}

async fn sql(lab: &Lab, text: &str) -> Result<Value, Failure> {
    lab.call("sql", json!({ "text": text })).await
}

fn stealing(lab: &Lab) -> Holder {
    Holder {
        steal: Some(lab.run.id().into()),
        ..Holder::default()
    }
}

/// The lines of an error without what is another one each time.
fn told(failure: &Failure, lab: &Lab) -> Vec<String> {
    let at = |line: String, text: &str, sign: &str| match line.find(text) {
        Some(start) => format!("{}{sign}", &line[..start + text.len()]),
        None => line,
    };
    let lines = lines(failure).into_iter();
    lines
        .map(|line| at(line.replace(lab.run.id(), "RUN"), "since 2", "…"))
        .collect()
}

#[tokio::test]
async fn another_run_is_told_who_works_on_the_database() {
    let database = shared().database("lease_busy");
    let first = lab(&database.url(), Holder::default()).await;
    sql(&first, "CREATE TABLE t ()").await.expect("free");
    let second = lab(&database.url(), Holder::default()).await;
    let refused = sql(&second, "ALTER TABLE t RENAME TO gone")
        .await
        .expect_err("taken");
    assert_eq!(
        told(&refused, &first),
        [
            "PB0019 another run works on `database`",
            "because: run RUN of test.rhai, by dana on here (pid 7), since 2…",
            "state: nothing was touched",
            "hint: wait for it with --wait 10m; where its machine is lost: --steal RUN",
        ]
    );
    let waiting = Holder {
        wait: Duration::from_secs(60),
        ..Holder::default()
    };
    let third = lab(&database.url(), waiting).await;
    let (dropped, ended) = tokio::join!(sql(&third, "ALTER TABLE t RENAME TO gone"), async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        first.run.finish(Ok(Value::Null)).await
    });
    assert!(ended.failure.is_none() && dropped.is_ok(), "{dropped:?}");
    assert_eq!(
        database.psql("SELECT epoch || ' ' || run FROM pb.lease"),
        format!("2 {}", third.run.id())
    );
}

#[tokio::test]
async fn a_run_that_died_has_the_database_until_it_is_moved_on() {
    let database = shared().database("lease_dead");
    let dead = lab(&database.url(), Holder::default()).await;
    sql(&dead, "CREATE TABLE t ()").await.expect("free");
    let name = dead.run.id().to_owned();
    let gone = "SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database \
                WHERE l.locktype = 'advisory' AND d.datname = current_database()";
    drop(dead);
    // Its process goes with all of its connections.
    while database.psql(gone) != "0" {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let next = lab(&database.url(), Holder::default()).await;
    let refused = sql(&next, "ALTER TABLE t RENAME TO gone")
        .await
        .expect_err("unfinished");
    let told: Vec<_> = told(&refused, &next)
        .into_iter()
        .map(|line| line.replace(&name, "DEAD"))
        .collect();
    assert_eq!(
        told,
        [
            "PB0018 run DEAD on `database` has neither ended nor been undone",
            "because: run DEAD of test.rhai, by dana on here (pid 7), since 2…",
            "because: its journal is on here in /state",
            "state: nothing was touched by this one",
            "hint: on here: pb resume DEAD, or: pb rollback DEAD; where its journal is lost: pb run … --supersede DEAD",
        ]
    );
    let supersede = Some(name);
    let holder = Holder {
        supersede,
        ..Holder::default()
    };
    let next = lab(&database.url(), holder).await;
    sql(&next, "ALTER TABLE t RENAME TO gone")
        .await
        .expect("superseded");
}

#[tokio::test]
async fn the_server_refuses_every_effect_of_an_older_epoch() {
    let folder = std::env::temp_dir().join(format!("pb-lease-{}", std::process::id()));
    std::fs::create_dir_all(folder.join("m")).expect("a folder");
    let file = |name: &str, text: &str| std::fs::write(folder.join("m").join(name), text);
    file("0001_a.sql", "CREATE TABLE a ()").expect("a file");
    file(
        "0002_b.sql",
        "-- pb: no-transaction\nCREATE INDEX CONCURRENTLY b ON t (n)",
    )
    .expect("a file");
    let database = shared().database("lease_fence");
    for (name, args) in [
        ("sql", json!({ "text": "INSERT INTO t VALUES (2)" })),
        ("sql", json!({ "text": "VACUUM t" })),
        ("migrate", json!({ "dir": "m" })),
        (
            "migrate",
            json!({ "dir": "m", "to": "0002", "schema": "public" }),
        ),
        (
            "get_or_create_tenant",
            json!({ "name": "acme", "registry": "none" }),
        ),
    ] {
        let setup =
            "DROP SCHEMA IF EXISTS pb CASCADE; DROP TABLE IF EXISTS t; CREATE TABLE t (n int)";
        database.psql(setup);
        let asleep = lab_at(&database.url(), &folder, Holder::default()).await;
        sql(&asleep, "INSERT INTO t VALUES (1)")
            .await
            .expect("ours");
        // Taken without ending its sessions, and before it asks again.
        database.psql("UPDATE pb.lease SET epoch = epoch + 1, run = 'OTHER'");
        let refused = asleep.call(name, args).await.expect_err("another's");
        assert!(refused.is(&code::LEASE_LOST), "{name}: {refused:#?}");
        let seen = "SELECT (SELECT count(*) FROM t) || ' ' || coalesce(to_regclass('a')::text, '-') || ' ' || \
                    (SELECT count(*) FROM pg_namespace WHERE nspname = 'acme')";
        assert_eq!(database.psql(seen), "1 - 0", "{name}");
    }
    std::fs::remove_dir_all(folder).expect("it is ours");
}

#[tokio::test]
async fn nobody_takes_the_database_under_an_open_transaction() {
    let database = shared().database("lease_open");
    let run = lab(&database.url(), Holder::default()).await;
    sql(&run, "CREATE TABLE t (n int)").await.expect("free");
    let free = "SELECT count(*) FROM (SELECT FROM pb.lease FOR NO KEY UPDATE SKIP LOCKED) r";
    let asleep = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()";
    let (done, ()) = tokio::join!(
        sql(&run, "INSERT INTO t SELECT 1 FROM pg_sleep(3)"),
        async {
            while database.psql(asleep) == "0" {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            assert_eq!(database.psql(free), "0");
        }
    );
    done.expect("ours");
    assert_eq!(database.psql(free), "1");
}

#[tokio::test]
async fn a_run_that_was_overtaken_changes_nothing_elsewhere_either() {
    let taken = shared().database("lease_taken");
    let elsewhere = shared().database("lease_elsewhere");
    let run = lab(&taken.url(), Holder::default()).await;
    sql(&run, "SELECT 1").await.expect("free");
    let mut other = run.handle();
    other["$handle"]["name"] = json!("other");
    other["$handle"]["config"]["postgres"] = json!(elsewhere.url());
    let on_other = |text: &str| json!({ "db": other, "text": text });
    let made = run.call("sql", on_other("CREATE TABLE t ()")).await;
    made.expect("free as well");
    taken.psql("UPDATE pb.lease SET epoch = epoch + 1, run = 'OTHER'");
    // So long what the server said last is believed.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let refused = run
        .call("sql", on_other("ALTER TABLE t RENAME TO gone"))
        .await;
    let refused = refused.expect_err("another's");
    assert!(refused.is(&code::LEASE_LOST), "{refused:#?}");
    assert_eq!(elsewhere.psql("SELECT to_regclass('t')"), "t");
}

#[tokio::test]
async fn who_stole_a_database_holds_it_alone() {
    let database = shared().database("lease_stolen");
    let first = lab(&database.url(), Holder::default()).await;
    sql(&first, "CREATE TABLE t ()").await.expect("free");
    let thief = lab(&database.url(), stealing(&first)).await;
    sql(&thief, "SELECT 1").await.expect("stolen");
    let third = lab(&database.url(), Holder::default()).await;
    let refused = sql(&third, "ALTER TABLE t RENAME TO gone")
        .await
        .expect_err("taken");
    assert!(refused.is(&code::LOCKED), "{refused:#?}");
}

#[tokio::test]
async fn a_run_does_not_go_on_where_another_has_been_since() {
    let database = shared().database("lease_since");
    let other = lab(&database.url(), Holder::default()).await;
    sql(&other, "CREATE TABLE t ()").await.expect("free");
    other.run.finish(Ok(Value::Null)).await;
    let had = Holder {
        had: ["database".to_owned()].into(),
        ..Holder::default()
    };
    let late = lab(&database.url(), had).await;
    let refused = sql(&late, "ALTER TABLE t RENAME TO gone")
        .await
        .expect_err("taken since");
    assert!(refused.is(&code::UNFINISHED), "{refused:#?}");
    assert_eq!(database.psql("SELECT to_regclass('t')"), "t");
}

/// Rounds in which a run loses the database while it writes; `ROUNDS=500` tries that many.
#[tokio::test(flavor = "multi_thread")]
async fn no_commit_of_a_run_that_was_overtaken() {
    let rounds: u64 = std::env::var("ROUNDS").map_or(20, |n| n.parse().expect("a number"));
    let database = shared().database("lease_rounds");
    database.psql("CREATE TABLE log (writer bigint, epoch bigint)");
    let url = database.url();
    let mut holder = lab(&url, Holder::default()).await;
    sql(&holder, "SELECT 1").await.expect("free");
    for writer in 1..=rounds {
        let next = lab(&url, stealing(&holder)).await;
        let text = format!("INSERT INTO log SELECT {writer}, epoch FROM pb.lease");
        let overtaken = async {
            loop {
                match sql(&holder, &text).await {
                    // Its sessions go first, then the epoch.
                    Err(failure) if failure.is(&code::CONNECTION_LOST) => {}
                    Err(failure) => break failure,
                    Ok(_) => {}
                }
            }
        };
        let steal = async {
            tokio::time::sleep(Duration::from_micros(writer * 977 % 20_000)).await;
            sql(&next, "SELECT 1").await
        };
        let (failure, stolen) = tokio::join!(overtaken, steal);
        assert!(failure.is(&code::LEASE_LOST), "{writer}: {failure:#?}");
        stolen.unwrap_or_else(|failure| panic!("{writer}: {failure:#?}"));
        holder = next;
    }
    let stale = database.psql("SELECT count(*) FROM log WHERE epoch <> writer");
    let all = database.psql("SELECT count(*) FROM log");
    say(&format!(
        "{rounds} take-overs of a run that writes: {all} commits, {stale} of an older epoch"
    ));
    assert_eq!(stale, "0");
}

#[tokio::test]
async fn two_handles_of_one_database_share_it() {
    let database = shared().database("lease_twice");
    let one = lab(&database.url(), Holder::default()).await;
    sql(&one, "CREATE TABLE t ()").await.expect("free");
    let mut other = one.handle();
    other["$handle"]["name"] = json!("other");
    other["$handle"]["config"]["sslmode"] = json!("disable");
    let args = json!({ "db": other, "text": "ALTER TABLE t RENAME TO gone" });
    one.call("sql", args).await.expect("ours as well");
    one.run.finish(Ok(Value::Null)).await;
    let ended = "SELECT ended IS NOT NULL FROM pb.lease";
    assert_eq!(database.psql(ended), "t");
}

#[tokio::test]
async fn a_server_that_starts_again_is_still_ours() {
    let server = Server::start("");
    let database = server.database("lease_restart");
    let run = lab(&database.url(), Holder::default()).await;
    sql(&run, "CREATE TABLE t ()").await.expect("free");
    server.stop();
    server.start_again();
    sql(&run, "ALTER TABLE t RENAME TO gone")
        .await
        .expect("the same epoch");
    // The lock is held again, so that nobody takes it for dead.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    sql(&run, "SELECT 1").await.expect("ours");
    let other = lab(&database.url(), Holder::default()).await;
    let refused = sql(&other, "SELECT 1").await.expect_err("taken");
    assert!(refused.is(&code::LOCKED), "{refused:#?}");
}

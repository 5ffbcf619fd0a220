//! Locks: of tables, which others wait behind, and of the schema, which one migration at a time holds.

use super::{Project, did, migrate};
use crate::lab::lines;
use serde_json::json;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// A session of somebody else that runs this and is seen to be in it.
pub(super) async fn busy(project: &Project, text: &str) -> Child {
    let database = &project.database;
    let child = database
        .server
        .psql_command(&database.name)
        .env("PGAPPNAME", "report")
        .args(["-c", text])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("psql starts");
    let asleep = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'report' AND datname = current_database() \
                  AND wait_event = 'PgSleep'";
    while project.psql(asleep) == "0" {
        sleep(Duration::from_millis(10)).await;
    }
    child
}

#[tokio::test]
async fn a_lock_that_comes_free_in_time_is_got_and_readers_do_not_wait_for_it() {
    let project = Project::new("lock_retry");
    project.psql("CREATE TABLE t (a int)");
    project.file(
        "0001_a.sql",
        "CREATE TABLE other ();\nALTER TABLE t ADD b int;",
    );
    let mut reader = busy(&project, "BEGIN; SELECT * FROM t; SELECT pg_sleep(4)").await;
    let lab = project.lab().await;
    let looking = project.lab().await;
    let work = migrate(&lab, json!({ "lock_timeout": "100ms" }));
    let look = async {
        let mut slowest = Duration::ZERO;
        for _ in 0..100 {
            let began = Instant::now();
            looking
                .call("query", json!({ "text": "SELECT count(*) FROM t" }))
                .await
                .expect("readable");
            slowest = slowest.max(began.elapsed());
            sleep(Duration::from_millis(30)).await;
        }
        slowest
    };
    let (out, slowest) = tokio::join!(work, look);
    assert_eq!(did(&out.expect("applied")), "0001 |  | null -> 0001 | true");
    // Behind a lock that is waited for without end, a reader waits for those 4 seconds.
    assert!(
        slowest < Duration::from_secs(2),
        "a reader waited {slowest:?}"
    );
    let said = lab.said();
    let tries = said
        .iter()
        .filter(|line| *line == "0001_a.sql: a lock was not free, trying again")
        .count();
    assert!(tries >= 2, "{said:?}");
    assert!(
        said.iter()
            .any(|line| line.starts_with("waiting for a lock: process ")),
        "{said:?}"
    );
    reader.wait().expect("psql ends");
}

#[tokio::test]
async fn a_lock_that_stays_taken_names_who_has_it() {
    let project = Project::new("lock_named");
    project.psql("CREATE TABLE t (a int)");
    project.file("0001_a.sql", "ALTER TABLE t ADD b int;");
    let mut reader = busy(
        &project,
        "BEGIN; LOCK TABLE t IN ACCESS SHARE MODE; SELECT pg_sleep(4)",
    )
    .await;
    let lab = project.lab().await;
    let failure = migrate(
        &lab,
        json!({ "lock_timeout": "100ms", "retry_for": "700ms" }),
    )
    .await;
    let failure = failure.expect_err("it stays locked");
    let lines = lines(&failure);
    assert_eq!(
        lines[0],
        "PB0305 `0001_a.sql` was not run to its end: a lock was not free in time"
    );
    assert!(
        lines
            .iter()
            .any(|line| line.contains("(report, user postgres)") && line.contains("pg_sleep(4)")),
        "{lines:?}"
    );
    assert!(
        lines.iter().any(
            |line| line.starts_with("because: tried ") && line.ends_with(" times within 700ms")
        )
    );
    assert!(lines.contains(&"state: nothing of `0001_a.sql` was kept".to_owned()));
    assert!(
        lines
            .last()
            .is_some_and(|hint| hint.contains("SELECT pg_terminate_backend(")),
        "{lines:?}"
    );
    assert!(failure.retryable && failure.data["attempts"].as_u64() > Some(1));
    reader.kill().expect("psql runs");
    reader.wait().expect("psql ends");
}

#[tokio::test]
async fn a_deadlock_is_tried_again() {
    let project = Project::new("lock_dead");
    project.psql("CREATE TABLE a (); CREATE TABLE b ()");
    project.file(
        "0001_a.sql",
        "LOCK TABLE a; SELECT pg_sleep(0.7); LOCK TABLE b; ALTER TABLE a ADD x int;",
    );
    let lab = project.lab().await;
    let work = migrate(&lab, json!({ "lock_timeout": "20s" }));
    let other = async {
        sleep(Duration::from_millis(250)).await;
        let text = "SET deadlock_timeout = '30s'; BEGIN; LOCK TABLE b; SELECT pg_sleep(0.1); LOCK TABLE a; COMMIT";
        let database = &project.database;
        let mut psql = database.server.psql_command(&database.name);
        psql.args(["-c", text])
            .stdout(Stdio::null())
            .spawn()
            .expect("psql starts")
    };
    let (out, mut other) = tokio::join!(work, other);
    out.expect("it won the second time");
    assert!(other.wait().expect("psql ends").success());
    assert!(
        lab.said()
            .contains(&"0001_a.sql: a deadlock, trying again".to_owned()),
        "{:?}",
        lab.said()
    );
}

#[tokio::test]
async fn eight_at_once_apply_each_file_once() {
    let project = Project::new("lock_eight");
    project
        .file("0001_a.sql", "CREATE TABLE a (n int);")
        .file("0002_b.sql", "INSERT INTO a VALUES (2);")
        // The waiters must not stand in its way, as blocking ones do: 40P01.
        .file("0003_c.sql", "-- pb: no-transaction\nCREATE INDEX CONCURRENTLY a_n ON a (n);\nINSERT INTO a VALUES (3);");
    let mut runs = vec![];
    for _ in 0..8 {
        let lab = project.lab().await;
        runs.push(async move {
            migrate(&lab, json!({}))
                .await
                .map(|out| out["applied"].clone())
        });
    }
    let outs = futures_util::future::join_all(runs).await;
    let mut applied: Vec<String> = vec![];
    for out in outs {
        let out = out.unwrap_or_else(|failure| panic!("{:?}", lines(&failure)));
        applied.extend(
            out.as_array()
                .expect("a list")
                .iter()
                .map(ToString::to_string),
        );
    }
    applied.sort();
    assert_eq!(applied, ["\"0001\"", "\"0002\"", "\"0003\""]);
    assert_eq!(
        project.psql("SELECT string_agg(n::text, ' ' ORDER BY n) FROM a"),
        "2 3"
    );
    assert_eq!(
        project.history("public"),
        "0001 applied 1, 0002 applied 1, 0003 applied 2"
    );
}

#[tokio::test]
async fn another_migration_is_waited_for_and_then_named() {
    let project = Project::new("lock_schema");
    project.file("0001_slow.sql", "SELECT pg_sleep(2.5); CREATE TABLE a ();");
    let (first, second) = (project.lab().await, project.lab().await);
    let slow = migrate(&first, json!({}));
    let hasty = async {
        sleep(Duration::from_millis(400)).await;
        migrate(&second, json!({ "retry_for": "300ms" })).await
    };
    let (slow, hasty) = tokio::join!(slow, hasty);
    slow.expect("the first one is done");
    let lines = lines(&hasty.expect_err("the second one did not wait"));
    assert_eq!(
        lines[0],
        "PB0333 another session migrates the schema `public`"
    );
    assert_eq!(lines[1], "because: its lock was not free within 300ms");
    let who = format!("(pb/{}/1, user postgres)", first.run.id());
    assert!(
        lines[2].contains(&who) && lines[2].contains("pg_sleep(2.5)"),
        "{lines:?}"
    );
    assert_eq!(project.psql("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"), "0");
}

//! Processes that are killed, connections that are cut, servers that die; then the same call again.

use super::locks::busy;
use super::{Project, did, migrate};
use crate::lab::{Lab, lines};
use crate::proxy::{Cut, cut_at};
use crate::server::{Server, shared};
use serde_json::json;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tokio::time::sleep;

/// This program again, as another process that migrates and can be killed.
fn child(project: &Project) -> Child {
    let program = std::env::current_exe().expect("the path of this program is known");
    Command::new(program)
        .args(["--exact", "migrate::crash::in_a_child"])
        .env("PB_TEST_URL", project.database.url())
        .env("PB_TEST_BASE", project.base())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts")
}

/// What the child does; nothing in the ordinary run of the tests.
#[tokio::test]
async fn in_a_child() {
    let (Ok(url), Ok(base)) = (std::env::var("PB_TEST_URL"), std::env::var("PB_TEST_BASE")) else {
        return;
    };
    let lab = Lab::with(json!({ "postgres": url }), Path::new(&base)).await;
    migrate(&lab, json!({})).await.expect("unless it is killed");
}

pub(super) async fn until(project: &Project, condition: &str) {
    for _ in 0..1000 {
        if project.psql(&format!("SELECT {condition}")) == "t" {
            return;
        }
        sleep(Duration::from_millis(5)).await;
    }
    panic!("it never was: {condition}");
}

#[tokio::test]
async fn twelve_statements_killed_after_the_seventh_go_on_at_the_eighth() {
    let project = Project::new("crash_twelve");
    project.psql("CREATE TABLE log (n int)");
    let statements: Vec<String> = (1..=12)
        .map(|n| format!("INSERT INTO log SELECT {n} FROM pg_sleep(0.1);"))
        .collect();
    project.file(
        "0001_twelve.sql",
        &format!("-- pb: no-transaction\n{}", statements.join("\n")),
    );
    let mut killed = child(&project);
    until(&project, "count(*) = 7 FROM log").await;
    killed.kill().expect("it runs");
    killed.wait().expect("it is dead");
    let lab = project.lab().await;
    let out = migrate(&lab, json!({})).await.expect("it goes on");
    assert_eq!(did(&out), "0001 |  | null -> 0001 | true");
    assert!(
        lab.said()
            .iter()
            .any(|line| line.starts_with("apply `0001_twelve.sql` from statement ")),
        "{:?}",
        lab.said()
    );
    assert_eq!(
        project.psql("SELECT string_agg(n::text, ' ' ORDER BY n) FROM log"),
        "1 2 3 4 5 6 7 8 9 10 11 12",
        "each once"
    );
}

#[tokio::test]
async fn what_a_killed_file_had_set_is_set_again() {
    let project = Project::new("crash_set");
    project.psql("CREATE TABLE log (n int, mem text)");
    project.file(
        "0001_set.sql",
        "-- pb: no-transaction\nSET work_mem = '3MB';\nINSERT INTO log SELECT 1, current_setting('work_mem');\n\
         SELECT pg_sleep(0.5);\nINSERT INTO log SELECT 2, current_setting('work_mem');",
    );
    let mut killed = child(&project);
    until(&project, "count(*) = 1 FROM log").await;
    killed.kill().expect("it runs");
    killed.wait().expect("it is dead");
    migrate(&project.lab().await, json!({}))
        .await
        .expect("it goes on");
    assert_eq!(
        project.psql("SELECT string_agg(n || ' ' || mem, ', ' ORDER BY n) FROM log"),
        "1 3MB, 2 3MB"
    );
}

#[tokio::test]
async fn killed_again_and_again_every_statement_runs_once() {
    let project = Project::new("crash_again");
    project.psql("CREATE TABLE log (n int); CREATE TABLE t (a int); INSERT INTO t SELECT generate_series(1, 20000)");
    project
        .file("0001_a.sql", "INSERT INTO log SELECT 1 FROM pg_sleep(0.1); INSERT INTO log VALUES (2);")
        .file(
            "0002_b.sql",
            "-- pb: no-transaction\nINSERT INTO log SELECT 3 FROM pg_sleep(0.1);\nCREATE INDEX CONCURRENTLY t_a ON t (a);\n\
             INSERT INTO log SELECT 4 FROM pg_sleep(0.1);\nVACUUM t;\nINSERT INTO log SELECT 5 FROM pg_sleep(0.1);\n\
             CREATE UNIQUE INDEX CONCURRENTLY t_u ON t (a);\nREINDEX TABLE CONCURRENTLY t;\nINSERT INTO log SELECT 6 FROM pg_sleep(0.1);",
        )
        .file("0003_c.sql", "INSERT INTO log SELECT 7 FROM pg_sleep(0.1);");
    let progress = "SELECT coalesce(string_agg(n::text, ' '), '') FROM log";
    let mut kills = 0;
    'killing: for n in 0.. {
        let before = project.psql(progress);
        let mut running = child(&project);
        while project.psql(progress) == before {
            if running.try_wait().expect("it is ours").is_some() {
                break 'killing;
            }
        }
        sleep(Duration::from_millis(n * 13 % 60)).await;
        running
            .kill()
            .expect("it runs, or nobody has waited for it");
        running.wait().expect("it is dead");
        kills += 1;
    }
    let out = migrate(&project.lab().await, json!({})).await;
    let out = out.unwrap_or_else(|failure| panic!("{:?}", lines(&failure)));
    assert_eq!(out["to"], "0003", "after {kills} kills");
    assert!(kills >= 4, "only {kills} were killed before their end");
    assert_eq!(
        project.psql("SELECT string_agg(n::text, ' ' ORDER BY n) FROM log"),
        "1 2 3 4 5 6 7"
    );
    let invalid = "SELECT count(*) FROM pg_index WHERE NOT indisvalid";
    assert_eq!(project.psql(invalid), "0");
    assert_eq!(
        project.history("public"),
        "0001 applied 2, 0002 applied 8, 0003 applied 1"
    );
}

#[tokio::test]
async fn a_block_that_was_begun_needs_a_person() {
    let project = Project::new("crash_block");
    project.psql("CREATE TABLE log (n int)");
    project.file(
        "0001_block.sql",
        "-- pb: no-transaction\nINSERT INTO log VALUES (1);\n\
         DO $$ BEGIN INSERT INTO log VALUES (2); COMMIT; PERFORM pg_sleep(10); END $$;",
    );
    let mut killed = child(&project);
    until(&project, "count(*) = 2 FROM log").await;
    killed.kill().expect("it runs");
    killed.wait().expect("it is dead");
    project.psql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()");
    let failure = migrate(&project.lab().await, json!({})).await;
    let failure = failure.expect_err("nobody knows");
    assert_eq!(failure.code, "PB0335", "{failure:?}");
    assert_eq!(project.psql("SELECT count(*) FROM log"), "2");
}

#[tokio::test]
async fn an_index_that_the_server_goes_on_building_is_waited_for() {
    let project = Project::new("crash_index");
    project.psql("CREATE TABLE t (a int); CREATE TABLE done (n int)");
    project.file("0001_i.sql", "-- pb: no-transaction\nCREATE INDEX CONCURRENTLY t_a ON t (a);\nINSERT INTO done VALUES (1);");
    let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT * FROM done; SELECT pg_sleep(3.5)";
    let mut report = busy(&project, begin).await;
    let mut killed = child(&project);
    until(
        &project,
        "EXISTS (SELECT FROM pg_stat_progress_create_index WHERE relid = 't'::regclass)",
    )
    .await;
    killed.kill().expect("it runs");
    killed.wait().expect("it is dead");
    assert_eq!(project.history("public"), "0001 statement 0");
    let lab = project.lab().await;
    let out = migrate(&lab, json!({ "retry_for": "1s" }))
        .await
        .expect("the orphan finishes it");
    assert_eq!(did(&out), "0001 |  | null -> 0001 | true");
    let said = lab.said();
    let waited = said.iter().any(|line| {
        line.starts_with("waiting for another migration: ") && line.contains("CREATE INDEX")
    });
    assert!(waited, "{said:?}");
    assert!(
        !said.iter().any(|line| line.starts_with("building")),
        "it was not built twice: {said:?}"
    );
    assert_eq!(project.psql("SELECT count(*) FROM done"), "1");
    report.wait().expect("psql ends");
}

#[tokio::test]
async fn a_commit_without_an_answer_is_settled_both_ways() {
    for (name, cut, expect) in [
        (
            "crash_after",
            Cut::After,
            "0001 0002 |  | null -> 0002 | true",
        ),
        ("crash_before", Cut::Before, ""),
    ] {
        let project = Project::new(name);
        project
            .file("0001_a.sql", "CREATE TABLE a ();")
            .file("0002_b.sql", "CREATE TABLE b ();");
        let port = cut_at(shared().port, "COMMIT", cut).await;
        let lab = project
            .lab_at(&format!("postgres://postgres@127.0.0.1:{port}/{name}"))
            .await;
        match migrate(&lab, json!({})).await {
            Ok(out) => assert_eq!(did(&out), expect),
            Err(failure) => {
                assert_eq!(expect, "", "{:?}", lines(&failure));
                assert_eq!((failure.code.as_str(), failure.retryable), ("PB0309", true));
                assert!(
                    failure
                        .state
                        .contains(&"nothing of `0001_a.sql` was kept".to_owned())
                );
                assert_eq!(project.psql("SELECT to_regclass('a') IS NULL"), "t");
            }
        }
        let out = migrate(&lab, json!({})).await.expect("again");
        assert_eq!(out["to"], "0002");
    }
}

#[tokio::test]
async fn a_server_killed_in_the_middle_is_back_and_the_file_runs_again() {
    let server: &'static Server = Box::leak(Box::new(Server::start("")));
    let project = Project::on(server, "crash_server");
    project
        .file("0001_a.sql", "CREATE TABLE a ();")
        .file("0002_b.sql", "CREATE TABLE b (); SELECT pg_sleep(20);");
    let lab = project.lab().await;
    let kill = async {
        until(
            &project,
            "EXISTS (SELECT FROM pg_stat_activity WHERE wait_event = 'PgSleep')",
        )
        .await;
        server.kill();
        sleep(Duration::from_millis(300)).await;
        server.start_again();
    };
    let (failure, ()) = tokio::join!(migrate(&lab, json!({})), kill);
    let failure = failure.expect_err("the server died");
    assert_eq!(
        (failure.code.as_str(), failure.retryable),
        ("PB0309", true),
        "{failure:?}"
    );
    assert_eq!(project.history("public"), "0001 applied 1");
    project.file("0002_b.sql", "CREATE TABLE b ();");
    let out = migrate(&lab, json!({})).await.expect("again");
    assert_eq!(did(&out), "0002 |  | 0001 -> 0002 | true");
}

#[tokio::test]
async fn a_call_that_is_given_up_leaves_no_half_file() {
    let project = Project::new("crash_timeout");
    project
        .file("0001_a.sql", "CREATE TABLE a (); SELECT pg_sleep(30);")
        .file("0001_a.down.sql", "DROP TABLE a;");
    let lab = project.lab().await;
    let common = serde_json::from_value(json!({ "timeout": "500ms" })).expect("an option");
    let args = json!({ "dir": "migrations" });
    let failure = lab
        .call_in(&lab.root(), "migrate", args, common)
        .await
        .expect_err("too long");
    assert_eq!(failure.code, "PB0004");
    assert_eq!(failure.state, ["crash_timeout has no migrations"]);
    let gone = "NOT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND query LIKE '%pg_sleep(30)%' \
                AND pid <> pg_backend_pid())";
    until(&project, gone).await;
    assert_eq!(project.psql("SELECT to_regclass('a') IS NULL"), "t");
}

#[tokio::test]
async fn an_undo_waits_for_what_is_still_under_way() {
    let project = Project::new("crash_under_way");
    // The COMMIT itself takes a second, and cannot be cancelled.
    project.psql(
        "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ DECLARE till timestamptz := clock_timestamp() + '1 s'; \
         BEGIN WHILE clock_timestamp() < till LOOP BEGIN PERFORM pg_sleep(0.1); EXCEPTION WHEN query_canceled THEN NULL; END; \
         END LOOP; RETURN NULL; END $$; CREATE TABLE t (a int); \
         CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON t DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION slow()",
    );
    project
        .file("0001_a.sql", "INSERT INTO t VALUES (1);")
        .file("0001_a.down.sql", "TRUNCATE t;");
    let lab = project.lab().await;
    let common = serde_json::from_value(json!({ "timeout": "400ms" })).expect("an option");
    let args = json!({ "dir": "migrations" });
    let failure = lab
        .call_in(&lab.root(), "migrate", args, common)
        .await
        .expect_err("too long");
    assert_eq!(
        (failure.code.as_str(), failure.state.as_slice()),
        (
            "PB0004",
            &["crash_under_way has no migrations".to_owned()][..]
        )
    );
    sleep(Duration::from_millis(1500)).await;
    assert_eq!(project.psql("SELECT count(*) FROM t"), "0");
    assert_eq!(project.history("public"), "");
}

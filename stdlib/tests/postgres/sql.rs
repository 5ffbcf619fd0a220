//! `sql`: all statements or none.

use crate::lab::{Lab, lines};
use crate::server::{Server, shared};
use serde_json::{Value, json};
use std::process::Stdio;
use std::time::Duration;

#[tokio::test]
async fn statements_run_together_and_count_their_rows() {
    let database = shared().database("together");
    let lab = Lab::new(&database.url()).await;
    let text = "CREATE TABLE t (a int PRIMARY KEY, b jsonb); INSERT INTO t SELECT generate_series(1, 5); \
                UPDATE t SET b = '[]' WHERE a > 3";
    let out = lab
        .call("sql", json!({ "text": text }))
        .await
        .expect("fine");
    assert_eq!((&out["rows"], &out["changed"]), (&json!(7), &json!(true)));
    let text = "UPDATE t SET b = $1 WHERE a = ANY ($2)";
    let out = lab.call(
        "sql",
        json!({ "text": text, "params": [{ "k": "‹secret env:P›" }, [1, 2]] }),
    );
    assert_eq!(out.await.expect("fine")["rows"], 2);
    assert_eq!(
        database.psql("SELECT b->>'k' FROM t WHERE a = 1"),
        "p@ss w/ord"
    );

    let failure = lab
        .call(
            "sql",
            json!({ "text": "DELETE FROM t WHERE a > 0; INSERT INTO t VALUES (7), (7)" }),
        )
        .await;
    let failure = failure.expect_err("twice");
    assert_eq!(
        lines(&failure),
        [
            "PB0316 duplicate key value violates unique constraint \"t_pkey\"",
            "because: Key (a)=(7) already exists.",
            "hint: get the row first and create it only when it is missing",
        ]
    );
    assert_eq!(
        Value::Object(failure.data),
        json!({ "sqlstate": "23505", "statement": "INSERT INTO t VALUES (7), (7)", "schema": "public",
                "table": "t", "constraint": "t_pkey" })
    );
    assert_eq!(
        database.psql("SELECT count(*) FROM t"),
        "5",
        "nothing of it stays"
    );
}

#[tokio::test]
async fn what_destroys_data_runs_only_where_that_was_said() {
    let database = shared().database("destroyed");
    database.psql("CREATE TABLE t ()");
    let lab = Lab::new(&database.url()).await;
    let drop = || lab.call("sql", json!({ "text": "DROP TABLE t" }));
    let there = || database.psql("SELECT to_regclass('t')");
    let failure = drop().await.expect_err("nothing was said");
    assert_eq!(failure.message, "`DROP TABLE t` destroys data");
    lab.run.allow_destructive(&lab.root(), "a test");
    let failure = drop().await.expect_err("half of it was said");
    assert_eq!(failure.message, "`DROP TABLE t` cannot be undone");
    assert_eq!(there(), "t");
    let said = lab.run.point_of_no_return(&lab.root(), "a test").await;
    said.expect("a journal");
    drop().await.expect("both were said");
    assert_eq!(there(), "");
}

#[tokio::test]
async fn undo_runs_the_statements_that_were_given() {
    let database = shared().database("undoing");
    let lab = Lab::new(&database.url()).await;
    database.psql("CREATE TABLE t (a int)");
    for n in 1..=2 {
        let undo = format!("DELETE FROM t WHERE a = {n}");
        let args = json!({ "text": "INSERT INTO t VALUES ($1)", "params": [n], "undo": undo });
        lab.call("sql", args).await.expect("fine");
    }
    lab.call(
        "sql",
        json!({ "text": "INSERT INTO t VALUES (3)", "undo": "none" }),
    )
    .await
    .expect("fine");
    lab.undo().await;
    assert_eq!(database.psql("SELECT a FROM t"), "3");
    assert_eq!(
        lab.said()
            .iter()
            .filter(|line| line.contains("undone") || line.contains("kept"))
            .collect::<Vec<_>>(),
        [
            "sql kept: the playbook says `undo: \"none\"`",
            "sql undone: 1 row",
            "sql undone: 1 row"
        ]
    );
}

#[tokio::test]
async fn what_no_transaction_takes_runs_alone() {
    let database = shared().database("alone");
    database.psql("CREATE TABLE t (a int); INSERT INTO t VALUES (1), (1)");
    let lab = Lab::new(&database.url()).await;
    lab.call("sql", json!({ "text": "VACUUM t" }))
        .await
        .expect("fine");
    let text = "CREATE UNIQUE INDEX CONCURRENTLY i ON t (a)";
    let failure = lab
        .call("sql", json!({ "text": text }))
        .await
        .expect_err("two rows are equal");
    assert_eq!((failure.code.as_str(), failure.partial), ("PB0316", true));
}

#[tokio::test]
async fn who_holds_the_lock_is_named() {
    let database = shared().database("holding");
    database.psql("CREATE TABLE t (a int)");
    let mut holder = database
        .server
        .psql_command("holding")
        .env("PGAPPNAME", "nightly report")
        .args(["-c", "BEGIN; LOCK TABLE t; SELECT pg_sleep(4)"])
        .stdout(Stdio::null())
        .spawn()
        .expect("psql starts");
    let waiting = "SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted";
    while database.psql(waiting) == "0" {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let lab = Lab::new(&database.url()).await;
    let args = json!({ "text": "SET LOCAL lock_timeout = '400ms'; ALTER TABLE t ADD b int" });
    let failure = lab.call("sql", args).await.expect_err("locked");
    assert!(failure.retryable);
    let lines = lines(&failure);
    assert_eq!(lines[0], "PB0305 a lock was not free in time");
    assert_eq!(lines[1], "because: canceling statement due to lock timeout");
    assert!(
        lines[2].contains("(nightly report, user postgres)") && lines[2].contains("LOCK TABLE t"),
        "{lines:?}"
    );
    assert!(lines[3].starts_with("hint: wait for it, or end it: `SELECT pg_terminate_backend("));
    assert_eq!(failure.data["blockers"].as_array().map(Vec::len), Some(1));
    holder.wait().expect("psql ends");
}

#[tokio::test]
async fn a_deferred_constraint_that_fails_at_the_end_leaves_nothing() {
    let database = shared().database("deferred");
    database.psql("CREATE TABLE t (a int UNIQUE DEFERRABLE INITIALLY DEFERRED)");
    let lab = Lab::new(&database.url()).await;
    let failure = lab
        .call("sql", json!({ "text": "INSERT INTO t VALUES (1), (1)" }))
        .await;
    let failure = failure.expect_err("refused at the end");
    assert_eq!(failure.code, "PB0316");
    assert!(
        failure
            .state
            .contains(&"the transaction was rolled back".to_owned()),
        "{failure:?}"
    );
    assert_eq!(database.psql("SELECT count(*) FROM t"), "0");
}

#[tokio::test]
async fn a_server_killed_in_the_middle_is_a_lost_connection_and_no_doubt() {
    let server = Server::start("");
    server.psql("postgres", "CREATE TABLE t (a int)");
    let lab = Lab::new(&server.url("postgres")).await;
    let work = lab.call(
        "sql",
        json!({ "text": "INSERT INTO t VALUES (1); SELECT pg_sleep(20)" }),
    );
    let kill = async {
        while server.psql(
            "postgres",
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'",
        ) == "0"
        {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        server.kill();
    };
    let (failure, ()) = tokio::join!(work, kill);
    let failure = failure.expect_err("the server is dead");
    assert_eq!(
        (failure.code.as_str(), failure.doubt, failure.retryable),
        ("PB0309", false, true)
    );
    tokio::time::sleep(Duration::from_millis(300)).await;
    server.start_again();
    assert_eq!(server.psql("postgres", "SELECT count(*) FROM t"), "0");
    lab.call("sql", json!({ "text": "INSERT INTO t VALUES (1)" }))
        .await
        .expect("it is back");
}

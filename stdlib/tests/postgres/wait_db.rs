//! `wait_db`: what is waited for, and what is not.

use crate::lab::{Lab, lines};
use crate::server::{Server, shared};
use serde_json::json;
use std::path::Path;
use std::time::{Duration, Instant};

#[tokio::test]
async fn a_running_server_is_seen_at_once() {
    let lab = Lab::new(&shared().url("postgres")).await;
    let out = lab.call("wait_db", json!({})).await.expect("it runs");
    let version = shared().psql("postgres", "SELECT split_part(version(), ' ', 2)");
    assert_eq!(
        (&out["version"], &out["role"], &out["attempts"]),
        (&json!(version), &json!("primary"), &json!(1))
    );
    assert!(out["took"].is_number() && out["changed"].is_null());
}

#[tokio::test]
async fn a_server_that_starts_later_is_waited_for() {
    let server = Server::start("");
    server.stop();
    let lab = Lab::new(&server.url("postgres")).await;
    let wait = lab.call("wait_db", json!({ "deadline": "30s" }));
    let start = async {
        tokio::time::sleep(Duration::from_millis(700)).await;
        server.start_again();
    };
    let (out, ()) = tokio::join!(wait, start);
    let out = out.expect("it came up");
    assert!(out["attempts"].as_u64() > Some(3), "{out}");
    let refused = format!("127.0.0.1:{}: connection refused", server.port);
    assert!(lab.said().contains(&refused), "{:?}", lab.said());
}

#[tokio::test]
async fn the_error_says_the_last_reason_and_how_often() {
    let server = Server::start("");
    server.stop();
    let lab = Lab::new(&server.url("postgres")).await;
    let failure = lab
        .call("wait_db", json!({ "deadline": "400ms" }))
        .await
        .expect_err("it is down");
    let lines = lines(&failure);
    assert_eq!(lines[0], "PB0043 `postgres` was not ready within 400ms");
    let reason = format!("because: 127.0.0.1:{}: connection refused (", server.port);
    assert!(
        lines[1].starts_with(&reason) && lines[1].ends_with(" times)"),
        "{lines:?}"
    );
}

#[tokio::test]
async fn what_time_does_not_help_ends_the_wait_at_once() {
    let began = Instant::now();
    let code = async |database: serde_json::Value| {
        let lab = Lab::with(database, Path::new("/")).await;
        lab.call("wait_db", json!({ "deadline": "20s" }))
            .await
            .expect_err("no way in")
            .code
    };
    assert_eq!(
        code(json!({ "postgres": shared().url("nowhere") })).await,
        "PB0302"
    );
    let root = format!(
        "postgres://nobody-here@127.0.0.1:{}/postgres",
        shared().port
    );
    assert_eq!(code(json!({ "postgres": root })).await, "PB0301");
    let tls = json!({ "postgres": shared().url("postgres"), "sslmode": "require" });
    assert_eq!(code(tls).await, "PB0303");
    assert_eq!(
        code(json!({ "postgres": "postgres://a@no-such-host.invalid/b" })).await,
        "PB0043"
    );
    assert!(
        began.elapsed() < Duration::from_secs(8),
        "{:?}",
        began.elapsed()
    );
}

#[tokio::test]
async fn an_unknown_host_is_waited_for_when_asked() {
    let lab = Lab::new("postgres://a@no-such-host.invalid/b").await;
    let wait = lab.call("wait_db", json!({ "deadline": "500ms", "dns": true }));
    let failure = wait.await.expect_err("it never appears");
    assert_eq!(failure.message, "`b` was not ready within 500ms");
    let unknown = |line: &String| line.starts_with("the host `no-such-host.invalid` is unknown: ");
    assert!(failure.because.iter().any(unknown), "{failure:?}");
}

#[tokio::test]
async fn a_full_server_is_waited_for() {
    let server = Server::start(
        "max_connections = 4\nsuperuser_reserved_connections = 0\nmax_wal_senders = 0",
    );
    let mut others = vec![];
    for _ in 0..4 {
        let mut psql = server.psql_command("postgres");
        let psql = psql
            .args(["-c", "SELECT pg_sleep(1.5)"])
            .stdout(std::process::Stdio::null());
        others.push(psql.spawn().expect("psql starts"));
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    let lab = Lab::new(&server.url("postgres")).await;
    lab.call("wait_db", json!({ "deadline": "20s" }))
        .await
        .expect("the others end");
    let full = format!("127.0.0.1:{}: sorry, too many clients already", server.port);
    assert!(lab.said().contains(&full), "{:?}", lab.said());
    for mut other in others {
        other.wait().expect("psql ends");
    }
}

#[tokio::test]
async fn replicas_are_told_from_primaries() {
    let primary = Server::start("wal_level = replica\nmax_wal_senders = 4");
    let replica = primary.replica();
    let lab = Lab::new(&replica.url("postgres")).await;
    let args = json!({ "state": "replica_caught_up", "deadline": "30s" });
    let out = lab.call("wait_db", args).await.expect("it streams");
    assert_eq!(out["role"], "replica");
    lab.call("query", json!({ "text": "SELECT 1" }))
        .await
        .expect("replicas can be read");
    let writable = json!({ "state": "writable", "deadline": "300ms" });
    let failure = lab
        .call("wait_db", writable.clone())
        .await
        .expect_err("it is a replica");
    assert!(
        failure.because[0].starts_with("it is a replica ("),
        "{failure:?}"
    );
    replica.psql("postgres", "SELECT pg_wal_replay_pause()");
    primary.psql("postgres", "CREATE TABLE t ()");
    tokio::time::sleep(Duration::from_millis(300)).await;
    let caught_up = json!({ "state": "replica_caught_up", "deadline": "300ms" });
    let failure = lab
        .call("wait_db", caught_up)
        .await
        .expect_err("replay is paused");
    assert!(
        failure.because[0].starts_with("the replica is "),
        "{failure:?}"
    );
    replica.psql("postgres", "SELECT pg_wal_replay_resume()");
    replica.psql("postgres", "SELECT pg_promote()");
    lab.call("wait_db", json!({ "state": "writable", "deadline": "20s" }))
        .await
        .expect("promoted");
}

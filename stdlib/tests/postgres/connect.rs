//! Ways in, and every way in which there is none.

use crate::lab::{Lab, lines};
use crate::server::{Server, shared};
use serde_json::{Value, json};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

async fn lab(database: Value) -> Lab {
    Lab::with(database, Path::new("/")).await
}

async fn refusal(database: Value) -> Vec<String> {
    let failure = lab(database)
        .await
        .call("query", json!({ "text": "SELECT 1" }))
        .await;
    lines(&failure.expect_err("there is no way in"))
}

/// A server that asks for a password, with a certificate of its own authority.
fn guarded() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| {
        let server = Server::start("");
        let folder = server.folder().join("certificates");
        std::fs::create_dir(&folder).expect("made");
        let openssl = |args: &str| {
            let done = Command::new("openssl").args(args.split(' ')).current_dir(&folder).output();
            let done = done.expect("openssl starts");
            assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        };
        openssl("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=ca -keyout ca.key -out ca.pem");
        openssl("req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=localhost -keyout server.key -out server.csr");
        std::fs::write(folder.join("san"), "subjectAltName=DNS:localhost\n").expect("written");
        openssl("x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile san -out server.pem");
        for name in ["server.key", "server.pem"] {
            let text = std::fs::read(folder.join(name)).expect("openssl made it");
            server.key_file(name, &text);
        }
        server.psql(
            "postgres",
            "SET password_encryption = 'scram-sha-256'; \
             CREATE ROLE shop LOGIN PASSWORD 'p@ss w/ord'; CREATE ROLE plain LOGIN",
        );
        server.psql("postgres", "CREATE DATABASE shop");
        server.append(
            "postgresql.conf",
            "ssl = on\nssl_cert_file = 'server.pem'\nssl_key_file = 'server.key'\n",
        );
        server.admit(
            "host all shop 127.0.0.1/32 scram-sha-256\nhostssl all plain 127.0.0.1/32 trust\n\
             host all plain 127.0.0.1/32 reject",
        );
        server
    })
}

#[tokio::test]
async fn a_password_is_sent_and_stays_unseen() {
    let url = format!("postgres://shop@127.0.0.1:{}/shop", guarded().port);
    let lab = lab(json!({ "postgres": url, "password": "secret:env:PGPASSWORD" })).await;
    let text = "SELECT current_user::text AS name, $1::text AS given";
    let rows = lab.call(
        "query",
        json!({ "text": text, "params": ["‹secret env:PGPASSWORD›"] }),
    );
    let rows = rows.await.expect("the password is right");
    assert_eq!(
        rows,
        json!([{ "name": "shop", "given": "‹secret env:PGPASSWORD›" }])
    );
    assert!(!lab.journal().contains("p@ss"), "{}", lab.journal());
}

#[tokio::test]
async fn a_wrong_a_missing_and_an_unknown_user_say_what_to_do() {
    let port = guarded().port;
    let url = format!("postgres://shop@127.0.0.1:{port}/shop");
    assert_eq!(
        refusal(json!({ "postgres": url, "password": "secret:env:WRONG" })).await,
        [
            &format!("PB0301 `127.0.0.1:{port}` did not let the user `shop` in"),
            "because: password authentication failed for user \"shop\"",
        ]
    );
    assert_eq!(
        refusal(json!({ "postgres": url })).await,
        [
            &format!("PB0301 `127.0.0.1:{port}` did not let the user `shop` in"),
            "because: password missing",
            "hint: write `password = \"secret:env:PGPASSWORD\"` and set the variable PGPASSWORD",
        ]
    );
    let root = format!("postgres://root@127.0.0.1:{port}/shop");
    assert_eq!(
        refusal(json!({ "postgres": root })).await,
        [
            &format!("PB0301 `127.0.0.1:{port}` did not let the user `root` in"),
            "because: role \"root\" does not exist",
            "hint: write the database's user into the URL: `root` is one of the operating system",
        ]
    );
}

#[tokio::test]
async fn a_missing_database_is_named() {
    let port = shared().port;
    assert_eq!(
        refusal(json!({ "postgres": shared().url("nowhere") })).await,
        [
            &format!("PB0302 there is no database `nowhere` at `127.0.0.1:{port}`"),
            "because: database \"nowhere\" does not exist",
            "hint: createdb nowhere, or correct the database's name in the URL",
        ]
    );
}

#[tokio::test]
async fn nobody_there_nobody_answering_and_an_unknown_name() {
    let port = {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        listener.local_addr().expect("bound").port()
    };
    let there = format!("127.0.0.1:{port}");
    assert_eq!(
        refusal(json!({ "postgres": format!("postgres://a@{there}/b") })).await,
        [
            format!("PB0043 the database at `{there}` could not be reached"),
            format!("because: {there}: connection refused"),
        ]
    );
    // It listens and never says a word.
    let listener = TcpListener::bind(&there).expect("the port is free again");
    let database =
        json!({ "postgres": format!("postgres://a@{there}/b"), "connect_timeout": "300ms" });
    assert_eq!(
        refusal(database).await,
        [
            format!("PB0043 the database at `{there}` could not be reached"),
            format!("because: {there}: no answer within 300ms"),
        ]
    );
    drop(listener);
    let unknown = refusal(json!({ "postgres": "postgres://a@no-such-host.invalid/b" })).await;
    assert_eq!(
        unknown[0],
        "PB0043 the database's host `no-such-host.invalid` could not be found"
    );
}

#[tokio::test]
async fn each_sslmode_goes_as_far_as_it_says() {
    let server = guarded();
    let authority = server
        .folder()
        .join("certificates/ca.pem")
        .display()
        .to_string();
    let ssl = async |host: &str, mode: &str, roots: bool| {
        let url = format!("postgres://plain@{host}:{}/postgres", server.port);
        let mut database = json!({ "postgres": url, "sslmode": mode });
        if roots {
            database["sslrootcert"] = authority.clone().into();
        }
        let lab = lab(database).await;
        let text = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
        let rows = lab.call("query", json!({ "text": text })).await;
        rows.map(|rows| rows[0]["ssl"] == true).map_err(|f| f.code)
    };
    assert_eq!(ssl("localhost", "verify-full", true).await, Ok(true));
    assert_eq!(ssl("127.0.0.1", "verify-ca", true).await, Ok(true));
    assert_eq!(ssl("127.0.0.1", "require", false).await, Ok(true));
    assert_eq!(ssl("127.0.0.1", "prefer", false).await, Ok(true));
    let tls = Err("PB0303".to_owned());
    assert_eq!(
        ssl("127.0.0.1", "verify-full", true).await,
        tls,
        "the name is another"
    );
    assert_eq!(
        ssl("localhost", "verify-full", false).await,
        tls,
        "nobody knows the authority"
    );
    assert_eq!(ssl("localhost", "verify-ca", false).await, tls);
    assert_eq!(
        ssl("127.0.0.1", "disable", false).await,
        Err("PB0301".to_owned())
    );

    let url = format!(
        "postgres://postgres@127.0.0.1:{}/postgres?sslmode=require",
        shared().port
    );
    assert_eq!(
        refusal(json!({ "postgres": url })).await[..2],
        [
            format!(
                "PB0303 no encrypted connection to `127.0.0.1:{}` could be made",
                shared().port
            ),
            "because: server does not support TLS".to_owned(),
        ]
    );
}

#[tokio::test]
async fn a_socket_and_a_secret_url_lead_in_too() {
    let folder = shared().folder().display().to_string();
    let socket = format!(
        "postgres:///postgres?host={folder}&port={}&user=postgres",
        shared().port
    );
    let rows = lab(json!({ "postgres": socket })).await;
    let rows = rows
        .call("query", json!({ "text": "SELECT 1 AS one" }))
        .await;
    assert_eq!(rows, Ok(json!([{ "one": 1 }])));
    let secret = format!("secret:env:URL={}", shared().url("postgres"));
    let rows = lab(json!({ "postgres": secret })).await;
    let rows = rows
        .call("query", json!({ "text": "SELECT 2 AS two" }))
        .await;
    assert_eq!(rows, Ok(json!([{ "two": 2 }])));
}

#[tokio::test]
async fn every_session_says_who_it_is_and_has_limits() {
    let lab = Lab::new(&shared().url("postgres")).await;
    let text = "SELECT name, setting FROM pg_settings WHERE name IN ('application_name', 'lock_timeout', \
                'statement_timeout', 'idle_in_transaction_session_timeout', \
                'client_connection_check_interval') ORDER BY name";
    lab.call("query", json!({ "text": "SELECT 1" }))
        .await
        .expect("up");
    let rows = lab
        .call("query", json!({ "text": text }))
        .await
        .expect("up");
    let settings: Vec<String> = rows
        .as_array()
        .expect("rows")
        .iter()
        .map(|row| format!("{}={}", row["name"], row["setting"]).replace('"', ""))
        .collect();
    assert_eq!(
        settings,
        [
            &format!("application_name=pb/{}/2", lab.run.id()),
            "client_connection_check_interval=2000",
            "idle_in_transaction_session_timeout=60000",
            "lock_timeout=10000",
            "statement_timeout=900000",
        ]
    );
}

#[tokio::test]
async fn the_server_says_which_one_it_is_before_the_first_effect() {
    let database = shared().database("identity");
    let lab = Lab::new(&database.url()).await;
    lab.call("sql", json!({ "text": "CREATE TABLE t ()" }))
        .await
        .expect("made");
    let journal = lab.journal();
    let record = journal
        .lines()
        .find(|line| line.contains("\"kind\":\"identity\""));
    let record: Value = serde_json::from_str(record.expect("recorded")).expect("JSON");
    let system = database.psql("SELECT system_identifier FROM pg_control_system()");
    let oid = database.psql("SELECT oid FROM pg_database WHERE datname = 'identity'");
    assert_eq!(
        record["body"],
        json!({ "handle": "database", "identity":
            { "system": system, "database": "identity", "oid": oid.parse::<i64>().expect("a number") } })
    );
}

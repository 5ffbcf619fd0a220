//! `query` and `row_counts`: what is read, and that nothing else happens.

use crate::lab::{Lab, lines};
use crate::server::shared;
use serde_json::{Value, json};

async fn rows(lab: &Lab, text: &str, params: Value) -> Value {
    let rows = lab
        .call("query", json!({ "text": text, "params": params }))
        .await;
    rows.unwrap_or_else(|failure| panic!("{text}: {:?}", lines(&failure)))
}

async fn refusal(lab: &Lab, text: &str, params: Value) -> Vec<String> {
    let rows = lab
        .call("query", json!({ "text": text, "params": params }))
        .await;
    lines(&rows.expect_err(text))
}

#[tokio::test]
async fn values_of_every_kind_come_back_as_they_went() {
    let lab = Lab::new(&shared().url("postgres")).await;
    let text = "SELECT $1::int AS i, $2::numeric AS n, $3::text AS t, $4::bool AS b, $5::date AS d, \
                $6::int[] AS a, $7::jsonb AS j, $8::text[] AS ts, $9::text AS nothing, $10::uuid AS u, \
                $11::interval AS v, $12::jsonb AS js;  -- the end";
    let uuid = "c56a4180-65aa-42ec-a945-5fd21dec0538";
    let params = json!([
        -3, 1.25, "it's \"1\"", true, "2026-01-31", [1, null], { "k": [1, "x"] }, ["a,b", "{}", "\\"],
        null, uuid, "90 minutes", "plain"
    ]);
    let expect = json!([{
        "i": -3, "n": 1.25, "t": "it's \"1\"", "b": true, "d": "2026-01-31", "a": [1, null],
        "j": { "k": [1, "x"] }, "ts": ["a,b", "{}", "\\"], "nothing": null, "u": uuid,
        "v": "01:30:00", "js": "plain"
    }]);
    assert_eq!(rows(&lab, text, params).await, expect);
    assert_eq!(
        rows(&lab, "VALUES (1), (2)", json!([]))
            .await
            .as_array()
            .map(Vec::len),
        Some(2)
    );
    assert_eq!(
        rows(&lab, "SELECT 1 WHERE false", json!([])).await,
        json!([])
    );
}

#[tokio::test]
async fn reading_cannot_write() {
    let database = shared().database("reading");
    database.psql("CREATE TABLE t (a int); CREATE SEQUENCE s; CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'INSERT INTO t VALUES (9) RETURNING a'");
    let lab = Lab::new(&database.url()).await;
    for text in [
        "INSERT INTO t VALUES (1) RETURNING a",
        "WITH x AS (INSERT INTO t VALUES (1) RETURNING a) SELECT * FROM x",
        "SELECT 1) q; INSERT INTO t VALUES (1); --",
        "SELECT 1; INSERT INTO t VALUES (1)",
        "SELECT f()",
        "SELECT nextval('s')",
        "SELECT set_config('transaction_read_only', 'off', false), f()",
        "SELECT set_config('transaction_read_only', 'off', true) UNION ALL SELECT f()::text",
        "SELECT a FROM t FOR UPDATE",
        "COPY (SELECT 1) TO PROGRAM 'touch /tmp/pb-owned'",
        "DO $$ BEGIN INSERT INTO t VALUES (1); END $$",
        "CREATE TABLE u ()",
        "VACUUM t",
        "COMMIT",
    ] {
        let failure = refusal(&lab, text, json!([])).await;
        assert!(failure[0].starts_with("PB03"), "{text}: {failure:?}");
    }
    // Servers before 16 let this pass; it is rolled back with everything else.
    drop(
        lab.call("query", json!({ "text": "SELECT lo_create(0)" }))
            .await,
    );
    let left = "SELECT (SELECT count(*) FROM t) || ' ' || (SELECT is_called FROM s) || ' ' || \
                (SELECT count(*) FROM pg_largeobject_metadata)";
    assert_eq!(database.psql(left), "0 false 0");
}

#[tokio::test]
async fn a_refused_query_says_where_and_what_helps() {
    let lab = Lab::new(&shared().url("postgres")).await;
    assert_eq!(
        refusal(&lab, "SELECT id\nFROM ordres", json!([])).await,
        [
            "PB0315 relation \"ordres\" does not exist",
            "because:   FROM ordres",
            "because:        ^",
            "hint: apply the pending migrations, or write the name with its schema: it was not found on \
             `search_path`",
        ]
    );
    assert_eq!(
        refusal(&lab, "DELETE FROM t", json!([])).await,
        [
            "PB0317 syntax error at or near \"FROM\"",
            "because:   DELETE FROM t",
            "because:          ^",
            "hint: `query` takes one SELECT that changes nothing; use `sql` for everything else",
        ]
    );
    assert_eq!(
        refusal(&lab, "SELECT $1::int", json!(["x"])).await[0],
        "PB0304 invalid input syntax for type integer: \"x\""
    );
    assert_eq!(
        refusal(&lab, "SELECT $1::int", json!([1, 2])).await,
        [
            "PB0208 the statement was given 2 parameters and uses 1",
            "hint: write `$1`, `$2` and so on in the statement, one for each parameter",
        ]
    );
    assert_eq!(
        refusal(&lab, "SELECT 1; SELECT 2", json!([])).await,
        ["PB0317 `query` was given 2 statements and takes one"]
    );
    let failure = lab
        .call("query", json!({ "text": "SELECT 1/0" }))
        .await
        .expect_err("refused");
    assert_eq!(
        Value::Object(failure.data),
        json!({ "sqlstate": "22012", "statement": "SELECT 1/0" })
    );
}

#[tokio::test]
async fn rows_of_tables_are_counted_in_one_snapshot() {
    let database = shared().database("counting");
    database.psql("CREATE TABLE a AS SELECT generate_series(1, 3); CREATE SCHEMA \"S\"; CREATE TABLE \"S\".b ()");
    let lab = Lab::new(&database.url()).await;
    let mut counts = lab
        .call("row_counts", json!({ "tables": ["a", "S.b"] }))
        .await
        .expect("there");
    counts.as_object_mut().expect("a map").remove("took");
    assert_eq!(counts, json!({ "a": 3, "S.b": 0 }));
    assert_eq!(
        lab.said().last().map(String::as_str),
        Some("row_counts done, changed None: S.b 0, a 3")
    );
    let failure = lab
        .call("row_counts", json!({ "tables": ["a", "c"] }))
        .await
        .expect_err("missing");
    assert_eq!(failure.message, "relation \"c\" does not exist");
}

#[tokio::test]
async fn a_session_whose_server_was_restarted_is_replaced() {
    let server = crate::server::Server::start("");
    let lab = Lab::new(&server.url("postgres")).await;
    assert_eq!(
        rows(&lab, "SELECT 1 AS a", json!([])).await,
        json!([{ "a": 1 }])
    );
    server.stop();
    server.start_again();
    assert_eq!(
        rows(&lab, "SELECT 2 AS a", json!([])).await,
        json!([{ "a": 2 }])
    );
}

#[tokio::test]
async fn a_call_that_is_given_up_ends_on_the_server_too() {
    let lab = Lab::new(&shared().url("postgres")).await;
    let common = serde_json::from_value(json!({ "timeout": "300ms" })).expect("an option");
    let args = json!({ "text": "SELECT pg_sleep(60), 'given up'" });
    let failure = lab
        .call_in(&lab.root(), "query", args, common)
        .await
        .expect_err("too long");
    assert_eq!(failure.code, "PB0004");
    let running = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%given up%' AND state = 'active' \
                   AND pid <> pg_backend_pid()";
    for _ in 0..50 {
        if shared().psql("postgres", running) == "0" {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("the statement still runs");
}

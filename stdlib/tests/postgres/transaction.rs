//! `transaction` and `savepoint` on it.

use crate::lab::{Lab, failed, lines};
use crate::proxy::{Cut, cut_at};
use crate::server::shared;
use pb_core::run::{Common, Entered, Scope};
use pb_core::{CallError, Failure};
use serde_json::{Value, json};
use std::time::Duration;

/// An open bracket.
struct Inside<'a> {
    lab: &'a Lab,
    entered: Entered,
}

impl<'a> Inside<'a> {
    async fn transaction(lab: &'a Lab) -> Self {
        let args = json!({ "db": lab.handle() });
        let entered = lab
            .run
            .enter(&lab.root(), "transaction", args, vec![])
            .await;
        Self {
            lab,
            entered: entered.expect("it begins"),
        }
    }

    async fn savepoint(&self, name: &str) -> Inside<'a> {
        let args = json!({ "tx": self.tx(), "name": name });
        let entered = self
            .lab
            .run
            .enter(&self.entered.scope, "sql_savepoint", args, vec![])
            .await;
        Inside {
            lab: self.lab,
            entered: entered.expect("it begins"),
        }
    }

    /// The handle as scripts get it.
    fn tx(&self) -> Value {
        json!({ "$handle": self.entered.value["$handle"] })
    }

    async fn call(&self, name: &str, mut args: Value) -> Result<Value, Failure> {
        args["db"] = self.tx();
        self.lab
            .call_in(&self.entered.scope, name, args, Common::default())
            .await
    }

    async fn sql(&self, text: &str) -> Result<Value, Failure> {
        self.call("sql", json!({ "text": text })).await
    }

    async fn leave(self, result: Result<Value, Failure>) -> Result<Value, Failure> {
        let result = result.map_err(CallError::from);
        self.lab
            .run
            .leave(self.entered, result)
            .await
            .map_err(failed)
    }
}

#[tokio::test]
async fn what_is_done_within_is_done_together() {
    let database = shared().database("tx_together");
    database.psql("CREATE TABLE t (a int)");
    let lab = Lab::new(&database.url()).await;

    let tx = Inside::transaction(&lab).await;
    tx.sql("INSERT INTO t VALUES (1)").await.expect("fine");
    let seen = tx
        .call("query", json!({ "text": "SELECT a FROM t" }))
        .await
        .expect("fine");
    assert_eq!(seen, json!([{ "a": 1 }]), "it sees its own work");
    assert_eq!(
        database.psql("SELECT count(*) FROM t"),
        "0",
        "nobody else does"
    );
    assert_eq!(tx.leave(Ok(json!("value"))).await, Ok(json!("value")));
    assert_eq!(database.psql("SELECT count(*) FROM t"), "1");
    let record = tx_result(&lab);
    assert_eq!(record["steps"].as_array().map(Vec::len), Some(2));
    let xid = database.psql("SELECT xmin FROM t");
    assert_eq!(
        record["evidence"]["xid"],
        json!(xid),
        "recorded before COMMIT"
    );

    let tx = Inside::transaction(&lab).await;
    tx.sql("DELETE FROM t WHERE a = 1").await.expect("fine");
    let thrown = Failure::new(&pb_core::code::THROWN, "no");
    assert_eq!(
        tx.leave(Err(thrown)).await.expect_err("thrown").message,
        "no"
    );
    assert_eq!(database.psql("SELECT count(*) FROM t"), "1");
}

fn tx_result(lab: &Lab) -> Value {
    let journal = lab.journal();
    let record = journal
        .lines()
        .rfind(|line| line.contains("\"kind\":\"tx_result\""));
    let record: Value = serde_json::from_str(record.expect("recorded")).expect("JSON");
    record["body"].clone()
}

#[tokio::test]
async fn a_query_within_cannot_write_and_spoils_nothing() {
    let database = shared().database("tx_query");
    database.psql("CREATE TABLE t (a int)");
    let lab = Lab::new(&database.url()).await;
    let tx = Inside::transaction(&lab).await;
    for text in [
        "WITH x AS (INSERT INTO t VALUES (1) RETURNING a) SELECT * FROM x",
        "SELECT set_config('transaction_read_only', 'off', true)",
        "SELECT 1/0",
    ] {
        tx.call("query", json!({ "text": text }))
            .await
            .expect_err(text);
    }
    tx.sql("INSERT INTO t VALUES (2)")
        .await
        .expect("it can write again");
    let counts = tx
        .call("row_counts", json!({ "tables": ["t"] }))
        .await
        .expect("fine");
    assert_eq!(counts["t"], 1);
    tx.leave(Ok(Value::Null)).await.expect("committed");
    assert_eq!(database.psql("SELECT a FROM t"), "2");
}

#[tokio::test]
async fn an_error_in_a_savepoint_leaves_the_transaction_usable() {
    let database = shared().database("tx_savepoint");
    database.psql(
        "CREATE TABLE t (a int); CREATE INDEX old ON t (a); CREATE ROLE renamer LOGIN; \
         GRANT ALL ON TABLE t TO renamer; GRANT CREATE ON SCHEMA public TO renamer; ALTER TABLE t ADD b int",
    );
    let url = database.url().replace("postgres@", "renamer@");
    let lab = Lab::new(&url).await;
    let tx = Inside::transaction(&lab).await;
    tx.sql("INSERT INTO t VALUES (1)").await.expect("fine");
    let savepoint = tx.savepoint("rename").await;
    savepoint
        .sql("INSERT INTO t VALUES (2)")
        .await
        .expect("fine");
    let refused = savepoint
        .sql("ALTER INDEX old RENAME TO new")
        .await
        .expect_err("not the owner");
    assert_eq!(
        (refused.kind.as_str(), refused.message.as_str()),
        ("permission", "must be owner of index old")
    );
    assert_eq!(
        savepoint
            .leave(Err(refused))
            .await
            .expect_err("thrown")
            .kind,
        "permission"
    );
    let inner = tx.savepoint("another way").await;
    inner
        .sql("CREATE TABLE instead ()")
        .await
        .expect("no 25P02");
    inner.leave(Ok(Value::Null)).await.expect("kept");
    tx.leave(Ok(Value::Null)).await.expect("committed");
    assert_eq!(
        database.psql("SELECT string_agg(a::text, ' ') || to_regclass('instead')::text FROM t"),
        "1instead"
    );
    let record = tx_result(&lab);
    let steps = record["steps"].as_array().expect("steps");
    assert_eq!(
        steps.len(),
        4,
        "a run that is taken up again meets the caught error too"
    );
}

#[tokio::test]
async fn a_caught_error_without_savepoint_is_told_by_its_first_cause() {
    let database = shared().database("tx_spoilt");
    database.psql("CREATE TABLE t (a int)");
    let lab = Lab::new(&database.url()).await;
    let tx = Inside::transaction(&lab).await;
    tx.sql("INSERT INTO t VALUES (1)").await.expect("fine");
    tx.sql("INSERT INTO nowhere VALUES (1)")
        .await
        .expect_err("caught by the script");
    let second = tx
        .sql("INSERT INTO t VALUES (2)")
        .await
        .expect_err("spoilt");
    assert_eq!(
        lines(&second)[..2],
        [
            "PB0304 the transaction had failed before, so nothing more could be done in it",
            "because: relation \"nowhere\" does not exist"
        ]
    );
    let end = tx
        .leave(Ok(Value::Null))
        .await
        .expect_err("the server would answer ROLLBACK");
    assert_eq!(
        lines(&end),
        [
            "PB0304 the transaction was rolled back: an error that the script caught had spoilt it",
            "because: relation \"nowhere\" does not exist",
            "state: the transaction was rolled back",
            "hint: put what may fail into `savepoint(tx, name, || …)`",
        ]
    );
    assert_eq!(database.psql("SELECT count(*) FROM t"), "0");
    let left = "SELECT count(*) FROM pg_stat_activity WHERE datname = 'tx_spoilt' AND state LIKE 'idle in%'";
    assert_eq!(database.psql(left), "0", "no session stays in it");
}

#[tokio::test]
async fn calls_that_are_not_of_the_transaction_have_no_place_in_it() {
    let database = shared().database("tx_place");
    database.psql("CREATE TABLE t (a int)");
    let lab = Lab::new(&database.url()).await;
    let tx = Inside::transaction(&lab).await;
    let scope: Scope = tx.entered.scope.clone();
    let outside = json!({ "db": lab.handle(), "text": "INSERT INTO t VALUES (1)" });
    let refused = lab
        .call_in(&scope, "sql", outside, Common::default())
        .await
        .expect_err("not on it");
    assert_eq!(
        refused.message,
        "`sql` was called within a transaction, but not on it"
    );
    let second = lab
        .run
        .enter(&scope, "transaction", json!({ "db": lab.handle() }), vec![])
        .await;
    let second = failed(second.err().expect("a second one"));
    assert_eq!(
        second.message,
        "`transaction` was called within a transaction, but not on it"
    );
    let nested = lab
        .run
        .enter(&scope, "transaction", json!({ "db": tx.tx() }), vec![])
        .await;
    assert_eq!(
        failed(nested.err().expect("nested")).hint.as_deref(),
        Some("use `savepoint(tx, name, || …)` within it")
    );
    let handle = tx.tx();
    tx.leave(Ok(Value::Null)).await.expect("committed");
    let late = lab
        .call("sql", json!({ "db": handle, "text": "SELECT 1" }))
        .await
        .expect_err("over");
    assert_eq!(
        late.message,
        "`sql` was given the handle of a transaction that has ended"
    );
}

#[tokio::test]
async fn undo_comes_after_the_commit() {
    let database = shared().database("tx_undo");
    database.psql("CREATE TABLE t (a int)");
    let lab = Lab::new(&database.url()).await;
    let tx = Inside::transaction(&lab).await;
    let insert = json!({ "text": "INSERT INTO t VALUES (1)", "undo": "DELETE FROM t WHERE a = 1" });
    tx.call("sql", insert).await.expect("fine");
    tx.leave(Ok(Value::Null)).await.expect("committed");
    assert_eq!(database.psql("SELECT count(*) FROM t"), "1");
    lab.undo().await;
    assert_eq!(database.psql("SELECT count(*) FROM t"), "0");
}

async fn cut(
    name: &str,
    how: Cut,
) -> (
    crate::server::Database<'static>,
    Lab,
    Result<Value, Failure>,
) {
    let database = shared().database(name);
    database.psql("CREATE TABLE t (a int)");
    let port = cut_at(shared().port, "COMMIT", how).await;
    let lab = Lab::new(&format!("postgres://postgres@127.0.0.1:{port}/{name}")).await;
    let tx = Inside::transaction(&lab).await;
    tx.sql("INSERT INTO t VALUES (1)").await.expect("fine");
    let end = tx.leave(Ok(json!("value"))).await;
    (database, lab, end)
}

#[tokio::test]
async fn a_commit_whose_answer_was_lost_is_found() {
    let (database, _lab, end) = cut("tx_cut_after", Cut::After).await;
    assert_eq!(end, Ok(json!("value")));
    assert_eq!(database.psql("SELECT count(*) FROM t"), "1");
}

#[tokio::test]
async fn a_commit_that_never_arrived_is_known_to_be_none() {
    let (database, _lab, end) = cut("tx_cut_before", Cut::Before).await;
    let failure = end.expect_err("it was not committed");
    assert_eq!(
        (failure.code.as_str(), failure.retryable, failure.doubt),
        ("PB0309", true, false)
    );
    assert_eq!(failure.message, "the transaction was not committed");
    assert_eq!(database.psql("SELECT count(*) FROM t"), "0");
}

#[tokio::test]
async fn a_commit_that_is_still_running_is_ended_and_settled() {
    let database = shared().database("tx_running");
    database.psql(
        "CREATE TABLE t (a int); \
         CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(30); RETURN NULL; END'; \
         CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON t DEFERRABLE INITIALLY DEFERRED \
         FOR EACH ROW EXECUTE FUNCTION slow()",
    );
    let port = cut_at(shared().port, "COMMIT", Cut::After).await;
    let lab = Lab::new(&format!("postgres://postgres@127.0.0.1:{port}/tx_running")).await;
    let began = std::time::Instant::now();
    let failure = lab
        .call("sql", json!({ "text": "INSERT INTO t VALUES (1)" }))
        .await;
    let failure = failure.expect_err("ended");
    assert_eq!(
        (failure.code.as_str(), failure.doubt),
        ("PB0309", false),
        "{failure:?}"
    );
    assert!(began.elapsed() < Duration::from_secs(10));
    assert_eq!(database.psql("SELECT count(*) FROM t"), "0");
}

#[tokio::test]
async fn a_commit_of_which_the_server_knows_nothing_any_more_is_in_doubt() {
    let database = shared().database("tx_unknown");
    // The session takes an id for its own that is older than all that the server remembers.
    database.psql(
        "CREATE TABLE t (a int); \
         CREATE FUNCTION txid_current_if_assigned() RETURNS bigint LANGUAGE sql AS 'SELECT 3::bigint'",
    );
    database.psql("ALTER DATABASE tx_unknown SET search_path = public, pg_catalog");
    assert_eq!(database.psql("SELECT txid_status(3) IS NULL"), "t");
    let port = cut_at(shared().port, "COMMIT", Cut::After).await;
    let lab = Lab::new(&format!("postgres://postgres@127.0.0.1:{port}/tx_unknown")).await;
    let failure = lab
        .call("sql", json!({ "text": "INSERT INTO t VALUES (1)" }))
        .await;
    let failure = failure.expect_err("nobody can tell");
    assert!(failure.doubt, "{failure:?}");
    assert_eq!(
        lines(&failure),
        [
            "PB0335 nobody could tell whether the transaction was committed",
            "because: the connection broke between COMMIT and its answer",
            "because: the server knows nothing of the transaction",
            "state: nobody knows whether it happened, so it was not undone: sql tx_unknown",
            "hint: SELECT txid_status(3)",
        ]
    );
}

//! `transaction`.

use super::lifecycle::says;
use super::stage::with_database;
use crate::support::need;

#[test]
fn what_is_done_within_is_done_together_and_undone_later() {
    let Some(postgres) = need::postgres() else {
        return;
    };
    let database = postgres.fresh_database("prim_transaction");
    database.sql("CREATE TABLE t (n int)");
    let pb = with_database(&database);
    let count = || database.sql("SELECT count(*) FROM t");
    let run = |text: &str, code| pb.with(["run"]).playbook("a.rhai", text).run().expect(code);

    run(
        "transaction(|tx| { sql(tx, \"INSERT INTO t VALUES (1)\"); sql(tx, \"INSERT INTO nowhere VALUES (1)\"); });",
        1,
    );
    assert_eq!(count(), "0", "rolled back as a whole");
    run(
        "savepoint(\"s\", || { transaction(|tx| { sql(tx, \"INSERT INTO t VALUES (1)\", #{ undo: \"DELETE FROM t\" }); }); throw \"no\"; });",
        1,
    );
    assert_eq!(count(), "0", "undone after its commit");
    run(
        "transaction(|tx| { sql(tx, \"INSERT INTO t VALUES (1)\"); query(tx, \"SELECT count(*) AS n FROM t\")[0].n });",
        0,
    );
    assert_eq!(count(), "1");
}

#[test]
fn mistakes_are_named() {
    let Some(postgres) = need::postgres() else {
        return;
    };
    let database = postgres.fresh_database("prim_transaction_wrong");
    says(
        &with_database(&database),
        "transaction(|tx| { command([\"true\"]); });",
        3,
        "transaction-outside",
    );
}

//! `sql`.

use super::lifecycle::{Again, Lifecycle, says};
use super::stage::with_database;
use crate::support::need;

#[test]
fn goes_round() {
    let Some(postgres) = need::postgres() else {
        return;
    };
    let database = postgres.fresh_database("prim_sql");
    database.sql("CREATE TABLE t (n int)");
    let value = Lifecycle {
        pb: with_database(&database),
        before: "",
        call: "sql(\"INSERT INTO t VALUES ($1), ($2)\", [1, 2], #{ undo: \"DELETE FROM t\" })",
        world: &|| database.sql("SELECT count(*) FROM t"),
        again: Again::Runs,
        undone: true,
    }
    .check();
    assert_eq!(value["rows"], 2);
}

#[test]
fn mistakes_are_named() {
    let Some(postgres) = need::postgres() else {
        return;
    };
    let database = postgres.fresh_database("prim_sql_wrong");
    let pb = with_database(&database);
    says(
        &pb,
        "sql(\"INSERT INTO orders VALUES (1)\");",
        1,
        "sql-relation",
    );
    says(&pb, "sql(\"SELEC 1\");", 1, "sql-syntax");
}

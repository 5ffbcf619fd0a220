//! `row_counts`.

use super::lifecycle::says;
use super::stage::with_database;
use crate::support::need;

#[test]
fn rows_are_counted_and_missing_tables_named() {
    let Some(postgres) = need::postgres() else {
        return;
    };
    let database = postgres.fresh_database("prim_row_counts");
    database.sql("CREATE TABLE orders AS SELECT generate_series(1, 7)");
    let pb = with_database(&database);
    let outcome = pb
        .with(["run", "--output", "json"])
        .playbook("a.rhai", "row_counts([\"orders\"]).orders")
        .run()
        .expect(0);
    assert!(outcome.stdout.contains("\"value\":7"), "{outcome}");
    says(&pb, "row_counts([\"ordrs\"]);", 1, "row_counts-missing");
}

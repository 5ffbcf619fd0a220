//! `migrate`.

use super::lifecycle::{Again, Lifecycle, says};
use super::stage::with_database;
use crate::support::need;
use crate::support::pb::Pb;

fn files(pb: Pb) -> Pb {
    pb.file(
        "migrations/0001_orders.sql",
        "CREATE TABLE orders (id int);\n",
    )
    .file("migrations/0001_orders.down.sql", "DROP TABLE orders;\n")
    .file(
        "migrations/0002_index.sql",
        "-- pb: no-transaction\nCREATE INDEX CONCURRENTLY orders_id ON orders (id);\n",
    )
    .file("migrations/0002_index.down.sql", "DROP INDEX orders_id;\n")
}

const OBJECTS: &str =
    "SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class WHERE relname LIKE 'orders%'";

#[test]
fn goes_round() {
    let Some(postgres) = need::postgres() else {
        return;
    };
    let database = postgres.fresh_database("prim_migrate");
    let value = Lifecycle {
        pb: files(with_database(&database)),
        before: "",
        call: "migrate(\"migrations\")",
        world: &|| database.sql(OBJECTS),
        again: Again::Nothing,
        undone: true,
    }
    .check();
    assert_eq!(value["to"], "0002");
    assert_eq!(database.sql(OBJECTS), "orders orders_id");
}

#[test]
fn a_file_that_breaks_in_the_middle_takes_the_earlier_ones_back() {
    let Some(postgres) = need::postgres() else {
        return;
    };
    let database = postgres.fresh_database("prim_migrate_broken");
    let pb = files(with_database(&database))
        .file(
            "migrations/0003_broken.sql",
            "ALTER TABLE orders ADD COLUMN note text;\nALTER TABLE nowhere ADD COLUMN x int;\n",
        )
        .file(
            "migrations/0003_broken.down.sql",
            "ALTER TABLE orders DROP COLUMN note;\n",
        );
    says(&pb, "migrate(\"migrations\");", 1, "migrate-broken");
    assert_eq!(
        database.sql(OBJECTS),
        "",
        "0002 and 0001 went back by their down files"
    );
}

#[test]
fn an_undo_that_fails_needs_a_person() {
    let Some(postgres) = need::postgres() else {
        return;
    };
    let database = postgres.fresh_database("prim_migrate_stuck");
    let pb = files(with_database(&database))
        .file("migrations/0001_orders.down.sql", "DROP TABLE ordrs;\n");
    says(
        &pb,
        "savepoint(\"release\", || { migrate(\"migrations\"); throw \"the release failed\"; });",
        5,
        "migrate-stuck",
    );
    assert_eq!(
        database.sql(OBJECTS),
        "orders",
        "0002 went back, 0001 is still applied"
    );
}

#[test]
fn mistakes_are_named() {
    let Some(postgres) = need::postgres() else {
        return;
    };
    let database = postgres.fresh_database("prim_migrate_wrong");
    let pb = with_database(&database);
    says(&pb, "migrate(\"migratoins\");", 3, "migrate-folder");
    let twice = pb
        .file("twice/1_a.sql", "SELECT 1;")
        .file("twice/01_b.sql", "SELECT 1;");
    says(&twice, "migrate(\"twice\");", 3, "migrate-twice");
    let commit = twice.file("commit/1_a.sql", "CREATE TABLE a ();\nCOMMIT;\n");
    says(&commit, "migrate(\"commit\");", 3, "migrate-commit");
}

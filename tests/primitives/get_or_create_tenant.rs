//! `get_or_create_tenant`.

use super::lifecycle::{Again, Lifecycle, says};
use super::stage::with_database;
use crate::support::need;

#[test]
fn goes_round() {
    let Some(postgres) = need::postgres() else {
        return;
    };
    let database = postgres.fresh_database("prim_tenant");
    let value = Lifecycle {
        pb: with_database(&database).file("tenant/0001_orders.sql", "CREATE TABLE orders (id int);\n").file("tenant/0001_orders.down.sql", "DROP TABLE orders;\n"),
        before: "",
        call: "get_or_create_tenant(\"guest\", #{ domain: \"guest.example.com\", dir: \"tenant\" })",
        world: &|| database.sql("SELECT count(*) FROM pg_class WHERE oid = to_regclass('guest.orders')"),
        again: Again::Nothing,
        undone: true,
    }
    .check();
    assert_eq!(
        (&value["created"], &value["schema"]),
        (&true.into(), &"guest".into())
    );
}

#[test]
fn mistakes_are_named() {
    let Some(postgres) = need::postgres() else {
        return;
    };
    let database = postgres.fresh_database("prim_tenant_wrong");
    says(
        &with_database(&database),
        "get_or_create_tenant(\"pg_guest\", #{ domain: \"g.example.com\" });",
        3,
        "get_or_create_tenant-name",
    );
}

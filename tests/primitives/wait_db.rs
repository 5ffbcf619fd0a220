//! `wait_db`.

use super::lifecycle::{Again, Lifecycle, says};
use super::stage::{with_database, without_server};
use crate::support::need;

#[test]
fn goes_round() {
    let Some(postgres) = need::postgres() else {
        return;
    };
    let database = postgres.fresh_database("prim_wait_db");
    let value = Lifecycle {
        pb: with_database(&database),
        before: "",
        call: "wait_db()",
        world: &String::new,
        again: Again::Reads,
        undone: true,
    }
    .check();
    assert_eq!(value["role"], "primary");
}

#[test]
fn mistakes_are_named() {
    let outcome = without_server()
        .with(["run"])
        .playbook("wrong.rhai", "wait_db(#{ deadline: \"100ms\" });")
        .run()
        .expect(7);
    assert!(outcome.stderr.contains("refused"), "{outcome}");
    says(
        &without_server(),
        "wait_db(#{ state: \"writeable\" });",
        3,
        "wait_db-state",
    );
}

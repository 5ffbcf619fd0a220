//! `query`.

use super::lifecycle::says;
use super::stage::with_database;
use crate::support::need;

#[test]
fn rows_are_maps_whose_columns_are_known() {
    let Some(postgres) = need::postgres() else {
        return;
    };
    let database = postgres.fresh_database("prim_query");
    let pb = with_database(&database);
    let text = "query(\"SELECT n, n * 2 AS double FROM generate_series(1, $1) n\", [2])";
    let outcome = pb
        .with(["run", "--output", "json"])
        .playbook("a.rhai", text)
        .run()
        .expect(0);
    assert!(
        outcome
            .stdout
            .contains(r#""value":[{"double":2,"n":1},{"double":4,"n":2}]"#),
        "{outcome}"
    );
    says(
        &pb,
        "query(\"SELECT 1 AS name\")[0].nmae",
        1,
        "query-column",
    );
    says(&pb, "query(\"CREATE TABLE t ()\");", 1, "query-writes");
}

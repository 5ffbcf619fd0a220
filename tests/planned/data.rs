//! Playbooks that work on a database: made ready for tests, and migrated with its rows counted.

use super::log::{EVERYTHING, only_reads};
use crate::primitives::stage::with_database;
use crate::support::need;
use crate::support::pb::Pb;
use crate::support::postgres::Postgres;

/// `ci_database.rhai`, as far as its primitives are there.
pub(super) const CI: &str = r#"let admin = target.database;
wait_db(admin, #{ deadline: "60s" });
migrate(admin, "migrations/shared");
get_or_create_tenant(admin, "test_tenant", #{ domain: "test.example.com", dir: "migrations/tenant" });
"#;

/// `guarded_production.rhai`, without its backup.
pub(super) const GUARDED: &str = r#"let db = target.database;
let kept = ["tenants", "users", "orders"];
let before = row_counts(db, kept);
savepoint("schema", || {
    migrate(db, "migrations", #{ lint: "error", lock_timeout: "500ms" });
    let after = row_counts(db, kept);
    for table in kept {
        ensure(after[table] >= before[table], `${table} lost ${before[table] - after[table]} rows`);
    }
});
"#;

/// What production holds before.
pub(super) const PRODUCTION: &str = "CREATE TABLE tenants AS SELECT n FROM generate_series(1, 3) AS n; \
    CREATE TABLE users AS SELECT n FROM generate_series(1, 50) AS n; CREATE TABLE orders AS SELECT n FROM generate_series(1, 500) AS n;";

pub(super) fn ci(pb: Pb) -> Pb {
    pb.file("ci.rhai", CI)
        .file(
            "migrations/shared/0001_users.sql",
            "CREATE TABLE users (id int PRIMARY KEY);\n",
        )
        .file(
            "migrations/shared/0001_users.down.sql",
            "DROP TABLE users;\n",
        )
        .file(
            "migrations/shared/0002_named.sql",
            "ALTER TABLE users ADD COLUMN name text;\n",
        )
        .file(
            "migrations/shared/0002_named.down.sql",
            "ALTER TABLE users DROP COLUMN name;\n",
        )
        .file(
            "migrations/tenant/0001_orders.sql",
            "CREATE TABLE orders (id int);\n",
        )
        .file(
            "migrations/tenant/0001_orders.down.sql",
            "DROP TABLE orders;\n",
        )
}

pub(super) fn guarded(pb: Pb) -> Pb {
    pb.file("guarded.rhai", GUARDED)
        .file(
            "migrations/0001_note.sql",
            "ALTER TABLE orders ADD COLUMN note text;\n",
        )
        .file(
            "migrations/0001_note.down.sql",
            "ALTER TABLE orders DROP COLUMN note;\n",
        )
}

/// Plans, runs the plan, and plans again: the world is as it was after the plan, and done after the run.
#[track_caller]
fn goes_round(postgres: &Postgres, database: &str, pb: &Pb, playbook: &str) {
    let before = postgres.dump(database);
    let save = pb.with(["plan", playbook, "-o", "saved.plan", "--exit-code"]);
    let planned = only_reads(postgres, || save.run().expect(4));
    planned.hide_plans().matches(&format!("planned/{database}"));
    assert_eq!(postgres.dump(database), before, "a plan changes nothing");
    pb.with(["run", "--plan", "saved.plan"]).run().expect(0);
    let after = postgres.dump(database);
    assert_ne!(after, before, "the run has done it");
    let plan = pb.with(["plan", playbook, "--exit-code"]);
    only_reads(postgres, || plan.run().expect(0));
    assert_eq!(postgres.dump(database), after, "a plan changes nothing");
    let again = pb.with(["run", "--plan", "saved.plan"]).run().expect(6);
    assert!(again.stderr.contains("out of date"), "{again}");
}

#[test]
fn the_plan_of_a_database_reads_and_its_run_does_it() {
    let Some(postgres) = need::own_postgres(&EVERYTHING) else {
        return;
    };
    let database = postgres.fresh_database("ci_database");
    goes_round(
        &postgres,
        "ci_database",
        &ci(with_database(&database)),
        "ci.rhai",
    );
    let database = postgres.fresh_database("guarded_production");
    database.sql(PRODUCTION);
    goes_round(
        &postgres,
        "guarded_production",
        &guarded(with_database(&database)),
        "guarded.rhai",
    );
}

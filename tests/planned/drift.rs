//! What moves between a plan and its run is named, and nothing is touched; what a run would do beyond its plan is refused.

use super::data::{PRODUCTION, ci, guarded};
use super::front::Front;
use crate::primitives::stage::with_database;
use crate::support::need;
use crate::support::outcome::Outcome;
use crate::support::pb::Pb;
use crate::support::postgres::{Database, Postgres, Settings};

/// A saved plan, something that moves, and a run of the plan that is refused and touches nothing.
#[track_caller]
fn refuses(
    postgres: &Postgres,
    database: &Database<'_>,
    pb: &Pb,
    playbook: &str,
    moves: &dyn Fn(),
) -> Outcome {
    pb.with(["plan", playbook, "-o", "saved.plan"])
        .run()
        .expect(0);
    moves();
    let before = postgres.dump(&database.name);
    let refused = pb.with(["run", "--plan", "saved.plan"]).run().expect(6);
    assert_eq!(postgres.dump(&database.name), before, "nothing is touched");
    refused
}

#[test]
fn what_moved_in_a_database_is_named() {
    let Some(postgres) = need::postgres() else {
        return;
    };
    let check = |name: &str, moves: &dyn Fn(&Database<'_>, &Pb)| {
        let database = postgres.fresh_database(&format!("drift_{name}"));
        let pb = ci(with_database(&database));
        let refused = refuses(postgres, &database, &pb, "ci.rhai", &|| {
            moves(&database, &pb)
        });
        refused
            .hide_plans()
            .matches(&format!("planned/drift_{name}"));
    };
    check("file_added", &|_, pb| {
        let more = pb.clone().file(
            "migrations/shared/0003_more.sql",
            "ALTER TABLE users ADD COLUMN more text;\n",
        );
        more.file(
            "migrations/shared/0003_more.down.sql",
            "ALTER TABLE users DROP COLUMN more;\n",
        );
    });
    check("file_edited", &|_, pb| {
        pb.clone().file(
            "migrations/shared/0002_named.sql",
            "ALTER TABLE users ADD COLUMN named text;\n",
        );
    });
    check("half_a_tenant", &|database, _| {
        drop(database.sql("CREATE SCHEMA test_tenant"))
    });
    check("done_by_another", &|_, pb| {
        pb.with(["run", "ci.rhai"]).run().expect(0);
    });
}

#[test]
fn moved_row_counts_are_named() {
    let Some(postgres) = need::postgres() else {
        return;
    };
    let database = postgres.fresh_database("drift_rows");
    database.sql(PRODUCTION);
    let pb = guarded(with_database(&database));
    let moves = || drop(database.sql("DELETE FROM orders WHERE n = 1"));
    refuses(postgres, &database, &pb, "guarded.rhai", &moves)
        .hide_plans()
        .matches("planned/drift_rows");
}

#[test]
fn another_cluster_behind_the_same_url_is_refused() {
    let Some(planned) = need::postgres() else {
        return;
    };
    let own = Settings {
        own_identity: true,
        ..Settings::default()
    };
    let Some(other) = need::own_postgres(&own) else {
        return;
    };
    let front = Front::of(planned.port());
    let databases = [planned, &other].map(|postgres| postgres.fresh_database("drift_cluster"));
    let pb = ci(with_database(&databases[0])).toml(&format!(
        "[env.local]\ndatabase = {{ postgres = \"postgres://postgres@127.0.0.1:{}/drift_cluster\" }}\n",
        front.port
    ));
    let moves = || front.put(other.port());
    let refused = refuses(&other, &databases[1], &pb, "ci.rhai", &moves);
    refused.hide_plans().matches("planned/drift_cluster");
    front.put(planned.port());
    pb.with(["run", "--plan", "saved.plan"]).run().expect(0);
}

#[test]
fn a_server_that_answers_no_more_is_no_other_one() {
    let Some(postgres) = need::own_postgres(&Settings::default()) else {
        return;
    };
    let database = postgres.fresh_database("drift_away");
    database.sql(PRODUCTION);
    let pb = guarded(with_database(&database));
    pb.with(["plan", "guarded.rhai", "-o", "saved.plan"])
        .run()
        .expect(0);
    postgres.stop(crate::support::postgres::Stop::Fast);
    let refused = pb.with(["run", "--plan", "saved.plan"]).run().expect(6);
    refused.hide_plans().matches("planned/drift_away");
}

/// The world changes after the plan was held against it: the playbook itself does it.
#[test]
fn a_step_that_would_do_something_else_is_refused_and_undone() {
    let Some(postgres) = need::postgres() else {
        return;
    };
    let database = postgres.fresh_database("beyond_plan");
    let playbook = "savepoint(\"all\", || {\n    command([\"cp\", \"later.sql\", \"migrations/0002_later.sql\"], \
        #{ undo: [\"rm\", \"migrations/0002_later.sql\"] });\n    migrate(\"migrations\");\n});\n";
    let pb = with_database(&database)
        .file("late.rhai", playbook)
        .file("later.sql", "CREATE TABLE later (n int);\n")
        .file("migrations/0001_first.sql", "CREATE TABLE first (n int);\n")
        .file("migrations/0001_first.down.sql", "DROP TABLE first;\n");
    pb.with(["plan", "late.rhai", "-o", "saved.plan"])
        .run()
        .expect(0);
    let refused = pb.with(["run", "--plan", "saved.plan"]).run().expect(1);
    refused.hide_plans().matches("planned/beyond_plan");
    let tables = "SELECT count(*) FROM pg_class WHERE relname IN ('first', 'later')";
    assert_eq!(database.sql(tables), "0", "nothing was migrated");
    let added = pb.folder().join("migrations/0002_later.sql");
    assert!(!added.exists(), "what was done is undone");
}

/// The undo is not in the plan, and needs nobody's leave.
#[test]
fn an_approved_run_that_fails_is_undone() {
    let Some(postgres) = need::postgres() else {
        return;
    };
    let database = postgres.fresh_database("fails_later");
    let playbook = "savepoint(\"all\", || {\n    sql(\"INSERT INTO log VALUES ('done')\", #{ undo: \"INSERT INTO log VALUES ('undone')\" });\n    \
        command([\"false\"], #{ undo: \"none\" });\n});\n";
    let pb = with_database(&database).file("fails.rhai", playbook);
    database.sql("CREATE TABLE log (what text)");
    pb.with(["plan", "fails.rhai", "-o", "saved.plan"])
        .run()
        .expect(0);
    pb.with(["run", "--plan", "saved.plan"]).run().expect(1);
    assert_eq!(database.sql("SELECT what FROM log"), "done\nundone");
}

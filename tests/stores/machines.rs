//! Two machines with one place for their runs: what one began, the other one takes up.

use crate::primitives::stage::with_database;
use crate::support::need;
use crate::support::pb::Pb;
use crate::support::postgres::Database;
use crate::support::wait;
use rustix::process::Signal;
use std::time::Duration;

const PLAYBOOK: &str = "\
let db = target.database;
sql(db, \"CREATE TABLE t (n int)\", #{ undo: \"DROP TABLE t\" });
for n in 1..4 { sql(db, `INSERT INTO t SELECT ${n} FROM pg_sleep(0.5)`, #{ undo: `DELETE FROM t WHERE n = ${n}` }); }
";

/// A machine whose runs are in the database's tables; only the first has the playbook.
fn machine(database: &Database<'_>) -> Pb {
    with_database(database).env("PB_STATE", database.url())
}

/// A run that was killed when its table was there, on a machine that is lost.
fn lost(database: &Database<'_>) {
    let first = machine(database).args(["run"]).playbook("a.rhai", PLAYBOOK);
    let running = first.start();
    let there = || (database.sql("SELECT to_regclass('t') IS NOT NULL") == "t").then_some(());
    wait::until("the table", Duration::from_secs(30), there).unwrap();
    running.signal(Signal::KILL);
    running.wait().expect(137);
}

#[test]
fn a_run_goes_on_on_another_machine() {
    let Some(postgres) = need::postgres() else {
        return;
    };
    let database = postgres.fresh_database("machines_resume");
    lost(&database);
    let second = machine(&database);
    let refused = second
        .with(["run"])
        .playbook("b.rhai", "print(1);")
        .run()
        .expect(6);
    assert!(refused.stderr.contains("has neither ended nor been undone"));
    second.with(["resume", "--yes"]).run().expect(0);
    let rows = "SELECT string_agg(n::text, ' ' ORDER BY n) FROM t";
    assert_eq!(database.sql(rows), "1 2 3");
    let shown = second.with(["runs", "--output", "json"]).run().expect(0);
    assert!(shown.stdout.contains("\"done\""), "{}", shown.stdout);
}

#[test]
fn a_run_is_undone_on_another_machine() {
    let Some(postgres) = need::postgres() else {
        return;
    };
    let database = postgres.fresh_database("machines_undo");
    lost(&database);
    let second = machine(&database);
    second.with(["rollback", "--yes"]).run().expect(0);
    assert_eq!(database.sql("SELECT to_regclass('t') IS NULL"), "t");
}

#[test]
fn a_place_that_is_away_is_an_error_before_anything_is_touched() {
    let pb = Pb::new()
        .env("PB_STATE", "postgres://ops:secret@127.0.0.1:1/pb")
        .args(["run"])
        .playbook("a.rhai", "command([\"touch\", \"touched\"]);");
    let refused = pb.run().expect(2);
    assert!(!pb.folder().join("touched").exists());
    assert!(!refused.stderr.contains("secret"), "{}", refused.stderr);
    refused.matches("stores/away");
}

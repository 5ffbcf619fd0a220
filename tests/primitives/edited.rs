//! Migrations that are edited while a run that applies them is dead: the step goes on with the files that it began with.

use super::stage::with_database;
use crate::support::need;
use crate::support::pb::Pb;
use crate::support::wait::until;
use rustix::process::Signal;
use std::fs;
use std::time::Duration;

const FIRST: &str = "CREATE TABLE one (n int);";
/// Long enough to be killed in.
const SECOND: &str = "SELECT pg_sleep(CASE WHEN EXISTS (SELECT FROM wait) THEN 60 ELSE 0 END); CREATE TABLE two (n int);";
const THIRD: &str = "CREATE TABLE three (n int);";
const PLAYBOOK: &str = "point_of_no_return(\"there are no down files\");\nmigrate(target.database, \"migrations\");\nsql(target.database, \"INSERT INTO one VALUES (1)\");\n";

/// What somebody does to the files, and what that is called.
type Edit = (&'static str, fn(&Pb));

const EDITS: [Edit; 6] = [
    ("a migration that waits", |pb| {
        write(pb, "0003_c.sql", "CREATE TABLE other (n int);")
    }),
    ("the migration under way", |pb| {
        write(pb, "0002_b.sql", "CREATE TABLE other (n int);")
    }),
    ("one that is applied", |pb| {
        write(pb, "0001_a.sql", "CREATE TABLE other (n int);")
    }),
    ("a new one", |pb| {
        write(pb, "0004_d.sql", "CREATE TABLE other (n int);")
    }),
    ("one that cannot run", |pb| {
        write(pb, "0003_c.sql", "this is no SQL")
    }),
    ("all of them gone", |pb| {
        fs::remove_dir_all(pb.folder().join("migrations")).unwrap()
    }),
];

fn write(pb: &Pb, name: &str, text: &str) {
    fs::write(pb.folder().join("migrations").join(name), text).unwrap();
}

#[test]
fn an_edited_migration_does_not_change_what_is_resumed() {
    let Some(postgres) = need::postgres() else {
        return;
    };
    for (n, (what, edit)) in EDITS.iter().enumerate() {
        let database = postgres.fresh_database(&format!("edited_{n}"));
        database.sql("CREATE TABLE wait ()");
        database.sql("INSERT INTO wait DEFAULT VALUES");
        let pb = with_database(&database)
            .file("migrations/0001_a.sql", FIRST)
            .file("migrations/0002_b.sql", SECOND)
            .file("migrations/0003_c.sql", THIRD)
            .args(["run"])
            .playbook("a.rhai", PLAYBOOK);
        let running = pb.start();
        let sleeps = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'";
        until("a migration that sleeps", Duration::from_secs(120), || {
            (database.sql(sleeps) == "1").then_some(())
        })
        .unwrap();
        running.signal(Signal::KILL);
        running.wait().expect(137);
        database.sql("DELETE FROM wait");
        edit(&pb);
        let resumed = pb.with(["resume", "--yes"]).run();
        assert_eq!(resumed.code, 0, "{what}: {resumed}");
        let tables = database.sql(
            "SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class \
             WHERE relname IN ('one', 'two', 'three', 'other') AND relkind = 'r'",
        );
        let rows = database.sql("SELECT count(*) FROM one");
        assert_eq!(
            (tables.as_str(), rows.as_str()),
            ("one three two", "1"),
            "{what}"
        );
    }
    need::say(&format!(
        "{} edits of migrations between a death and resume: 0 applied",
        EDITS.len()
    ));
}

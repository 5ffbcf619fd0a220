//! Indexes built while others work.

use super::crash::until;
use super::locks::busy;
use super::{Project, did, migrate};
use crate::lab::lines;
use serde_json::json;

const BUILD: &str = "-- pb: no-transaction\nCREATE INDEX CONCURRENTLY IF NOT EXISTS t_a ON t (a, lower(b)) WHERE a > 0;\n\
                     INSERT INTO done VALUES (1);";

fn project(name: &str) -> Project {
    let project = Project::new(name);
    project.psql("CREATE TABLE t (a int, b text); INSERT INTO t SELECT n, n::text FROM generate_series(1, 100) n; CREATE TABLE done (n int)");
    project
        .file("0001_index.sql", BUILD)
        .file("0001_index.down.sql", "DROP INDEX t_a;");
    project
}

fn index(project: &Project) -> String {
    project.psql(
        "SELECT coalesce(string_agg(c.relname || ' ' || i.indisvalid, ', ' ORDER BY c.relname), '') \
         FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE i.indrelid = 't'::regclass",
    )
}

#[tokio::test]
async fn an_old_snapshot_elsewhere_does_not_end_the_build() {
    let project = project("idx_snapshot");
    let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT * FROM done; SELECT pg_sleep(1.2)";
    let mut report = busy(&project, begin).await;
    let lab = project.lab().await;
    let out = migrate(&lab, json!({ "lock_timeout": "100ms" }))
        .await
        .expect("built");
    assert_eq!(did(&out), "0001 |  | null -> 0001 | true");
    assert_eq!(index(&project), "t_a true");
    assert!(
        lab.said()
            .iter()
            .any(|line| line.starts_with("waiting for a lock: process ")),
        "{:?}",
        lab.said()
    );
    report.wait().expect("psql ends");
}

#[tokio::test]
async fn an_invalid_index_is_built_again() {
    let project = project("idx_invalid");
    let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT * FROM done; SELECT pg_sleep(2)";
    let mut report = busy(&project, begin).await;
    // Another tool, with a short lock_timeout, leaves it like this.
    let build = "SET lock_timeout = '100ms'; CREATE INDEX CONCURRENTLY t_a ON t (a)";
    let other = project.database.server.psql_command(&project.database.name);
    let mut other = other;
    let texts: Vec<&str> = build.split("; ").collect();
    let output = other
        .args(["-c", texts[0], "-c", texts[1]])
        .output()
        .expect("psql starts");
    assert!(!output.status.success());
    assert_eq!(
        index(&project),
        "t_a false",
        "IF NOT EXISTS would call this done"
    );
    report.wait().expect("psql ends");
    let lab = project.lab().await;
    migrate(&lab, json!({})).await.expect("repaired");
    assert_eq!(index(&project), "t_a true");
    assert!(
        lab.said()
            .contains(&"dropping the invalid index `t_a`".to_owned()),
        "{:?}",
        lab.said()
    );
    assert!(
        project
            .psql("SELECT pg_get_indexdef('t_a'::regclass)")
            .contains("lower(b)")
    );
}

#[tokio::test]
async fn an_index_that_somebody_else_builds_is_waited_for() {
    let project = project("idx_elsewhere");
    let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT * FROM done; SELECT pg_sleep(2)";
    let mut report = busy(&project, begin).await;
    let mut other = project.database.server.psql_command(&project.database.name);
    let build = "CREATE INDEX CONCURRENTLY t_a ON t (a, lower(b)) WHERE a > 0";
    let mut other = other.args(["-c", build]).spawn().expect("psql starts");
    let building = "EXISTS (SELECT FROM pg_stat_progress_create_index WHERE relid = 't'::regclass)";
    until(&project, building).await;
    let oid = project.psql("SELECT 't_a'::regclass::oid");
    let lab = project.lab().await;
    migrate(&lab, json!({})).await.expect("it is built");
    let said = lab.said();
    let waited = said
        .iter()
        .filter(|line| line.ends_with(" builds the index `t_a`"));
    assert!(waited.count() > 0, "{said:?}");
    assert!(
        other.wait().expect("psql ends").success(),
        "nobody ended it"
    );
    assert_eq!(index(&project), "t_a true");
    assert_eq!(project.psql("SELECT 't_a'::regclass::oid"), oid);
    report.wait().expect("psql ends");
}

#[tokio::test]
async fn the_same_index_is_done_and_another_one_of_its_name_is_an_error() {
    let same = project("idx_same");
    same.psql("CREATE INDEX t_a ON public.t USING btree (a, LOWER(b)) WHERE (a > 0)");
    let before = same.psql("SELECT 't_a'::regclass::oid");
    migrate(&same.lab().await, json!({}))
        .await
        .expect("it is there");
    assert_eq!(same.psql("SELECT 't_a'::regclass::oid"), before);
    assert_eq!(same.psql("SELECT count(*) FROM done"), "1");
    for (name, other) in [
        ("idx_other1", "CREATE INDEX t_a ON t (a)"),
        (
            "idx_other2",
            "CREATE UNIQUE INDEX t_a ON t (a, lower(b)) WHERE a > 0",
        ),
        (
            "idx_other3",
            "CREATE INDEX t_a ON t (a, lower(b)) WHERE a > 1",
        ),
        (
            "idx_other4",
            "CREATE INDEX t_a ON t (a DESC, lower(b)) WHERE a > 0",
        ),
        (
            "idx_other5",
            "CREATE INDEX t_a ON t (a, lower(b)) INCLUDE (b) WHERE a > 0",
        ),
    ] {
        let project = project(name);
        project.psql(other);
        let failure = migrate(&project.lab().await, json!({}))
            .await
            .expect_err(other);
        let lines = lines(&failure);
        assert_eq!(
            lines[0],
            "PB0314 `0001_index.sql` was not run to its end: an index `t_a` is there already"
        );
        assert_eq!(
            lines[1], "because: its definition is another one",
            "{other}"
        );
    }
}

#[tokio::test]
async fn what_an_ended_reindex_left_is_swept() {
    let project = project("idx_reindex");
    project.psql("CREATE INDEX t_a ON t (a)");
    let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT * FROM done; SELECT pg_sleep(2)";
    let mut report = busy(&project, begin).await;
    let mut other = project.database.server.psql_command(&project.database.name);
    other.args([
        "-c",
        "SET lock_timeout = '100ms'",
        "-c",
        "REINDEX INDEX CONCURRENTLY t_a",
    ]);
    assert!(!other.output().expect("psql starts").status.success());
    assert_eq!(index(&project), "t_a true, t_a_ccnew false");
    report.wait().expect("psql ends");
    project.file(
        "0001_index.sql",
        "-- pb: no-transaction\nREINDEX INDEX CONCURRENTLY t_a;\nVACUUM t;",
    );
    migrate(&project.lab().await, json!({}))
        .await
        .expect("built again");
    assert_eq!(index(&project), "t_a true");
    assert_eq!(project.history("public"), "0001 applied 2");
}

#[tokio::test]
async fn settings_of_a_no_transaction_file_last_to_its_end() {
    let project = project("idx_settings");
    project.file(
        "0001_index.sql",
        "-- pb: no-transaction\nSET maintenance_work_mem = '2MB';\nSET lock_timeout = '7s';\n\
         CREATE INDEX CONCURRENTLY t_a ON t (a);\nCREATE TABLE seen AS SELECT current_setting('maintenance_work_mem') \
         || ' ' || current_setting('lock_timeout') AS s;",
    );
    migrate(&project.lab().await, json!({}))
        .await
        .expect("applied");
    assert_eq!(project.psql("SELECT s FROM seen"), "2MB 7s");
}

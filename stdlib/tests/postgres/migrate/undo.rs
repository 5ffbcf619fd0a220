//! The way back: from what the journal kept, newest first, as far as it goes.

use super::{Project, migrate};
use crate::lab::Lab;
use pb_core::journal::Ended;
use serde_json::json;

fn three(name: &str) -> Project {
    let project = Project::new(name);
    for (n, table) in [(1, "a"), (2, "b"), (3, "c")] {
        project
            .file(
                &format!("000{n}_{table}.sql"),
                &format!("CREATE TABLE {table} ();"),
            )
            .file(
                &format!("000{n}_{table}.down.sql"),
                &format!("DROP TABLE {table};"),
            );
    }
    project
}

fn tables(project: &Project) -> String {
    project.psql("SELECT coalesce(string_agg(relname, ' ' ORDER BY relname), '') FROM pg_class WHERE relname IN ('a', 'b', 'c')")
}

fn undone(lab: &Lab) -> Vec<String> {
    let said = lab.said().into_iter();
    said.filter(|line| line.contains("undone") || line.contains("kept:"))
        .collect()
}

#[tokio::test]
async fn undo_needs_no_disk() {
    let project = three("undo_disk");
    let first = project.lab().await;
    migrate(&first, json!({ "to": "1" }))
        .await
        .expect("an earlier run");
    let lab = project.lab().await;
    migrate(&lab, json!({})).await.expect("applied");
    for name in ["0001_a", "0002_b", "0003_c"] {
        project
            .remove(&format!("{name}.sql"))
            .remove(&format!("{name}.down.sql"));
    }
    let finished = lab.undo().await;
    assert_eq!(finished.state, Some(Ended::Undone));
    assert_eq!(undone(&lab), ["migrate undone: 0003 0002 reverted"]);
    assert_eq!(tables(&project), "a", "what was there before stays");
    assert_eq!(project.history("public"), "0001 applied 1");
    let state = finished.failure.expect("the test's own").state;
    assert_eq!(state, ["undo_disk is at 0001"]);
}

#[tokio::test]
async fn undo_stops_at_the_first_down_file_that_fails() {
    let project = three("undo_stops");
    project.file(
        "0002_b.down.sql",
        "ALTER TABLE b DROP COLUMN nothing;\nDROP TABLE b;",
    );
    let lab = project.lab().await;
    migrate(&lab, json!({}))
        .await
        .expect("a bad down file does not block the way up");
    let finished = lab.undo().await;
    assert_eq!(finished.state, Some(Ended::Stuck));
    assert_eq!(
        undone(&lab),
        [
            "migrate not undone: `0002_b.down.sql` was not run to its end: column \"nothing\" of relation \"b\" does not exist"
        ]
    );
    assert_eq!(
        tables(&project),
        "a b",
        "what was undone before it stays undone"
    );
    assert_eq!(project.history("public"), "0001 applied 1, 0002 applied 1");
}

#[tokio::test]
async fn without_a_down_file_it_says_which_and_stays() {
    let project = three("undo_none");
    project.remove("0002_b.down.sql");
    let lab = project.lab().await;
    migrate(&lab, json!({})).await.expect("applied");
    lab.undo().await;
    assert_eq!(
        undone(&lab),
        ["migrate kept: there is no `0002_b.down.sql`"]
    );
    assert_eq!(tables(&project), "a b c");
}

#[tokio::test]
async fn what_another_run_applied_meanwhile_stays() {
    let project = three("undo_other");
    let lab = project.lab().await;
    migrate(&lab, json!({ "to": "2" })).await.expect("applied");
    migrate(&project.lab().await, json!({}))
        .await
        .expect("another run goes on");
    let finished = lab.undo().await;
    assert_eq!(finished.state, Some(Ended::Stuck));
    assert_eq!(
        undone(&lab),
        ["migrate not undone: `0002` was not reverted: `0003` came after it"]
    );
    assert_eq!(tables(&project), "a b c");
}

#[tokio::test]
async fn a_half_done_file_is_taken_back_as_far_as_it_came() {
    let project = Project::new("undo_half");
    project
        .file(
            "0001_half.sql",
            "-- pb: no-transaction\nCREATE TABLE a (x int);\nINSERT INTO a VALUES (1), (1);\n\
             CREATE UNIQUE INDEX CONCURRENTLY a_x ON a (x);\nCREATE TABLE b ();\nCREATE TABLE c ();",
        )
        .file(
            "0001_half.down.sql",
            "-- pb: no-transaction\nDROP TABLE c;\nALTER TABLE b ADD x int;\nDROP TABLE b;\n\
             DROP INDEX CONCURRENTLY a_x;\nDROP TABLE a;",
        );
    let lab = project.lab().await;
    let failure = migrate(&lab, json!({}))
        .await
        .expect_err("the rows are equal");
    assert_eq!(failure.kind, "duplicate");
    assert!(
        failure
            .state
            .contains(&"the index `a_x`, which was left invalid, is dropped".to_owned()),
        "{failure:?}"
    );
    assert_eq!(
        failure.state.last().map(String::as_str),
        Some("undo_half has no migrations")
    );
    assert_eq!(tables(&project), "");
    assert_eq!(project.history("public"), "");
}

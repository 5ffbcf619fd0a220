//! What the server refuses, told by file, line and column, with nothing of the file kept.

use super::{Project, migrate};
use crate::lab::lines;
use serde_json::{Value, json};

#[tokio::test]
async fn a_statement_that_fails_leaves_neither_table_nor_row() {
    let project = Project::new("mig_fails");
    project.file("0001_a.sql", "CREATE TABLE a ();\n\n-- äöü\nCREATE TABLE b (x int);\n  ALTER TABLE b ADD COLUMN y intt;\n");
    let lab = project.lab().await;
    let failure = migrate(&lab, json!({}))
        .await
        .expect_err("a type that is none");
    assert_eq!(
        lines(&failure),
        [
            "PB0304 `0001_a.sql` was not run to its end: type \"intt\" does not exist",
            "because: `0001_a.sql`, line 5:",
            "because:     ALTER TABLE b ADD COLUMN y intt;",
            "because:                                ^",
            "state: nothing of `0001_a.sql` was kept",
        ]
    );
    assert_eq!(
        Value::Object(failure.data),
        json!({ "sqlstate": "42704", "statement": "ALTER TABLE b ADD COLUMN y intt", "file": "0001_a.sql",
                "line": 5, "column": 30, "schema": "public" })
    );
    assert_eq!(
        project.psql("SELECT count(*) FROM pg_class WHERE relname IN ('a', 'b', 'pb_migrations')"),
        "0"
    );
}

#[tokio::test]
async fn the_files_before_it_are_undone_by_their_down_files() {
    let project = Project::new("mig_before");
    project
        .file("0001_a.sql", "CREATE TABLE a ();")
        .file("0001_a.down.sql", "DROP TABLE a;")
        .file("0002_b.sql", "CREATE TABLE b ();")
        .file("0002_b.down.sql", "DROP TABLE b;")
        .file("0003_c.sql", "SELECT 1/0;")
        .file("0003_c.down.sql", "SELECT 1;");
    let lab = project.lab().await;
    let failure = migrate(&lab, json!({})).await.expect_err("the third fails");
    assert_eq!(
        lines(&failure),
        [
            "PB0304 `0003_c.sql` was not run to its end: division by zero",
            "because: `0003_c.sql`, line 1:",
            "because:   SELECT 1/0;",
            "state: nothing of `0003_c.sql` was kept",
            "state: mig_before has no migrations",
        ]
    );
    assert_eq!(
        project.psql("SELECT count(*) FROM pg_class WHERE relname IN ('a', 'b')"),
        "0"
    );
    assert_eq!(project.history("public"), "");
}

#[tokio::test]
async fn what_is_known_to_help_is_said() {
    let project = Project::new("mig_hints");
    project.psql("CREATE TYPE mood AS ENUM ('ok'); CREATE TABLE owned (); CREATE ROLE guest LOGIN; GRANT ALL ON SCHEMA public TO guest");
    let refusal = async |text: &str, url: &str| -> (String, Option<String>) {
        project.file("0001_a.sql", text);
        let lab = project.lab_at(url).await;
        let failure = migrate(&lab, json!({})).await.expect_err(text);
        (
            format!("{} {}", failure.kind, failure.message),
            failure.hint,
        )
    };
    let url = project.database.url();
    let (value, hint) = refusal(
        "ALTER TYPE mood ADD VALUE 'sad';\nSELECT 'sad'::mood;",
        &url,
    )
    .await;
    assert!(value.contains("unsafe use of new value \"sad\""), "{value}");
    assert_eq!(
        hint.as_deref(),
        Some("move `ALTER TYPE … ADD VALUE` to a file of its own, before its first use")
    );
    let guest = url.replace("postgres@", "guest@");
    let (owner, hint) = refusal("ALTER TABLE owned ADD a int;", &guest).await;
    assert_eq!(
        owner,
        "permission `0001_a.sql` was not run to its end: must be owner of table owned"
    );
    assert_eq!(
        hint.as_deref(),
        Some("connect as the owner of the object, or `SET ROLE` to it first")
    );
    let (procedure, hint) = refusal("DO $$ BEGIN EXECUTE 'COMMIT'; END $$;", &url).await;
    assert!(
        procedure.contains("EXECUTE of transaction commands is not implemented"),
        "{procedure}"
    );
    assert_eq!(hint, None);
    let (there, _) = refusal("CREATE TABLE owned ();", &url).await;
    assert_eq!(
        there,
        "already_exists `0001_a.sql` was not run to its end: relation \"owned\" already exists"
    );
}

#[tokio::test]
async fn a_transaction_is_no_place_for_it() {
    let project = Project::new("mig_tx");
    project.file("0001_a.sql", "SELECT 1");
    let lab = project.lab().await;
    let entered = lab
        .run
        .enter(
            &lab.root(),
            "transaction",
            json!({ "db": lab.handle() }),
            vec![],
        )
        .await;
    let entered = entered.map_err(crate::lab::failed).expect("it begins");
    let args = json!({ "db": entered.value, "dir": "migrations" });
    let failure = lab
        .call_in(
            &entered.scope,
            "migrate",
            args,
            pb_core::run::Common::default(),
        )
        .await;
    assert_eq!(
        failure.expect_err("no place").message,
        "`migrate` was called within a transaction"
    );
    lab.run
        .leave(entered, Ok(Value::Null))
        .await
        .map_err(crate::lab::failed)
        .expect("it ends");
}

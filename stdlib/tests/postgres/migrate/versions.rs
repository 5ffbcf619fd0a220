//! What is applied, in which order, and what is written down.

use super::{Project, did, migrate};
use crate::lab::lines;
use serde_json::{Value, json};

fn shop(name: &str) -> Project {
    let project = Project::new(name);
    project
        .file(
            "0001_orders.sql",
            "CREATE TABLE orders (id int PRIMARY KEY);\nCREATE TABLE note (text text);\n",
        )
        .file(
            "0001_orders.down.sql",
            "DROP TABLE note; DROP TABLE orders;",
        )
        .file("0002_status.sql", "ALTER TABLE orders ADD status text;")
        .file("0002_status.down.sql", "ALTER TABLE orders DROP status;");
    project
}

#[tokio::test]
async fn pending_files_are_applied_once() {
    let project = shop("mig_once");
    let lab = project.lab().await;
    let out = migrate(&lab, json!({})).await.expect("applied");
    assert_eq!(did(&out), "0001 0002 |  | null -> 0002 | true");
    assert_eq!(project.history("public"), "0001 applied 2, 0002 applied 1");
    let columns = "SELECT string_agg(attname, ' ' ORDER BY attnum) FROM pg_attribute \
                   WHERE attrelid = 'orders'::regclass AND attnum > 0 AND NOT attisdropped";
    assert_eq!(project.psql(columns), "id status");
    let written = project.psql(
        "SELECT kind || ' ' || length(checksum) || ' ' || (ms >= 0) || ' ' || (finished_at - started_at < '10 s' AND finished_at >= started_at) || ' ' || \
                applied_by || ' ' || pb_version FROM pb_migrations WHERE version = '0001'",
    );
    assert_eq!(
        written,
        format!(
            "versioned 64 true true postgres {}",
            env!("CARGO_PKG_VERSION")
        )
    );
    let run = project.psql("SELECT DISTINCT run_id FROM pb_migrations");
    assert_eq!(run, lab.run.id());

    let before = project.psql("SELECT txid_current()");
    let again = project.lab().await;
    let out = migrate(&again, json!({})).await.expect("nothing to do");
    assert_eq!(did(&out), " |  | 0002 -> 0002 | false");
    assert_eq!(again.said(), ["migrate done, changed Some(false): at 0002"]);
    let after: u64 = project
        .psql("SELECT txid_current()")
        .parse()
        .expect("a number");
    // Other tests write too; this database alone cannot tell. But nothing of it was locked or written.
    assert!(after > before.parse().expect("a number"));
    assert_eq!(
        project.psql("SELECT sum(xmax::text::int) FROM pb_migrations"),
        "0"
    );

    project.file("0003_more.sql", "INSERT INTO note VALUES ('third')");
    let out = migrate(&again, json!({})).await.expect("applied");
    assert_eq!(did(&out), "0003 |  | 0002 -> 0003 | true");
    let progress: Vec<_> = again
        .said()
        .into_iter()
        .filter(|line| line.contains("0003"))
        .collect();
    assert_eq!(
        progress,
        [
            "apply `0003_more.sql`",
            "0003_more.sql",
            "0003_more.sql",
            "migrate done, changed Some(true): 0003"
        ]
    );
}

#[tokio::test]
async fn a_version_is_reached_both_ways() {
    let project = shop("mig_to");
    let lab = project.lab().await;
    let out = migrate(&lab, json!({ "to": "1" }))
        .await
        .expect("up to 0001");
    assert_eq!(did(&out), "0001 |  | null -> 0001 | true");
    migrate(&lab, json!({})).await.expect("all");
    let out = migrate(&lab, json!({ "to": "0" }))
        .await
        .expect("down to nothing");
    assert_eq!(did(&out), " | 0002 0001 | 0002 -> null | true");
    assert_eq!(
        project.psql("SELECT count(*) FROM pg_class WHERE relname IN ('orders', 'note')"),
        "0"
    );
    assert_eq!(project.history("public"), "");
}

#[tokio::test]
async fn the_same_file_from_another_system_is_the_same() {
    let project = shop("mig_crlf");
    migrate(&project.lab().await, json!({}))
        .await
        .expect("applied");
    project.file("0001_orders.sql", "\u{feff}CREATE TABLE orders (id int PRIMARY KEY);\r\nCREATE TABLE note (text text);\r\n\r\n");
    let out = migrate(&project.lab().await, json!({}))
        .await
        .expect("the same");
    assert_eq!(out["changed"], false);
    project.file(
        "0001_orders.sql",
        "CREATE TABLE orders (id bigint PRIMARY KEY);\n",
    );
    let failure = migrate(&project.lab().await, json!({}))
        .await
        .expect_err("another text");
    let lines = lines(&failure);
    assert_eq!(
        lines[0],
        "PB0331 `0001_orders.sql` was changed after it had been applied"
    );
    assert!(
        lines[1].starts_with("because: it was applied on 2")
            && lines[1].contains("UTC by postgres in run R")
    );
}

#[tokio::test]
async fn schemas_have_histories_of_their_own_and_nothing_leaks_between_them() {
    let project = Project::new("mig_schemas");
    project.psql("CREATE SCHEMA acme; CREATE SCHEMA \"O'Neil & \"\"Co\"\"\"; CREATE TABLE public.shared (a int); CREATE ROLE other");
    project
        // As pg_dump begins its files.
        .file("0001_dump.sql", "SELECT pg_catalog.set_config('search_path', '', false);\nCREATE TABLE public.dumped ();\nDROP TABLE public.dumped;")
        .file("0002_settings.sql", "SET lock_timeout = 0; SET statement_timeout = 1234; SET ROLE other; SET check_function_bodies = off;")
        .file("0003_table.sql", "CREATE TABLE t (lock text DEFAULT current_setting('lock_timeout'), \
                                  path text DEFAULT current_setting('search_path'), who text DEFAULT current_user);\n\
                                  INSERT INTO t DEFAULT VALUES; INSERT INTO shared VALUES (1);");
    let lab = project.lab().await;
    for schema in ["acme", "O'Neil & \"Co\"", "public"] {
        let out = migrate(&lab, json!({ "schema": schema })).await;
        let out = out.unwrap_or_else(|failure| panic!("{schema}: {:?}", lines(&failure)));
        assert_eq!(did(&out), "0001 0002 0003 |  | null -> 0003 | true");
    }
    assert_eq!(
        project.psql("SELECT lock, path, who FROM acme.t"),
        "500ms|acme, public|postgres"
    );
    assert_eq!(
        project.psql("SELECT path FROM \"O'Neil & \"\"Co\"\"\".t"),
        "\"O'Neil & \"\"Co\"\"\", public"
    );
    assert_eq!(project.psql("SELECT path FROM public.t"), "public");
    assert_eq!(project.psql("SELECT count(*) FROM shared"), "3");
    assert_eq!(
        project.history("acme"),
        "0001 applied 3, 0002 applied 4, 0003 applied 3"
    );
    let missing = migrate(&lab, json!({ "schema": "nowhere" }))
        .await
        .expect_err("no schema");
    assert_eq!(missing.message, "there is no schema `nowhere`");
}

#[tokio::test]
async fn names_without_a_schema_are_of_the_migrated_one() {
    let project = Project::new("mig_unqualified");
    project.psql("CREATE SCHEMA acme");
    project.file("0001_first.sql", "CREATE TABLE first ();");
    migrate(&project.lab().await, json!({ "schema": "acme" }))
        .await
        .expect("applied");
    assert_eq!(
        project.psql("SELECT 'first'::text FROM pg_class WHERE oid = to_regclass('acme.first')"),
        "first"
    );
}

#[tokio::test]
async fn empty_files_and_repeatable_ones() {
    let project = Project::new("mig_repeatable");
    project
        .file("0001_nothing.sql", "-- nothing yet\n")
        .file("R_views.sql", "CREATE OR REPLACE VIEW v AS SELECT 1 AS a;");
    let lab = project.lab().await;
    let out = migrate(&lab, json!({})).await.expect("applied");
    assert_eq!(did(&out), "0001 R_views |  | null -> 0001 | true");
    project.file(
        "R_views.sql",
        "-- pb: no-transaction\nCREATE OR REPLACE VIEW v AS SELECT 2 AS a; SELECT 1;",
    );
    let out = migrate(&lab, json!({})).await.expect("applied again");
    assert_eq!(did(&out), "R_views |  | 0001 -> 0001 | true");
    assert_eq!(project.psql("SELECT a FROM v"), "2");
    assert_eq!(project.history("public"), "0001 applied 0, R applied 2");
    assert_eq!(
        migrate(&lab, json!({})).await.expect("fine")["changed"],
        false
    );
}

#[tokio::test]
async fn files_are_held_to_the_rules_before_any_connection() {
    let project = Project::new("mig_rules");
    let refusal = async |files: &[(&str, &str)]| -> Vec<String> {
        for (name, text) in files {
            project.file(name, text);
        }
        let lab = project
            .lab_at("postgres://nobody@127.0.0.1:1/nowhere")
            .await;
        let failure = migrate(&lab, json!({})).await.expect_err("refused");
        for (name, _) in files {
            project.remove(name);
        }
        lines(&failure)
    };
    let committed = refusal(&[("0001_a.sql", "SELECT 1;\nCOMMIT;")]).await;
    assert_eq!(
        committed[0],
        "PB0330 `0001_a.sql` held transaction control: `COMMIT` on line 2"
    );
    let twice = refusal(&[("0001_a.sql", ""), ("1_b.sql", "")]).await;
    assert_eq!(
        twice[0],
        "PB0330 `0001_a.sql` and `1_b.sql` had the same version `1`"
    );
    assert_eq!(
        refusal(&[("0001_a.sql", ""), ("0004_b.sql", "")]).await,
        [
            "PB0330 the migrations in `migrations` have a gap before `0004_b.sql`",
            "because: there is no file of version 2 to 3",
            "hint: add the missing file, or give the later ones the next free versions",
        ]
    );
    assert_eq!(
        refusal(&[(
            "0001_a.sql",
            "-- pb: no-transaction\nSELECT 1;\nCREATE INDEX CONCURRENTLY ON t (a);"
        )])
        .await,
        [
            "PB0330 line 3 of `0001_a.sql` built an index without a name",
            "because: after a crash nobody could tell whether it was built",
            "hint: write `CREATE INDEX CONCURRENTLY name ON …`, the name in letters or plain quotes",
        ]
    );
    let lab = project.lab().await;
    let args = json!({ "dir": "nowhere" });
    let missing = lab.call("migrate", args).await.expect_err("no folder");
    assert_eq!(missing.message, "the folder `nowhere` could not be read");
    assert_eq!(Value::Null, json!(null));
}

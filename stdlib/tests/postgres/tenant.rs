//! `get_or_create_tenant` on real schemas and registries.

use crate::lab::{Lab, lines};
use crate::migrate::Project;
use pb_core::Failure;
use pb_core::journal::Ended;
use serde_json::{Value, json};

const DOMAIN: &str = "guest.example.com";

fn project(name: &str) -> Project {
    let project = Project::new(name);
    project
        .file("0001_orders.sql", "SET search_path = '';\nCREATE TABLE guest.orders (id int);")
        .file("0002_note.sql", "CREATE TABLE note (text text);\nINSERT INTO note VALUES ('welcome');")
        .file("0003_index.sql", "-- pb: no-transaction\nCREATE INDEX CONCURRENTLY note_text ON note (text);\nVACUUM note;");
    project
}

async fn tenant(lab: &Lab, more: Value) -> Result<Value, Failure> {
    let mut args = json!({ "name": "guest", "domain": DOMAIN, "dir": "migrations" });
    for (name, value) in more.as_object().expect("a map") {
        args[name] = value.clone();
        if value.is_null() {
            args.as_object_mut().expect("a map").remove(name);
        }
    }
    lab.call("get_or_create_tenant", args).await
}

/// Created, repaired, changed.
fn did(out: &Value) -> String {
    format!("{} {} {}", out["created"], out["repaired"], out["changed"])
}

fn registered(project: &Project) -> String {
    project.psql(
        "SELECT string_agg(t.schema_name || ' ' || d.domain || ' ' || d.is_primary, ', ' ORDER BY d.id) \
         FROM pb_tenants t LEFT JOIN pb_domains d ON d.tenant_id = t.id",
    )
}

fn there(project: &Project) -> String {
    project.psql(
        "SELECT coalesce(string_agg(c.relname, ' ' ORDER BY c.relname), '') FROM pg_class c \
         JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'guest' AND c.relkind IN ('r', 'i')",
    )
}

#[tokio::test]
async fn a_tenant_is_made_once() {
    let project = project("ten_once");
    let lab = project.lab().await;
    let out = tenant(&lab, json!({ "fields": { "plan": "trial" } }))
        .await
        .expect("made");
    assert_eq!(
        (did(&out).as_str(), &out["schema"]),
        ("true false true", &json!("guest"))
    );
    assert_eq!(registered(&project), "guest guest.example.com true");
    assert_eq!(
        there(&project),
        "note note_text orders pb_migrations pb_migrations_pkey"
    );
    assert_eq!(
        project.history("guest"),
        "0001 applied 2, 0002 applied 2, 0003 applied 2"
    );
    assert_eq!(
        project.psql("SELECT fields->>'plan' || ' ' || run_id FROM pb_tenants"),
        format!("trial {}", lab.run.id())
    );
    let out = tenant(&project.lab().await, json!({}))
        .await
        .expect("there");
    assert_eq!(did(&out), "false false false");
    let out = tenant(
        &project.lab().await,
        json!({ "domain": "second.example.com" }),
    )
    .await
    .expect("added");
    assert_eq!(did(&out), "false true true");
    assert_eq!(
        registered(&project),
        "guest guest.example.com true, guest second.example.com false"
    );
}

#[tokio::test]
async fn what_fails_leaves_nothing() {
    let project = project("ten_fails");
    project.file(
        "0002_note.sql",
        "CREATE TABLE note (text text);\nSELECT 1/0;",
    );
    let failure = tenant(&project.lab().await, json!({}))
        .await
        .expect_err("division by zero");
    assert_eq!(
        lines(&failure),
        [
            "PB0304 the tenant `guest` was not made: division by zero",
            "because: `0002_note.sql`, line 2:",
            "because:   SELECT 1/0;",
            "state: nothing of it was kept",
        ]
    );
    assert_eq!(
        project.psql("SELECT count(*) FROM pg_namespace WHERE nspname = 'guest'"),
        "0"
    );
    assert_eq!(
        project.psql("SELECT to_regclass('pb_tenants') IS NULL"),
        "t"
    );
}

#[tokio::test]
async fn what_is_half_there_is_completed() {
    let project = project("ten_half");
    project.remove("0003_index.sql");
    // Somebody made the schema and was killed before the rest.
    project.psql("CREATE SCHEMA guest");
    let out = tenant(&project.lab().await, json!({}))
        .await
        .expect("completed");
    assert_eq!(did(&out), "false true true");
    project.psql("DROP SCHEMA guest CASCADE; DELETE FROM pb_domains");
    let out = tenant(&project.lab().await, json!({}))
        .await
        .expect("completed");
    assert_eq!(did(&out), "false true true");
    project.file("0003_more.sql", "CREATE TABLE more ();");
    let lab = project.lab().await;
    let out = tenant(&lab, json!({})).await.expect("brought up to date");
    assert_eq!(did(&out), "false true true");
    assert!(
        lab.said()
            .contains(&"complete tenant `guest`: 1 migration".to_owned()),
        "{:?}",
        lab.said()
    );
    assert_eq!(
        project.history("guest"),
        "0001 applied 2, 0002 applied 2, 0003 applied 1"
    );

    project.file(
        "0004_index.sql",
        "-- pb: no-transaction\nCREATE INDEX CONCURRENTLY i ON note (text);",
    );
    let failure = tenant(&project.lab().await, json!({}))
        .await
        .expect_err("the schema is in use");
    assert_eq!(failure.message, "the tenant `guest` lacks `0004_index.sql`");
    assert_eq!(
        failure.hint.as_deref(),
        Some("migrate(db, \"migrations\", #{ schema: \"guest\" })")
    );
}

#[tokio::test]
async fn tables_that_nobody_wrote_down_are_not_touched() {
    let project = project("ten_foreign");
    project.psql("CREATE SCHEMA guest; CREATE TABLE guest.a (); CREATE TABLE guest.b ()");
    let failure = tenant(&project.lab().await, json!({}))
        .await
        .expect_err("six of thirteen");
    assert_eq!(
        lines(&failure)[0],
        "PB0334 the schema `guest` has tables and no history"
    );
    let out = tenant(&project.lab().await, json!({ "dir": null }))
        .await
        .expect("without files it is only named");
    assert_eq!(did(&out), "false true true");
}

#[tokio::test]
async fn eight_at_once_make_it_once() {
    let project = project("ten_eight");
    let mut calls = vec![];
    for n in 0..8 {
        let lab = project.lab().await;
        // Four for one tenant and four for others: the registry's own tables are raced for too.
        let name = if n < 4 {
            "guest".to_owned()
        } else {
            format!("guest_{n}")
        };
        let dir = if n < 4 {
            json!("migrations")
        } else {
            Value::Null
        };
        let more = json!({ "name": name, "domain": format!("{name}.example.com"), "dir": dir });
        calls.push(async move { tenant(&lab, more).await.map(|out| out["created"] == true) });
    }
    let outs = futures_util::future::join_all(calls).await;
    let created: Vec<bool> = outs
        .into_iter()
        .map(|out| out.unwrap_or_else(|failure| panic!("{:?}", lines(&failure))))
        .collect();
    assert_eq!(created[..4].iter().filter(|created| **created).count(), 1);
    assert!(created[4..].iter().all(|created| *created));
    assert_eq!(project.psql("SELECT count(*) FROM pb_tenants"), "5");
    assert_eq!(project.psql("SELECT count(*) FROM guest.note"), "1");
}

/// As Django makes them: no defaults in the database.
const DJANGO: &str = "\
    CREATE TABLE customers_client (id serial PRIMARY KEY, schema_name varchar(63) NOT NULL UNIQUE, \
        name varchar(100) NOT NULL, on_trial boolean NOT NULL, created_on date NOT NULL); \
    CREATE TABLE customers_domain (id serial PRIMARY KEY, domain varchar(253) NOT NULL UNIQUE, \
        is_primary boolean NOT NULL, tenant_id integer NOT NULL REFERENCES customers_client DEFERRABLE INITIALLY DEFERRED)";

#[tokio::test]
async fn the_registry_of_django_tenants_is_filled() {
    let project = project("ten_django");
    project.psql(DJANGO);
    let tables = json!({ "tenants": "customers_client", "domains": "customers_domain" });
    let without = tenant(&project.lab().await, json!({ "registry": tables }))
        .await
        .expect_err("no name");
    assert_eq!(without.hint.as_deref(), Some("add `fields: #{ name: … }`"));
    let fields = json!({ "name": "The guest", "on_trial": true, "created_on": "2026-01-31" });
    let more = json!({ "registry": tables, "fields": fields });
    let lab = project.lab().await;
    assert_eq!(
        did(&tenant(&lab, more.clone()).await.expect("made")),
        "true false true"
    );
    let row = "SELECT schema_name || ' ' || name || ' ' || on_trial || ' ' || created_on || ' ' || domain || ' ' || is_primary \
               FROM customers_client c JOIN customers_domain d ON d.tenant_id = c.id";
    assert_eq!(
        project.psql(row),
        "guest The guest true 2026-01-31 guest.example.com true"
    );
    assert_eq!(
        did(&tenant(&project.lab().await, more).await.expect("there")),
        "false false false"
    );
    assert_eq!(
        project.psql("SELECT to_regclass('pb_tenants') IS NULL"),
        "t"
    );
    let taken = json!({ "name": "other", "registry": tables, "dir": null });
    let failure = tenant(&project.lab().await, taken)
        .await
        .expect_err("the domain is taken");
    assert_eq!(
        failure.message,
        "the domain `guest.example.com` belongs to the tenant `guest`"
    );
    assert_eq!(lab.undo().await.state, Some(Ended::Undone));
    assert_eq!(project.psql("SELECT (SELECT count(*) FROM customers_client) + (SELECT count(*) FROM customers_domain)"), "0");
}

#[tokio::test]
async fn without_a_registry_there_is_a_schema_and_its_owner() {
    let project = project("ten_none");
    project.psql("CREATE ROLE shopkeeper");
    let more = json!({ "registry": "none", "domain": null, "owner": "shopkeeper" });
    tenant(&project.lab().await, more).await.expect("made");
    assert_eq!(
        project.psql("SELECT nspowner::regrole FROM pg_namespace WHERE nspname = 'guest'"),
        "shopkeeper"
    );
    assert_eq!(
        project.psql("SELECT to_regclass('pb_tenants') IS NULL"),
        "t"
    );
}

#[tokio::test]
async fn names_are_refused_and_not_cut() {
    let project = project("ten_names");
    project.psql("CREATE SCHEMA \"Guest\"");
    let lab = project.lab().await;
    let alike = tenant(&lab, json!({})).await.expect_err("look-alike");
    assert_eq!(
        alike.message,
        "the tenant `guest` would look like the schema `Guest`"
    );
    for name in ["pg_x", "Guest", "a b", "public", "", &"a".repeat(64)] {
        let failure = tenant(&lab, json!({ "name": name })).await.expect_err(name);
        assert_eq!(failure.code, "PB0208", "{name}");
    }
    let longest = "a".repeat(63);
    tenant(&lab, json!({ "name": longest, "dir": null }))
        .await
        .expect("63 bytes fit");
}

#[tokio::test]
async fn undo_drops_what_it_made() {
    let project = project("ten_undo");
    let lab = project.lab().await;
    tenant(&lab, json!({})).await.expect("made");
    let finished = lab.undo().await;
    assert_eq!(finished.state, Some(Ended::Undone));
    assert_eq!(
        finished.failure.expect("the test's own").state,
        ["tenant guest is not there"]
    );
    assert_eq!(there(&project), "");
    assert_eq!(
        project
            .psql("SELECT (SELECT count(*) FROM pb_tenants) + (SELECT count(*) FROM pb_domains)"),
        "0"
    );
}

#[tokio::test]
async fn undo_keeps_what_somebody_else_has_used() {
    let rows = |table| format!("`guest.{table}` holds rows that somebody else wrote");
    let made = "`guest.mine` was made or altered by somebody else".to_owned();
    tokio::join!(
        kept(
            "ten_rows",
            "INSERT INTO guest.orders VALUES (1)",
            rows("orders")
        ),
        kept(
            "ten_seed",
            "UPDATE guest.note SET text = 'hello'",
            rows("note")
        ),
        kept("ten_table", "CREATE TABLE guest.mine ()", made),
    );
}

async fn kept(name: &str, use_it: &str, why: String) {
    let project = project(name);
    let lab = project.lab().await;
    tenant(&lab, json!({})).await.expect("made");
    project.psql(use_it);
    let finished = lab.undo().await;
    assert_eq!(finished.state, Some(Ended::Stuck));
    let state = finished.failure.expect("the test's own").state;
    let expect = [
        "not undone: the tenant `guest` was not dropped".to_owned(),
        format!("  because {why}"),
    ];
    assert_eq!(state[..2], expect);
    assert!(there(&project).contains("note"));
    assert_eq!(registered(&project), "guest guest.example.com true");
}

#[tokio::test]
async fn what_was_there_before_stays() {
    let project = project("ten_before");
    tenant(&project.lab().await, json!({}))
        .await
        .expect("an earlier run");
    let lab = project.lab().await;
    tenant(&lab, json!({ "domain": "second.example.com" }))
        .await
        .expect("a domain more");
    assert_eq!(lab.undo().await.state, Some(Ended::Undone));
    assert_eq!(registered(&project), "guest guest.example.com true");
    assert!(there(&project).contains("note"));
}

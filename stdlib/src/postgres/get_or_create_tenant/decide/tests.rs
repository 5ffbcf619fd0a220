//! What there is in, what remains out.

use super::*;
use crate::postgres::get_or_create_tenant::{Found, Registry};
use crate::postgres::migrate::{Folder, Row};
use crate::postgres::migration_files::read_migrations;
use pb_core::{Decision, Handle, Primitive};
use serde_json::{Value, json};
use std::collections::BTreeMap;

fn args(more: Value) -> Args {
    let db = Handle {
        driver: "postgres".into(),
        name: "database".into(),
        config: serde_json::Map::new(),
        transaction: None,
    };
    let mut args = json!({ "db": db.to_value(), "name": "guest" });
    for (name, value) in more.as_object().expect("a map") {
        args[name] = value.clone();
    }
    serde_json::from_value(args).expect("good options")
}

fn nothing() -> Facts {
    Facts {
        has_schema: false,
        look_alike: None,
        objects: 0,
        has_history: false,
        rows: vec![],
        folder: Folder::default(),
        registry: Found {
            key: "id".into(),
            ..Found::default()
        },
        foreign: vec![],
    }
}

fn complete() -> Facts {
    Facts {
        has_schema: true,
        registry: Found {
            has_tables: true,
            key: "id".into(),
            has_tenant: true,
            domain_of: Some("guest".into()),
        },
        ..nothing()
    }
}

/// A folder of two files, the second one without a transaction.
fn folder() -> Folder {
    let texts: BTreeMap<String, String> = [
        ("0001_a.sql", "CREATE TABLE a ()"),
        (
            "0002_b.sql",
            "-- pb: no-transaction\nCREATE INDEX CONCURRENTLY i ON a ((1))",
        ),
    ]
    .map(|(name, text)| (name.into(), text.into()))
    .into();
    let read = read_migrations(&texts).expect("good files");
    Folder {
        set: read.migrations,
        texts: texts
            .keys()
            .map(|name| {
                (
                    name.clone(),
                    serde_json::from_value(json!(name)).expect("a text"),
                )
            })
            .collect(),
        refused_downs: BTreeMap::new(),
    }
}

fn rows(folder: &Folder, n: usize) -> Vec<Row> {
    let rows = folder.set.versioned.iter().take(n).map(|migration| {
        serde_json::from_value(json!({
            "version": migration.version, "name": migration.name, "checksum": migration.up.checksum,
            "state": "applied", "step": 1, "started_at": "", "run": "R0", "applied_by": "dana",
        }))
    });
    rows.collect::<Result<_, _>>().expect("rows")
}

fn plan(more: Value, facts: &Facts) -> String {
    match GetOrCreateTenant::default().decide(&args(more), facts) {
        Ok(Decision::Nothing) => "nothing".into(),
        Ok(Decision::Act(stages)) => stages[0][0][0].to_string(),
        Ok(Decision::Wait(why)) => why,
        Err(failure) => format!("{} {}", failure.code, failure.message),
    }
}

#[test]
fn what_is_missing_is_made_in_one_action() {
    let domain = json!({ "domain": "g.example.com" });
    let with_files = json!({ "domain": "g.example.com", "dir": "m" });
    let none = json!({ "registry": "none" });
    assert_eq!(
        plan(domain.clone(), &nothing()),
        "create tenant `guest`: schema, registry row, domain `g.example.com`"
    );
    let files = Facts {
        folder: folder(),
        ..nothing()
    };
    assert_eq!(
        plan(with_files.clone(), &files),
        "create tenant `guest`: schema, registry row, domain `g.example.com`, 2 migrations"
    );
    assert_eq!(
        plan(none.clone(), &nothing()),
        "create tenant `guest`: schema"
    );
    assert_eq!(plan(domain.clone(), &complete()), "nothing");
    let mut half = complete();
    half.registry.domain_of = None;
    assert_eq!(
        plan(domain.clone(), &half),
        "complete tenant `guest`: domain `g.example.com`"
    );
    half.has_schema = false;
    assert_eq!(
        plan(domain, &half),
        "complete tenant `guest`: schema, domain `g.example.com`"
    );
    let behind = Facts {
        has_history: true,
        objects: 1,
        rows: rows(&folder(), 2),
        folder: folder(),
        ..complete()
    };
    assert_eq!(plan(with_files, &behind), "nothing");
}

#[test]
fn what_pb_may_not_repair_is_an_error() {
    let domain = json!({ "domain": "g.example.com", "dir": "m" });
    let foreign = Facts {
        objects: 6,
        folder: folder(),
        ..complete()
    };
    assert_eq!(
        plan(domain.clone(), &foreign),
        "PB0334 the schema `guest` has tables and no history"
    );
    let mut taken = complete();
    taken.registry.domain_of = Some("other".into());
    assert_eq!(
        plan(domain.clone(), &taken),
        "PB0334 the domain `g.example.com` belongs to the tenant `other`"
    );
    let alike = Facts {
        look_alike: Some("Guest".into()),
        ..nothing()
    };
    assert_eq!(
        plan(domain.clone(), &alike),
        "PB0334 the tenant `guest` would look like the schema `Guest`"
    );
    assert_eq!(
        plan(json!({}), &nothing()),
        "PB0207 `get_or_create_tenant` needs the option `domain`"
    );
    let tables = json!({ "tenants": "customers_client", "domains": "customers_domain" });
    assert_eq!(
        plan(json!({ "domain": "x", "registry": tables }), &nothing()),
        "PB0315 there is no `public`.`customers_client` or no `public`.`customers_domain`"
    );
    let behind = Facts {
        has_history: true,
        objects: 1,
        rows: rows(&folder(), 1),
        folder: folder(),
        ..complete()
    };
    assert_eq!(
        plan(domain, &behind),
        "PB0334 the tenant `guest` lacks `0002_b.sql`"
    );
    assert!(matches!(
        args(json!({ "registry": "none" })).registry,
        Some(Registry::Word(_))
    ));
}

#[test]
fn undo_takes_back_what_was_missing_before() {
    let domain = json!({ "domain": "g.example.com" });
    let made =
        |before: &Facts| match GetOrCreateTenant::default().undo(&args(domain.clone()), before) {
            Undo::Call { args, .. } => args["back"].clone(),
            Undo::None { why } => json!(why),
        };
    assert_eq!(
        made(&nothing()),
        json!({ "schema": true, "tenant": true, "domain": true })
    );
    let mut half = complete();
    half.registry.domain_of = None;
    assert_eq!(
        made(&half),
        json!({ "schema": false, "tenant": false, "domain": true })
    );
    let back = json!({ "domain": "g.example.com",
                       "back": { "schema": true, "tenant": true, "domain": true } });
    assert_eq!(plan(back.clone(), &complete()), "drop tenant `guest`");
    assert_eq!(plan(back.clone(), &nothing()), "nothing");
    let foreign = Facts {
        foreign: vec!["`guest.t` holds rows".into()],
        ..complete()
    };
    assert_eq!(
        plan(back, &foreign),
        "PB0334 the tenant `guest` was not dropped"
    );
    let behind = Facts {
        has_history: true,
        rows: rows(&folder(), 1),
        folder: folder(),
        ..complete()
    };
    let undo = GetOrCreateTenant::default()
        .undo(&args(json!({ "registry": "none", "dir": "m" })), &behind);
    let why = "the schema was there before, and its migrations stay";
    assert_eq!(undo, Undo::none(why));
}

//! The handle that database primitives take.

use pb_core::{HandleKind, HandleOf, Subject};
use serde_json::Value;

/// A database: `target.database` where a call names none.
#[derive(Debug)]
pub struct Database;

impl HandleKind for Database {
    const DRIVERS: &'static [&'static str] = &["postgres"];
    const DEFAULT: Option<&'static str> = Some("database");
}

/// What a call on it is shown beside: the database's own name, or that of the handle where a secret holds the URL.
pub(crate) fn place(db: &HandleOf<Database>) -> String {
    let url = db.0.config.get("postgres").and_then(Value::as_str);
    let path = url
        .filter(|url| url.starts_with("postgres"))
        .and_then(|url| url.split_once("://"))
        .and_then(|(_, rest)| rest.split_once('/'));
    match path.map(|(_, path)| path.split(['?', '#']).next().unwrap_or_default()) {
        Some(name) if !name.is_empty() => name.to_owned(),
        _ => db.0.name.clone(),
    }
}

/// The database as a thing that a step touches.
pub(crate) fn subject(db: &HandleOf<Database>) -> Subject {
    Subject::new("database", place(db))
}

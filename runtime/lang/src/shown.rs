//! Values as people read them, on lines, in lists and in errors: never by the names of Rust's types.

use crate::planning::Unknown;
use crate::values::{HandleValue, Moment, Record, Secret, Thrown, rfc3339};
use rhai::{Array, Dynamic, INT, Map};
use std::any::type_name;
use std::ops::{Range, RangeInclusive};

/// A value by itself, as `print` shows it.
pub(crate) fn alone(value: &Dynamic) -> String {
    if let Some(text) = text(value) {
        return text;
    }
    if let Some(handle) = value.read_lock::<HandleValue>() {
        return handle.0.name.clone();
    }
    if let Some(error) = value.read_lock::<Thrown>() {
        return error.0.message.clone();
    }
    within(value)
}

/// A value within others, as `debug` shows it: texts are in quotes.
pub(crate) fn within(value: &Dynamic) -> String {
    let value = value.flatten_clone();
    if let Some(items) = value.read_lock::<Array>() {
        let items: Vec<_> = items.iter().map(within).collect();
        return format!("[{}]", items.join(", "));
    }
    if let Some(map) = value.read_lock::<Map>() {
        return entries(&map);
    }
    if let Some(record) = value.read_lock::<Record>() {
        return entries(&record.0);
    }
    if let Some(secret) = value.read_lock::<Secret>() {
        return secret.0.to_string();
    }
    if let Some(handle) = value.read_lock::<HandleValue>() {
        return format!("handle {}", handle.0.name);
    }
    if let Some(error) = value.read_lock::<Thrown>() {
        return format!("{}: {}", error.0.kind, error.0.message);
    }
    if let Some(unknown) = value.read_lock::<Unknown>() {
        return format!("‹{}›", unknown.0);
    }
    if let Some(moment) = value.read_lock::<Moment>() {
        return rfc3339(moment.0);
    }
    format!("{value:?}")
}

fn entries(map: &Map) -> String {
    let entries = map
        .iter()
        .map(|(key, value)| format!("{key:?}: {}", within(value)));
    format!("#{{{}}}", entries.collect::<Vec<_>>().join(", "))
}

/// A text, also one that holds secrets: those stand in it by name.
pub(crate) fn text(value: &Dynamic) -> Option<String> {
    if let Some(unknown) = value.read_lock::<Unknown>() {
        return Some(format!("‹{}›", unknown.0));
    }
    match value.read_lock::<Secret>() {
        Some(secret) => Some(secret.0.to_string()),
        None => value.clone().into_string().ok(),
    }
}

/// What a value is, as scripts call it.
pub(crate) fn kind(value: &Dynamic) -> &'static str {
    kind_named(value.flatten_clone().type_name())
}

/// The same for the name that Rust has for its type.
pub(crate) fn kind_named(rust: &str) -> &str {
    let named: [(&str, &str); 7] = [
        (type_name::<Record>(), "map"),
        (type_name::<HandleValue>(), "handle"),
        (type_name::<Secret>(), "secret"),
        (type_name::<Thrown>(), "error"),
        (type_name::<Moment>(), "timestamp"),
        (type_name::<Range<INT>>(), "range"),
        (type_name::<RangeInclusive<INT>>(), "range"),
    ];
    match named.iter().find(|(name, _)| *name == rust) {
        Some((_, kind)) => kind,
        // A variable that a closure uses too; what it holds is not told.
        None if rust.starts_with("alloc::sync::Arc<") => "a shared value",
        None => rust,
    }
}

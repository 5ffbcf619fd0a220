//! Each primitive goes round through the real command, and has a page.

use std::path::Path;

use super::none;
use crate::support::checkout;

#[test]
fn every_primitive_has_its_test() {
    none(
        &missing("tests/primitives", "rs"),
        "write these: run, run again, undone, and its likeliest mistakes",
    );
}

#[test]
fn every_primitive_has_its_page() {
    none(
        &missing("book/src/reference/primitives", "md"),
        "`UPDATE_EXPECT=1 cargo test --test main docs` writes these",
    );
}

fn missing(folder: &str, extension: &str) -> Vec<String> {
    let files = names()
        .into_iter()
        .map(|name| format!("{folder}/{name}.{extension}"));
    files
        .filter(|file| !checkout::root().join(file).exists())
        .collect()
}

fn names() -> Vec<String> {
    let registry = pb_stdlib::registry(Path::new("."), None);
    let primitives = registry.specs().map(|spec| spec.name);
    primitives
        .chain(registry.brackets.keys().copied())
        .map(str::to_owned)
        .collect()
}

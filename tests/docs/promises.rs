//! The tests that the page of promises names are there.

use super::{none, read};
use crate::support::checkout;
use std::collections::BTreeSet;
use std::path::Path;

#[test]
fn every_test_that_a_promise_names_is_there() {
    let page = read(Path::new("book/src/concepts/promises.md"));
    let mut tests = BTreeSet::new();
    collect(checkout::root(), &mut tests);
    let rows: Vec<_> = page
        .lines()
        .filter(|line| line.starts_with("| P"))
        .collect();
    assert_eq!(rows.len(), 20, "P1 to P20");
    let named = rows
        .iter()
        .flat_map(|row| row.split('`').skip(1).step_by(2));
    let missing: Vec<_> = named
        .filter(|name| !tests.contains(*name))
        .map(str::to_owned)
        .collect();
    none(&missing, "promises name tests that do not exist");
}

/// The names of all functions that follow a line with `test`.
fn collect(folder: &Path, tests: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && name != "target" && !name.starts_with('.') {
            collect(&path, tests);
        } else if name.ends_with(".rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            let mut lines = text.lines().map(str::trim);
            while let Some(line) = lines.next() {
                if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
                    let head = lines.find(|line| line.contains("fn ")).unwrap_or_default();
                    let after = head.split_once("fn ").unwrap_or_default().1;
                    tests.insert(after.split('(').next().unwrap_or_default().to_owned());
                }
            }
        }
    }
}

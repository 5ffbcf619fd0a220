//! Playbooks with one mistake each, and playbooks with none: found at the exact place, and nothing else.
//!
//! The first line of each says what is found: `//! expect: 3:12-18 PB0207 error` is line 3, columns 12 to 18 (the first behind
//! it), `//! expect: nothing` is nothing at all, and one in another file has that before its line. They lie in the project of
//! `tests/check/pb.toml`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::docs::rehearsal::rehearse;
use crate::rules::none;
use crate::support::checkout;
use crate::support::pb::Pb;

const FOLDER: &str = "tests/check";

#[test]
fn every_planted_mistake_is_found_where_it_is() {
    let found = check("wrong");
    println!("{found} playbooks with one mistake each: {found} found at the exact place");
    assert!(found >= 60, "{found} playbooks");
}

#[test]
fn nothing_is_found_in_what_is_right() {
    let found = check("right");
    println!("{found} right playbooks: 0 false findings");
    assert!(found >= 60, "{found} playbooks");
}

/// What is called right has to be: each is run against stand-ins.
#[test]
fn what_is_right_runs() {
    let folder = checkout::root().join(FOLDER).join("right");
    let mut wrong = vec![];
    for file in playbooks("right") {
        let name = file.strip_prefix("right/").unwrap();
        let state = tempfile::tempdir().unwrap();
        copy(&folder, state.path());
        let ran = rehearse(state.path(), name);
        let failure = ran.map_or_else(Some, |ran| ran.finished.failure);
        wrong.extend(failure.map(|failure| {
            let line = failure.chain.first().map_or(0, |site| site.line);
            format!("{name}:{line}: {} {:?}", failure.message, failure.because)
        }));
    }
    none(&wrong, "these are not right");
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &to),
            false => drop(fs::copy(entry.path(), to).unwrap()),
        }
    }
}

/// The playbooks of a kind, by name.
fn playbooks(kind: &str) -> Vec<String> {
    let files = fs::read_dir(checkout::root().join(FOLDER).join(kind)).unwrap();
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    let names = names.filter(|name| name.ends_with(".rhai"));
    let mut files: Vec<_> = names.map(|name| format!("{kind}/{name}")).collect();
    files.sort();
    files
}

/// One process looks through all files of the folder; gives their number.
#[track_caller]
fn check(kind: &str) -> usize {
    let folder = checkout::root().join(FOLDER);
    let files = playbooks(kind);
    let pb = Pb::new().args(["check", "-e", "prod", "--output", "json", "-C"]);
    let ran = pb.args([folder.clone()]).args(files.clone()).run();
    let said: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{ran}"));
    let mut found: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for finding in said["findings"].as_array().unwrap() {
        let file = finding["file"].as_str().unwrap();
        found.entry(file).or_default().push(line(finding));
    }
    let mut wrong = vec![];
    for file in &files {
        let text = fs::read_to_string(folder.join(file)).unwrap();
        let marker = text.lines().next().unwrap().strip_prefix("//! expect: ");
        let expected = marker.unwrap_or_else(|| panic!("{file} does not say what is expected"));
        let other = expected.split(':').next().filter(|name| name.contains('/'));
        let mut said = found.remove(file.as_str()).unwrap_or_default();
        if let Some(other) = other {
            let there = found.remove(other).unwrap_or_default().into_iter();
            said.extend(there.map(|one| format!("{other}:{one}")));
        }
        // The message is for whoever reads the failure.
        let mut places: Vec<_> = said
            .iter()
            .map(|one| one.split(": ").next().unwrap())
            .collect();
        if places.is_empty() {
            places.push("nothing");
        }
        if places != [expected] {
            let said = said.join("\n    found ");
            wrong.push(format!("{file}: expected {expected}\n    found {said}"));
        }
    }
    wrong.extend(
        found
            .iter()
            .map(|(file, said)| format!("{file}: found {}", said.join(" and "))),
    );
    none(
        &wrong,
        "the check finds something else than what is planted there",
    );
    files.len()
}

/// `3:12-18 PB0207 error: message`.
fn line(finding: &Value) -> String {
    let text = |key: &str| finding[key].as_str().unwrap();
    format!(
        "{}:{}-{} {} {}: {}",
        finding["line"],
        finding["column"],
        finding["end_column"],
        text("code"),
        text("level"),
        text("message"),
    )
}

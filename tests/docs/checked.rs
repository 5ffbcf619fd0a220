//! In every playbook that the book shows, and in those of the repository, a check finds nothing wrong.

use std::fs;
use std::path::Path;

use pb_core::finding::{Finding, Level};
use pb_runtime::{Environment, Script};

use super::blocks::blocks;
use super::primitive_pages::registry;
use super::rehearsal::target;
use super::{none, pages};
use crate::rules::{extension, read, repository_files};

#[test]
fn what_pages_show_is_right() {
    let mut wrong = vec![];
    for page in pages() {
        let folder = tempfile::tempdir().unwrap();
        for block in blocks(&page)
            .iter()
            .filter(|block| block.language == "rhai")
        {
            let file = block.value("file").unwrap_or("playbook.rhai");
            write(folder.path(), file, &block.text);
            if block.value("file").is_none() && !block.is("fails") && !block.is("wrong") {
                let found = check(folder.path());
                wrong.extend(
                    found
                        .iter()
                        .map(|line| format!("{}: {line}", block.place())),
                );
            }
        }
    }
    none(&wrong, "a check finds this in what these blocks show");
}

#[test]
fn the_playbooks_of_the_repository_are_right() {
    let playbooks = repository_files()
        .into_iter()
        .filter(|path| path.starts_with("playbooks") && extension(path) == "rhai");
    let mut wrong = vec![];
    for path in playbooks {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "playbook.rhai", &read(&path));
        let found = check(folder.path());
        wrong.extend(
            found
                .iter()
                .map(|line| format!("{}: {line}", path.display())),
        );
    }
    none(&wrong, "a check finds this in playbooks of the repository");
}

/// What is worse than a note.
fn check(folder: &Path) -> Vec<String> {
    let script = Script::load(&folder.join("playbook.rhai"), folder, pb_stdlib::LIBRARY);
    let script = script.unwrap_or_else(|failure| panic!("{failure}"));
    let environment = Environment {
        name: "prod".into(),
        target: target(),
    };
    let registry = registry();
    let mut found = vec![];
    for environment in [None, Some(&environment)] {
        let checked = pb_runtime::check(&script, &registry, environment, None);
        found.extend(
            checked
                .findings
                .iter()
                .filter(|f| f.level != Level::Note)
                .map(shown),
        );
    }
    found
}

fn shown(finding: &Finding) -> String {
    let place = format!("{}:{}", finding.line, finding.column);
    format!("{place} {} {}", finding.code, finding.message)
}

fn write(folder: &Path, file: &str, text: &str) {
    let path = folder.join(file);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

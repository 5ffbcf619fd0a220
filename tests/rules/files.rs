//! What lies where, and how each file begins.

use std::fs;
use std::path::{Path, PathBuf};

use super::{extension, none, read, repository_files};
use crate::support::checkout;

const TOP: &[&str] = &[
    ".ci",
    ".gitignore",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "Makefile",
    "README.md",
    "benches",
    "book",
    "clippy.toml",
    "deny.toml",
    "examples",
    "playbooks",
    "runtime",
    "rustfmt.toml",
    "stdlib",
    "tests",
];

/// Names that say nothing: whatever has no better home ends up there.
const EMPTY_NAMES: &[&str] = &["common", "helper", "helpers", "misc", "util", "utils"];

#[test]
fn the_top_level_holds_what_a_newcomer_expects() {
    let names = fs::read_dir(checkout::root()).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let unknown = names.filter(|name| {
        let ours = matches!(name.as_str(), "target" | ".pb") || name.starts_with(".git");
        !ours && !TOP.contains(&name.as_str())
    });
    none(
        &unknown.collect::<Vec<_>>(),
        "move these below an existing folder, or add them to TOP here",
    );
}

#[test]
fn every_source_file_says_what_it_is_for() {
    let silent = repository_files()
        .into_iter()
        .filter(|path| extension(path) == "rs" && !read(path).starts_with("//! "));
    none(
        &show(silent),
        "begin these with a line `//! …`: what it is for, what it must not know",
    );
}

#[test]
fn names_say_what_is_inside() {
    let empty = repository_files().into_iter().filter(|path| {
        let parts = path.iter().map(|part| Path::new(part).file_stem().unwrap());
        parts
            .into_iter()
            .any(|part| EMPTY_NAMES.contains(&part.to_str().unwrap()))
    });
    none(
        &show(empty),
        "name these by their noun, such as `backoff.rs`",
    );
}

#[test]
fn nothing_is_left_for_later() {
    let marks = [concat!("TO", "DO"), concat!("FIX", "ME")];
    let kinds = ["rs", "rhai", "sh", "sql", "toml", "md"];
    let later = repository_files()
        .into_iter()
        .filter(|path| kinds.contains(&extension(path)));
    let lines = later.flat_map(|path| {
        let text = read(&path);
        let found = text.lines().enumerate().filter(|(_, line)| {
            let mut words = line.split(|c: char| !c.is_alphanumeric());
            words.any(|word| marks.contains(&word))
        });
        found
            .map(|(at, line)| format!("{}:{}: {line}", path.display(), at + 1))
            .collect::<Vec<_>>()
    });
    none(
        &lines.collect::<Vec<_>>(),
        "do it, or open an issue and delete the mark",
    );
}

/// What cargo builds of this folder: one test binary, one bench.
const PROGRAMS: [&str; 2] = ["tests/main.rs", "tests/bench/main.rs"];

#[test]
fn no_test_file_is_forgotten() {
    let forgotten = repository_files().into_iter().filter(|path| {
        let test = path.starts_with("tests") && extension(path) == "rs";
        test && !PROGRAMS.iter().any(|program| path == Path::new(program)) && !is_declared(path)
    });
    none(
        &show(forgotten),
        "cargo does not run these: add `mod …;` to the file one level up",
    );
}

/// Whether `mod name;` stands in the file of the module above.
fn is_declared(path: &Path) -> bool {
    let folder = path.parent().unwrap();
    let (module, above) = match path.file_name().unwrap().to_str().unwrap() {
        "mod.rs" => (
            folder.file_name().unwrap().to_str().unwrap(),
            folder.parent().unwrap(),
        ),
        name => (name.strip_suffix(".rs").unwrap(), folder),
    };
    let parents = ["main.rs", "mod.rs"].map(|name| above.join(name));
    let parents = parents
        .into_iter()
        .chain([above.with_extension("rs")])
        .filter(|parent| checkout::root().join(parent).is_file());
    parents.into_iter().any(|parent| {
        let declares = |line: &str| {
            line.trim().strip_suffix(';').is_some_and(|line| {
                let mut words = line.split(' ').rev();
                words.next() == Some(module) && words.next() == Some("mod")
            })
        };
        read(parent).lines().any(declares)
    })
}

fn show(paths: impl Iterator<Item = PathBuf>) -> Vec<String> {
    paths.map(|path| path.display().to_string()).collect()
}

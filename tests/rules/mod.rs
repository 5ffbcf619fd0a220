//! Rules of the repository. Each message says what to edit.

mod files;
mod layers;
mod licences;
mod lock;
mod primitives;

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::checkout;

/// Every file of the repository, relative to its root, in order; not what is built, hidden or another checkout.
pub(crate) fn repository_files() -> Vec<PathBuf> {
    let mut files = Vec::new();
    walk(checkout::root(), &mut files);
    files.sort();
    files
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        let inside = path.strip_prefix(checkout::root()).unwrap();
        match path.is_dir() {
            true if inside == Path::new("target") || inside == Path::new(".git") => {}
            true if name == ".pb" => {}
            true => walk(&path, files),
            false => files.push(inside.to_path_buf()),
        }
    }
}

pub(crate) fn read(path: impl AsRef<Path>) -> String {
    let path = checkout::root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

pub(crate) fn extension(path: &Path) -> &str {
    path.extension()
        .and_then(|extension| extension.to_str())
        .unwrap_or_default()
}

/// Panics with `edit` and the list, unless the list is empty.
#[track_caller]
pub(crate) fn none(found: &[String], edit: &str) {
    assert!(found.is_empty(), "{edit}:\n  {}", found.join("\n  "));
}

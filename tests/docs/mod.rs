//! Documents stay true: what is generated is up to date, what is shown runs, what is named exists.

mod blocks;
mod checked;
mod console;
mod error_pages;
mod examples;
mod generated;
mod links;
mod parts;
mod playbooks;
mod primitive_pages;
mod promises;
pub(crate) mod rehearsal;
mod words;

use std::path::PathBuf;
use std::{env, fs};

use crate::rules::{none, read};
use crate::support::checkout;

/// Every page of the book, and what lies at the top of the repository, relative to its root.
fn pages() -> Vec<PathBuf> {
    let mut folders = vec![PathBuf::from("book/src")];
    let mut pages: Vec<_> = ["README.md", "CHANGELOG.md", "CONTRIBUTING.md"]
        .map(PathBuf::from)
        .into();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(checkout::root().join(&folder)).unwrap() {
            let entry = entry.unwrap();
            let path = folder.join(entry.file_name());
            match entry.file_type().unwrap().is_dir() {
                true => folders.push(path),
                false if path.extension().is_some_and(|extension| extension == "md") => {
                    pages.push(path);
                }
                false => {}
            }
        }
    }
    pages.sort();
    pages
}

fn is_update() -> bool {
    env::var("UPDATE_EXPECT").is_ok_and(|update| update == "1")
}

//! Every playbook that the book shows is read and run, in a rehearsal without servers.
//!
//! Marks of a ```` ```rhai ```` block: `file=lib/x.rhai` is a module for the blocks after it on its page, `fails` ends
//! with an error, `wrong` is not run because the check finds something (`error_pages.rs`), and a ```` ```text,printed ````
//! block after it is what it prints.

use std::fs;
use std::path::{Path, PathBuf};

use pb_core::Failure;

use super::blocks::{Block, blocks};
use super::rehearsal::rehearse;
use super::{none, pages};
use crate::rules::{extension, read, repository_files};

#[test]
fn what_pages_show_runs() {
    let mut wrong = vec![];
    for page in pages() {
        let folder = tempfile::tempdir().unwrap();
        let mut before: Option<String> = None;
        for block in blocks(&page) {
            let printed = before.take();
            match block.language.as_str() {
                "rhai" if block.is("wrong") => {}
                "rhai" => match block.value("file") {
                    Some(file) => write(folder.path(), file, &block.text),
                    None => match run(folder.path(), &block) {
                        Ok(printed) => before = Some(printed),
                        Err(why) => wrong.push(format!("{}: {why}", block.place())),
                    },
                },
                "text" if block.is("printed") && printed.as_ref() != Some(&block.text) => {
                    let printed = printed.unwrap_or_default();
                    wrong.push(format!("{}: it prints\n{printed}", block.place()));
                }
                _ => {}
            }
        }
    }
    none(&wrong, "what these blocks show is not so");
}

#[test]
fn the_playbooks_of_the_repository_run() {
    let playbooks = repository_files()
        .into_iter()
        .filter(|path| path.starts_with("playbooks") && extension(path) == "rhai");
    let wrong = playbooks.filter_map(|path| {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "playbook.rhai", &read(&path));
        let why = why_not(rehearse(folder.path(), "playbook.rhai"))?;
        Some(format!("{}: {why}", path.display()))
    });
    none(&wrong.collect::<Vec<_>>(), "these do not run");
}

fn run(folder: &Path, block: &Block) -> Result<String, String> {
    write(folder, "playbook.rhai", &block.text);
    let result = rehearse(folder, "playbook.rhai");
    let printed = result
        .as_ref()
        .map_or(String::new(), |ran| ran.printed.clone());
    match (why_not(result), block.is("fails")) {
        (None, false) | (Some(_), true) => Ok(printed),
        (Some(why), false) => Err(why),
        (None, true) => Err("it ends well, and is marked as failing".into()),
    }
}

fn why_not(result: pb_core::Result<super::rehearsal::Rehearsed>) -> Option<String> {
    let failure = match result {
        Ok(ran) => ran.finished.failure?,
        Err(failure) => failure,
    };
    Some(shown(&failure))
}

fn shown(failure: &Failure) -> String {
    let place = failure
        .chain
        .first()
        .map(|site| format!(" (line {})", site.line));
    let mut text = format!("{}{}", failure.message, place.unwrap_or_default());
    for line in failure.because.iter().chain(&failure.hint) {
        text += &format!("\n    {line}");
    }
    text
}

fn write(folder: &Path, file: &str, text: &str) {
    let path: PathBuf = folder.join(file);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

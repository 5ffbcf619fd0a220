//! What pages show of the command is what the command says, but for times and ids.

use std::io::Read;
use std::process::Stdio;

use super::blocks::{Block, blocks};
use super::{none, pages};
use crate::support::pb::Pb;
use crate::support::redact::redact;

/// A ```` ```console ```` block holds lines that begin with `$ pb`, each with its output. Blocks before it on its page that
/// are marked `file=NAME` are files of the project.
#[test]
fn the_command_says_what_pages_show() {
    let mut wrong = vec![];
    for page in pages() {
        let mut pb = Pb::new();
        for block in blocks(&page) {
            if let Some(file) = block.value("file").filter(|_| block.language != "rust") {
                pb = pb.file(file, &block.text);
            }
            if block.language == "console" {
                wrong.extend(differences(&pb, &block));
            }
        }
    }
    none(
        &wrong,
        "what these blocks show is not what the command says",
    );
}

/// Every environment of every `pb.toml` on a page can be chosen.
#[test]
fn each_manifest_is_read() {
    let mut wrong = vec![];
    for block in pages().iter().flat_map(|page| blocks(page)) {
        if block.language != "toml" {
            continue;
        }
        let table: toml::Table = block.text.parse().unwrap();
        let environments = table.get("env").and_then(toml::Value::as_table);
        for name in environments.into_iter().flat_map(|table| table.keys()) {
            let pb = Pb::new().toml(&block.text).file("nothing.rhai", "1");
            let ran = pb.args(["run", "nothing.rhai", "-e", name]).run();
            if ran.code != 0 {
                wrong.push(format!("{}: {ran}", block.place()));
            }
        }
    }
    none(&wrong, "the command refuses these");
}

fn differences(pb: &Pb, block: &Block) -> Vec<String> {
    let mut wrong = vec![];
    for entry in format!("\n{}", block.text).split("\n$ ").skip(1) {
        let (line, shown) = entry.split_once('\n').unwrap_or((entry, ""));
        let mut words = line.split(' ');
        assert_eq!(words.next(), Some("pb"), "{}: {line}", block.place());
        let said = said(&pb.with(words));
        if redact(said.trim_end()) != redact(shown.trim_end()) {
            wrong.push(format!("{}: {line} says\n{said}", block.place()));
        }
    }
    wrong
}

/// Both outputs in the order in which they come.
fn said(pb: &Pb) -> String {
    let (mut read, write) = std::io::pipe().unwrap();
    let mut command = pb.command();
    command
        .stdin(Stdio::null())
        .stdout(write.try_clone().unwrap())
        .stderr(write);
    let mut child = command.spawn().unwrap();
    // The command holds the other end of the pipe until it is gone.
    drop(command);
    let mut text = String::new();
    read.read_to_string(&mut text).unwrap();
    child.wait().unwrap();
    text
}

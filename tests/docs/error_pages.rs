//! The pages of the codes: their heads come from the declarations, and what they show of the check is what it says.
//!
//! A ```` ```rhai,wrong ```` block is a playbook in which the check finds that code; the block behind it is what it prints.

use std::fmt::Write;

use pb_core::code::{self, Code};

use super::generated;
use super::none;
use crate::rules::read;
use crate::support::pb::Pb;

const SUMMARY: &str = "book/src/SUMMARY.md";

#[test]
fn every_page_of_a_code_begins_as_it_is_declared_and_shows_what_is_said() {
    let mut wrong = vec![];
    for code in code::ALL {
        let path = format!("book/src/reference/errors/{}.md", code.id);
        let old = read(&path);
        // The heading, the meaning, and an empty line behind each.
        let body: Vec<_> = old.lines().skip(4).collect();
        if !body.contains(&"## What to do") {
            wrong.push(format!("{path} does not say what to do"));
        }
        let mut page = format!("# {} · `{}`\n\n{}\n\n", code.id, code.kind, code.meaning);
        page += &answered(code, &body, &mut wrong);
        generated::page(&path, &page);
    }
    none(&wrong, "these pages of codes are not right");
}

#[test]
fn the_summary_lists_every_code() {
    let old = read(SUMMARY);
    let mut text = String::new();
    for line in old
        .lines()
        .filter(|line| !line.contains("](reference/errors/"))
    {
        writeln!(text, "{line}").unwrap();
        if line.ends_with("](reference/errors.md)") {
            for Code { id, kind, .. } in code::ALL {
                writeln!(text, "    - [{id} {kind}](reference/errors/{id}.md)").unwrap();
            }
        }
    }
    generated::page(SUMMARY, &text);
}

/// The page with what the check says of each playbook that is wrong.
fn answered(code: &Code, lines: &[&str], wrong: &mut Vec<String>) -> String {
    let mut page = String::new();
    let mut lines = lines.iter().peekable();
    while let Some(line) = lines.next() {
        writeln!(page, "{line}").unwrap();
        if *line != "```rhai,wrong" {
            continue;
        }
        let playbook: Vec<&str> = lines
            .by_ref()
            .take_while(|line| **line != "```")
            .copied()
            .collect();
        let playbook = playbook.join("\n") + "\n";
        let said = said(&playbook);
        if !said.contains(&format!("[{}]", code.id)) {
            wrong.push(format!(
                "{}: the check finds something else\n{said}",
                code.id
            ));
        }
        write!(page, "{playbook}```\n\n```text\n{said}```\n").unwrap();
        if lines.peek().is_some_and(|line| line.is_empty()) {
            let mut behind = lines.clone();
            behind.next();
            // What was said before is replaced.
            if behind.next() == Some(&"```text") {
                lines = behind;
                lines.by_ref().find(|line| **line == "```");
            }
        }
    }
    page
}

/// What `pb check` prints of it, but for its last line, which has a time in it.
fn said(playbook: &str) -> String {
    let pb = Pb::new().file("release.rhai", playbook);
    let ran = pb.args(["check", "release.rhai"]).run();
    let mut lines: Vec<_> = ran.stdout.lines().collect();
    lines.pop();
    while lines.last().is_some_and(|line| line.is_empty()) {
        lines.pop();
    }
    lines.iter().map(|line| format!("{line}\n")).collect()
}

//! The rest of the reference: the list of primitives by area, the errors, and the summary's part of both.

use std::collections::BTreeMap;
use std::fmt::Write;

use pb_core::code;
use pb_core::run::Common;
use pb_core::spec::Field;

use super::generated::{self, MARK};
use super::primitive_pages::{Shown, all, registry, table};
use crate::rules::read;
use crate::support::pb::Pb;

const SUMMARY: &str = "book/src/SUMMARY.md";

/// Areas as people say them, in the order in which a deploy meets them.
const AREAS: &[(&str, &str)] = &[
    ("postgres", "Databases"),
    ("docker", "Containers"),
    ("http", "HTTP"),
    ("host", "This machine"),
    ("chat", "Chat"),
];

#[test]
fn the_list_of_primitives_is_that_of_the_registry() {
    let mut areas: BTreeMap<String, Vec<Shown>> = BTreeMap::new();
    for shown in all() {
        areas
            .entry(shown.area().to_owned())
            .or_default()
            .push(shown);
    }
    let mut text = String::new();
    for (area, title) in AREAS {
        let Some(calls) = areas.remove(*area) else {
            continue;
        };
        write!(text, "\n## {title}\n\n| call | what it does |\n|---|---|\n").unwrap();
        for shown in calls {
            let first = shown.doc.lines().next().unwrap();
            writeln!(
                text,
                "| [`{name}`](primitives/{name}.md) | {first} |",
                name = shown.name
            )
            .unwrap();
        }
    }
    let strange: Vec<_> = areas.into_keys().collect();
    assert!(
        strange.is_empty(),
        "name these areas in AREAS here: {strange:?}"
    );
    text += "\n## Options of every call\n\n";
    let mut nested = vec![];
    text += &table(&Field::all_of::<Common>(), "", &mut nested);
    for (path, fields) in nested {
        writeln!(text, "### `{path}`\n").unwrap();
        text += &table(&fields, &path, &mut vec![]);
    }
    text += "A primitive's own option comes before one of these with the same name.\n";
    let page = format!(
        "{MARK}`stdlib/src/lib.rs`. -->\n\n# Primitives\n\nWhat a playbook can call, besides the \
         [words of the language](words.md).\n{text}"
    );
    generated::page("book/src/reference/primitives.md", &page);
}

#[test]
fn every_error_is_on_the_page_of_errors() {
    let calls = all();
    let mut text = "| code | kind | what it means | raised by |\n|---|---|---|---|\n".to_owned();
    for code in code::ALL {
        let by = calls.iter().filter(|shown| shown.doc.contains(code.id));
        let by: Vec<_> = by
            .map(|shown| format!("[{name}](primitives/{name}.md)", name = shown.name))
            .collect();
        let (id, kind, by) = (code.id, code.kind, by.join(", "));
        writeln!(
            text,
            "| <a id=\"{id}\"></a>[`{id}`](errors/{id}.md) | `{kind}` | {} | {by} |",
            code.meaning
        )
        .unwrap();
    }
    let page = format!(
        "{MARK}`runtime/core/src/code.rs`. -->\n\n# Errors\n\nEvery error has a code, which never gets another \
         meaning, and a kind, which scripts compare: `err.kind == \"unhealthy\"`. What else an error holds is told in \
         [errors as maps](../playbooks/calls.md#errors). Each has a page with an example and what to do; `pb explain \
         CODE` shows it in the terminal.\n\n{text}"
    );
    generated::page("book/src/reference/errors.md", &page);
}

#[test]
fn the_summary_lists_every_primitive() {
    let old = read(SUMMARY);
    let listed = |line: &&str| {
        line.trim_start().starts_with("- [`") && line.contains("](reference/primitives/")
    };
    let lines = all().into_iter().map(|shown| {
        format!(
            "    - [`{name}`](reference/primitives/{name}.md)",
            name = shown.name
        )
    });
    let mut lines = lines.collect::<Vec<_>>();
    let mut text = String::new();
    for line in old.lines().filter(|line| !listed(line)) {
        writeln!(text, "{line}").unwrap();
        if line.ends_with("](reference/primitives.md)") {
            text.extend(lines.drain(..).map(|line| line + "\n"));
        }
    }
    assert!(
        lines.is_empty(),
        "{SUMMARY} has no line for reference/primitives.md"
    );
    generated::page(SUMMARY, &text);
}

#[test]
fn the_page_of_the_command_is_its_help() {
    let help = |words: &[&str]| {
        let ran = Pb::new().args(words.iter().copied()).run().expect(0);
        ran.stdout.trim_end().to_owned()
    };
    let whole = help(&["--help"]);
    let verbs = whole
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1);
    let verbs = verbs.take_while(|line| !line.is_empty());
    let verbs = verbs.map(|line| line.split_whitespace().next().unwrap());
    let mut page = format!(
        "{MARK}its help. -->\n\n# The command\n\n```text\n{whole}\n```\n\nThe result goes to stdout, the story \
         to stderr. What the exit codes mean is told in [when a run \
         fails](../guides/troubleshooting.md#the-exit-code-is-production-clean).\n"
    );
    for verb in verbs {
        write!(
            page,
            "\n## `pb {verb}`\n\n```text\n{}\n```\n",
            help(&[verb, "--help"])
        )
        .unwrap();
    }
    generated::page("book/src/reference/command.md", &page);
}

#[test]
fn the_tables_of_handles_are_those_of_the_drivers() {
    let registry = registry();
    let mut text = String::new();
    for (key, declared) in registry.drivers.tables() {
        let mut nested = vec![];
        write!(
            text,
            "\n### `{key}`\n\n{}",
            table(&declared.fields, "", &mut nested)
        )
        .unwrap();
        assert!(nested.is_empty(), "a handle is a flat table");
    }
    generated::part("book/src/configuration.md", "handles", &text);
}

#[test]
fn every_exit_code_is_explained() {
    let source = read("runtime/cli/exit.rs");
    let (_, codes) = source.split_once("fn code(").unwrap();
    let codes = codes
        .split("=> ")
        .skip(1)
        .map_while(|rest| rest.split(',').next());
    let codes = codes.map_while(|code| code.trim().parse::<u8>().ok());
    let page = read("book/src/guides/troubleshooting.md");
    let rows = page
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.split(' ').next()?.parse().ok());
    let (codes, rows): (Vec<u8>, Vec<u8>) = (codes.collect(), rows.collect());
    assert!(!codes.is_empty());
    assert_eq!(
        rows, codes,
        "the table of exit codes on that page is not that of runtime/cli/exit.rs"
    );
}

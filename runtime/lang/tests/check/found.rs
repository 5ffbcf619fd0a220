//! Every rule: scripts with one mistake, and what is said of them. `UPDATE_EXPECT=1` writes down what is found; read it.

use crate::stage::{checked_in, lines};
use std::path::Path;

/// A topic is a file of cases: `# name`, the script, and a line with `=> ` for each finding.
fn check(topic: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/check/found/{topic}.txt"));
    let expected = std::fs::read_to_string(&path).unwrap();
    let mut found = String::new();
    for line in case_lines(&expected) {
        match line {
            Line::Kept(line) => found += &format!("{line}\n"),
            Line::EndOfCase(name, script) => {
                for line in lines(&checked_in(name, &script)) {
                    found += &format!("=> {line}\n");
                }
                found += "\n";
            }
        }
    }
    let found = format!("{}\n", found.trim_end());
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(&path, &found).unwrap();
    }
    let changed: Vec<String> = found
        .lines()
        .filter(|line| !expected.contains(line))
        .map(|line| format!("+ {line}"))
        .chain(
            expected
                .lines()
                .filter(|line| !found.contains(line))
                .map(|line| format!("- {line}")),
        )
        .collect();
    assert!(found == expected, "{topic}:\n{}", changed.join("\n"));
}

enum Line<'a> {
    Kept(&'a str),
    EndOfCase(&'a str, String),
}

/// The lines of the cases without what was found in them.
fn case_lines(text: &str) -> Vec<Line<'_>> {
    let mut all = vec![];
    let mut case: Option<(&str, String)> = None;
    for line in text.lines().filter(|line| !line.starts_with("=> ")) {
        if let Some(name) = line.strip_prefix("# ") {
            end(&mut all, case.take());
            case = Some((name, String::new()));
            all.push(Line::Kept(line));
        } else if let Some((_, script)) = &mut case
            && !line.is_empty()
        {
            *script += line;
            script.push('\n');
            all.push(Line::Kept(line));
        }
    }
    end(&mut all, case);
    all
}

fn end<'a>(all: &mut Vec<Line<'a>>, case: Option<(&'a str, String)>) {
    if let Some((name, script)) = case {
        all.push(Line::EndOfCase(name, script));
    }
}

macro_rules! topics {
    ($($topic:ident)*) => {
        $(#[test]
        fn $topic() {
            check(stringify!($topic));
        })*
    };
}

topics! {
    functions options values variables flow imports target transactions secrets surprises syntax undo
}

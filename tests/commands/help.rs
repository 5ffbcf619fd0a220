//! `pb help`, and what is not understood.

use super::pb;
use pb_core::run::Registry;
use pb_runtime::WORDS;
use std::path::Path;

fn registry() -> Registry {
    pb_stdlib::registry(Path::new("."), None)
}

#[test]
fn the_command_explains_itself() {
    pb().args(["--help"])
        .run()
        .expect(0)
        .matches("commands/help/pb");
    pb().args(["run", "--help"])
        .run()
        .expect(0)
        .matches("commands/help/run");
    let bare = pb().run().expect(2);
    assert_eq!(bare.stderr, pb().args(["--help"]).run().stdout);
    let version = pb().args(["--version"]).run().expect(0);
    assert_eq!(
        version.stdout,
        format!("pb {}\n", env!("CARGO_PKG_VERSION"))
    );
}

#[test]
fn every_primitive_and_word_is_listed_and_explained() {
    let list = pb().args(["help"]).run().expect(0).stdout;
    let registry = registry();
    let brackets = registry.brackets.values();
    // What is typed after `pb help`, and what scripts write.
    let names: Vec<_> = registry
        .specs()
        .map(|spec| (spec.name, spec.name))
        .chain(brackets.map(|bracket| (bracket.name(), bracket.word())))
        .chain(WORDS.iter().map(|word| (word.name, word.name)))
        .collect();
    for (name, word) in names {
        assert!(
            list.lines()
                .any(|line| line.trim_start().starts_with(&format!("{name} "))),
            "{name} in {list}"
        );
        let page = pb().args(["help", name]).run().expect(0).stdout;
        assert!(
            page.starts_with(&format!("{word}(")) || page.starts_with("target\n"),
            "{page}"
        );
        assert!(page.contains("\nExample\n"), "{page}");
        assert!(
            page.lines()
                .all(|line| line.chars().count() <= 100 || line.starts_with("  ")),
            "{page}"
        );
    }
}

/// In a terminal the lines are as wide as it is; here they are not cut, and nothing is coloured.
#[test]
fn a_word_is_explained_as_a_primitive_is() {
    let check = |word: &str| {
        let outcome = pb()
            .args(["help", word])
            .env("NO_COLOR", "1")
            .run()
            .expect(0);
        assert!(!outcome.stdout.contains('\u{1b}'));
        outcome.matches(&format!("commands/help/{word}"));
    };
    check("rolling");
    check("sql_savepoint");
    check("target");
}

#[test]
fn what_is_not_understood_comes_with_what_was_meant() {
    let check = |name: &str, arguments: &[&str]| {
        let outcome = pb().args(arguments.to_vec()).run().expect(2);
        outcome.matches(&format!("commands/help/{name}"));
    };
    check("verb", &["rnu"]);
    check("flag", &["runs", "--colour", "never"]);
    check("value", &["runs", "--output", "xml"]);
    check("primitive", &["help", "wait_bd"]);
    check("word", &["help", "roling"]);
    check("stranger", &["help", "kubernetes"]);
    check("file", &["run"]);
    check("no_such_file", &["run", "gone.rhai"]);
    check("folder", &["-C", "gone", "runs"]);
    check("both", &["runs", "-q", "-v"]);
}

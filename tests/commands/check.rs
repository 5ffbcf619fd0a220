//! `pb check`, and the check that every run begins with: what is said, in each form, and with which exit code.

use std::path::PathBuf;

use super::pb;
use crate::support::checkout;
use crate::support::pb::Pb;

/// What is most often wrong, each in a playbook of its own.
const LIKELY: [&str; 10] = [
    "01_function",
    "12_option",
    "24_duration_with_a_word",
    "26_choice",
    "36_variable",
    "37_variable_of_the_playbook_in_a_function",
    "44_braces_in_quotes",
    "50_captured_in_each",
    "54_target",
    "56_syntax",
];

fn likely() -> Pb {
    let files = LIKELY.map(|name| format!("wrong/{name}.rhai"));
    let folder = checkout::root().join("tests/check");
    let pb = pb().args([PathBuf::from("-C"), folder]);
    pb.args(["check", "-e", "prod"]).args(files)
}

#[test]
fn the_ten_most_likely_mistakes() {
    likely().run().expect(3).matches("commands/check/likely");
    let github = likely().args(["--output", "github"]).run().expect(3);
    github.matches("commands/check/likely_github");
}

#[test]
fn a_terminal_without_unicode_and_whoever_wants_errors_alone_get_that() {
    let ascii = likely().env("LANG", "C").args(["-q"]).run().expect(3);
    assert!(ascii.stdout.is_ascii(), "{ascii}");
    ascii.matches("commands/check/ascii_quiet");
}

/// Two playbooks that import one module, which has a mistake; a file that nobody imports is a playbook.
fn project() -> Pb {
    pb().toml("[env.prod]\nweb = [\"web-1\"]\n")
        .file(
            "playbooks/lib/web.rhai",
            "fn roll(name) {\n    slep(\"1s\");\n    print(target);\n}\n",
        )
        .file(
            "playbooks/one.rhai",
            "import \"./lib/web\" as web;\nweb::roll(\"web-1\");\n",
        )
        .file(
            "playbooks/two.rhai",
            "import \"./lib/web\" as web;\nfor name in target.wbe { web::roll(name); }\n",
        )
        .file("all.rhai", "let a = 2;\nprint(\"two: ${a}\");\n")
        .file("other/three.rhai", "nobody_looks_here();\n")
}

#[test]
fn without_files_those_of_the_project_are_looked_through() {
    project()
        .args(["check"])
        .run()
        .expect(3)
        .matches("commands/check/project");
    let prod = project().args(["check", "-e", "prod"]).run().expect(3);
    prod.matches("commands/check/project_prod");
    let below = project().args(["check", "-C", "playbooks"]).run().expect(3);
    below.matches("commands/check/project_from_below");
}

#[test]
fn programs_get_one_object() {
    let json = project()
        .args(["check", "--output", "json"])
        .run()
        .expect(3);
    json.matches("commands/check/json");
    let sarif = project()
        .args(["check", "--output", "sarif"])
        .run()
        .expect(3);
    let mut log: serde_json::Value = serde_json::from_str(&sarif.stdout).unwrap();
    for rule in log["runs"][0]["tool"]["driver"]["rules"]
        .as_array_mut()
        .unwrap()
    {
        let help = rule["help"]["markdown"].as_str().unwrap();
        assert!(help.contains("## What to do"), "{help}");
        rule["help"] = "its page".into();
    }
    let shown = serde_json::to_string_pretty(&log).unwrap() + "\n";
    let shown = shown.replace(env!("CARGO_PKG_VERSION"), "<version>");
    crate::support::outcome::Outcome {
        code: sarif.code,
        stdout: shown,
        stderr: sarif.stderr,
    }
    .matches("commands/check/sarif");
}

#[test]
fn warnings_end_it_when_they_are_to() {
    let pb = pb().file("all.rhai", "let a = 2;\nprint(\"two: ${a}\");\n");
    pb.with(["check"])
        .run()
        .expect(0)
        .matches("commands/check/warning");
    pb.with(["check", "--strict"])
        .run()
        .expect(3)
        .matches("commands/check/strict");
    let quiet = pb.with(["check", "-q"]).run().expect(0);
    assert_eq!((quiet.stdout.as_str(), quiet.stderr.as_str()), ("", ""));
}

#[test]
fn migrations_are_looked_through_by_themselves() {
    let pb = pb()
        .file(
            "migrations/0001_orders.sql",
            "CREATE TABLE orders (id bigint PRIMARY KEY);\n",
        )
        .file(
            "migrations/0002_a.sql",
            "BEGIN;\nALTER TABLE orders ADD COLUMN a int;\nCOMMIT;\n",
        )
        .file(
            "migrations/02_b.sql",
            "ALTER TABLE orders ADD COLUMN b int;\n",
        );
    let found = pb
        .with(["check", "--migrations", "migrations"])
        .run()
        .expect(3);
    found.matches("commands/check/migrations");
    let none = pb
        .with(["check", "--migrations", "migratoins"])
        .run()
        .expect(2);
    none.matches("commands/check/no_migrations");
}

#[test]
fn what_cannot_be_looked_through_is_said() {
    let empty = pb().args(["check"]).run().expect(2);
    empty.matches("commands/check/empty");
    let gone = pb().args(["check", "gone.rhai"]).run().expect(3);
    gone.matches("commands/check/gone");
    let env = project()
        .args(["check", "-e", "prdo", "--output", "json"])
        .run()
        .expect(2);
    env.matches("commands/check/environment");
    let format = pb().args(["--output", "ndjson", "check"]).run().expect(2);
    format.matches("commands/check/format");
}

/// Nothing is touched: not even the state directory is made.
#[test]
fn a_run_is_checked_first() {
    let playbook = "let name = \"web-1\";\nprint(\"at ${name}\");\ncommand([\"touch\", \"made\"], #{ udno: [] });\n";
    let pb = pb().file("release.rhai", playbook);
    pb.with(["run", "release.rhai"])
        .run()
        .expect(3)
        .matches("commands/check/run");
    let all = pb.with(["run", "release.rhai", "-v"]).run().expect(3);
    all.matches("commands/check/run_verbose");
    let json = pb
        .with(["run", "release.rhai", "--output", "json"])
        .run()
        .expect(3);
    json.matches("commands/check/run_json");
    assert!(!pb.folder().join(".pb").exists() && !pb.folder().join("made").exists());
}

/// The environment of a run is known, so what it takes from `target` has to be there.
#[test]
fn a_run_needs_what_it_takes_from_target() {
    let pb = pb()
        .toml("[env.local]\nweb = [\"web-1\"]\n")
        .file("release.rhai", "for name in target.wbe { print(name); }\n");
    pb.with(["check", "release.rhai"]).run().expect(0);
    let run = pb.with(["run", "release.rhai"]).run().expect(3);
    run.matches("commands/check/run_target");
}

/// Ten of each level find room beside the lines of a change; the rest is in the log.
#[test]
fn more_mistakes_than_github_shows() {
    let playbook: String = (0..12).map(|n| format!("undone_{n}();\n")).collect();
    let pb = pb().args(["check", "many.rhai", "--output", "github"]);
    let ran = pb.file("many.rhai", &playbook).run().expect(3);
    let annotations = ran
        .stdout
        .lines()
        .filter(|line| line.starts_with("::error "));
    assert_eq!(annotations.count(), 10, "{ran}");
    let rest = "2 more errors without an annotation: they are listed above";
    assert!(ran.stdout.lines().any(|line| line == rest), "{ran}");
}

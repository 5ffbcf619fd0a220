//! A playbook's own parameters on the command line.

use super::pb;
use crate::support::pb::Pb;

const PLAYBOOK: &str = r#"//! Rolls the web tier to a new image.
//!
//! Needs: Docker.

let image = param("image", #{ help: "image to run, e.g. shop:2.0" });
let batch = param("batch", #{ help: "containers at a time", fallback: 1 });
let mode = param("mode", #{ choices: ["fast", "careful"], fallback: "careful" });
let dry = param("dry", #{ fallback: false });
let drain = param("drain", #{ type: "duration", fallback: "10s" });
let web = param("web", #{ type: "list", fallback: ["web-1"] });
let output = param("output", #{ help: "called like an option of pb", fallback: "none" });
print(`${image} ${batch} ${mode} ${dry} ${drain} ${web} ${output}`);
"#;

fn run() -> Pb {
    pb().args(["run"]).playbook("roll.rhai", PLAYBOOK)
}

#[track_caller]
fn prints(arguments: &[&str], expected: &str) {
    let outcome = run().args(arguments.to_vec()).run().expect(0);
    assert_eq!(outcome.stdout.trim_end(), expected, "{arguments:?}");
}

#[test]
fn values_are_read_by_type() {
    prints(
        &["--image", "a:1"],
        r#"a:1 1 careful false 10s ["web-1"] none"#,
    );
    prints(
        &[
            "--image=a:1",
            "--batch",
            "2",
            "--mode",
            "fast",
            "--dry",
            "--drain",
            "1m",
            "--web",
            "a,b",
            "--web",
            "c",
        ],
        r#"a:1 2 fast true 1m ["a", "b", "c"] none"#,
    );
    prints(
        &[
            "--set",
            "image=a=b",
            "--set",
            "output=-",
            "--dry=false",
            "--batch",
            "-1",
            "-q",
        ],
        r#"a=b -1 careful false 10s ["web-1"] -"#,
    );
}

#[test]
fn a_parameter_may_stand_before_the_playbook() {
    let outcome = pb()
        .file("roll.rhai", PLAYBOOK)
        .args(["run", "--image", "a:1", "roll.rhai"])
        .run();
    assert!(outcome.expect(0).stdout.starts_with("a:1 "));
}

#[test]
fn help_shows_them_without_running_anything() {
    let pb = run().args(["--help"]);
    pb.run().expect(0).matches("commands/parameters/help");
    assert!(!pb.folder().join(".pb").exists());
}

#[test]
fn what_is_wrong_is_said_and_nothing_is_written() {
    let check = |name: &str, arguments: &[&str]| {
        let pb = run().args(arguments.to_vec());
        pb.run()
            .expect(2)
            .matches(&format!("commands/parameters/{name}"));
        assert!(!pb.folder().join(".pb").exists(), "{name}");
    };
    check("missing", &[]);
    check("unknown", &["--imgae", "a:1"]);
    check("unknown_set", &["--image", "a:1", "--set", "bacth=1"]);
    check("type", &["--image", "a:1", "--batch", "many"]);
    check("choice", &["--image", "a:1", "--mode", "quick"]);
    check("no_value", &["--image"]);
    check("set_without_value", &["--image", "a:1", "--set", "dry"]);
    check("twice", &["--image", "a:1", "--set", "image=b:1"]);
    check("more_files", &["--image", "a:1", "other.rhai"]);
}

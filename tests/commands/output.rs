//! Formats, verbosity, characters and colours.

use super::answers::Answers;
use super::pb;
use crate::support::pb::Pb;
use std::fs;
use std::os::unix::fs::PermissionsExt;

/// Changes something, then fails.
fn failing(web: &Answers) -> Pb {
    let playbook = format!(
        "print(\"one → two\");\nhttp_post(\"{}\", #{{ key: \"a\" }});\nthrow \"enough\";\n",
        web.url("/200/a")
    );
    pb().args(["run"]).playbook("fail.rhai", &playbook)
}

#[test]
fn json_is_one_object_and_the_story_is_on_stderr() {
    let web = Answers::start();
    let outcome = failing(&web).args(["--output", "json"]).run().expect(1);
    super::without_times(outcome).matches("commands/output/json");
}

#[test]
fn json_is_there_also_when_nothing_began() {
    let outcome = pb().args(["run", "gone.rhai", "--output", "json"]).run();
    outcome.expect(2).matches("commands/output/json_refused");
}

#[test]
fn ndjson_is_every_event() {
    let web = Answers::start();
    let outcome = failing(&web)
        .args(["--output", "ndjson", "-q"])
        .run()
        .expect(1);
    let kinds: Vec<String> = outcome
        .stdout
        .lines()
        .map(|line| {
            let event: serde_json::Value = serde_json::from_str(line).unwrap();
            assert_eq!(event["schema"], "pb.events/1");
            event["event"].as_str().unwrap().to_owned()
        })
        .collect();
    let expected = [
        "run_started",
        "printed",
        "step_started",
        "step_progress",
        "step_finished",
        "undo_started",
        "step_kept",
        "run_finished",
    ];
    assert_eq!(kinds, expected);
    assert!(
        outcome.stderr.starts_with("error[PB0001]: enough\n"),
        "{}",
        outcome.stderr
    );
}

#[test]
fn a_file_gets_every_event_and_nobody_else_reads_it() {
    let web = Answers::start();
    let pb = failing(&web).args(["--events", "events.ndjson"]);
    let file = pb.folder().join("events.ndjson");
    fs::write(&file, "x".repeat(100_000)).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let outcome = pb.run().expect(1);
    assert_eq!(outcome.stdout, "one → two\n");
    let mode = fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let events = fs::read_to_string(&file).unwrap();
    assert_eq!(events.lines().count(), 8);
    assert!(
        events
            .lines()
            .all(|line| line.starts_with("{\"schema\":\"pb.events/1\"")),
        "{events}"
    );
}

#[test]
fn without_utf8_all_is_ascii() {
    let web = Answers::start();
    let outcome = failing(&web).env("LANG", "C").run().expect(1);
    assert!(outcome.stderr.is_ascii(), "{}", outcome.stderr);
    assert_eq!(
        outcome.stdout, "one → two\n",
        "what a program reads stays as it is"
    );
    outcome.matches("commands/output/ascii");
}

#[test]
fn colour_is_there_when_forced_and_goes_when_unwanted() {
    let coloured = |pb: Pb| pb.run().stderr.contains('\u{1b}');
    let web = Answers::start();
    assert!(!coloured(failing(&web)));
    assert!(coloured(failing(&web).args(["--color", "always"])));
    assert!(coloured(failing(&web).env("CLICOLOR_FORCE", "1")));
    assert!(!coloured(
        failing(&web)
            .env("CLICOLOR_FORCE", "1")
            .env("NO_COLOR", "1")
    ));
    assert!(!coloured(
        failing(&web)
            .env("CLICOLOR_FORCE", "1")
            .args(["--color=never"])
    ));
}

#[test]
fn hostile_text_reaches_no_screen() {
    let playbook = r#"print("a\x1b[2Jb\r\n::error file=x::gone"); throw "c\x1b]0;title\x07d";"#;
    let outcome = pb()
        .args(["run"])
        .playbook("hostile.rhai", playbook)
        .run()
        .expect(1);
    outcome.matches("commands/output/hostile");
}

#[test]
fn quiet_and_verbose() {
    let web = Answers::start();
    failing(&web)
        .args(["-q"])
        .run()
        .expect(1)
        .matches("commands/output/quiet");
    failing(&web)
        .args(["-v"])
        .run()
        .expect(1)
        .matches("commands/output/verbose");
}

//! What scripts read from outside is written down.

use crate::stage::{Stage, run};
use pb_runtime::Answer;
use serde_json::json;

#[test]
fn reads_are_journalled() {
    let ran = run(
        "let a = now(); let b = random(8); let t = timestamp(); sleep(\"1ms\"); let e = t.elapsed; env_var(\"PATH\"); [b, e >= 0.0]",
    );
    let random = ran.value()[0].as_str().unwrap().to_owned();
    assert_eq!(ran.value()[1], json!(true));
    let journal = String::from_utf8(ran.files.clone()).unwrap();
    for key in [
        "/now#1",
        "/random#1",
        "/timestamp#1",
        "/elapsed#1",
        "/env_var#1",
    ] {
        assert!(
            journal.contains(&format!("\"key\":\"{key}\"")),
            "{key} is missing"
        );
    }
    assert_eq!(random.len(), 8);
    assert!(journal.contains(&random));
}

#[test]
fn missing_variables_and_wrong_times_are_named() {
    assert_eq!(run("env_var(\"PB_NOT_SET\")").failure().kind, "missing_env");
    assert_eq!(
        run("env_var(\"PB_NOT_SET\", #{ fallback: \"x\" })").value(),
        &json!("x")
    );
    assert_eq!(run("sleep(\"1 s\")").failure().kind, "wrong_type");
}

#[test]
fn a_question_is_answered_or_ends_the_run() {
    let yes = Stage::new()
        .answer(Answer::Yes { by: "dana".into() })
        .run("confirm(\"drop it?\"); put(\"a\");");
    assert_eq!(yes.names, ["a"]);
    let no = Stage::new()
        .answer(Answer::No { by: "dana".into() })
        .run("put(\"a\"); confirm(\"drop it?\");");
    assert_eq!(
        (no.failure().kind.as_str(), no.names.len()),
        ("declined", 0)
    );
    assert_eq!(
        run("confirm(\"drop it?\")").failure().message,
        "nobody could be asked: drop it?"
    );
}

#[test]
fn ensure_and_wait_until_hold_conditions() {
    assert_eq!(
        run("ensure(1 > 2, \"one is more\")").failure().message,
        "one is more"
    );
    let ran = run(
        "let t = timestamp(); wait_until(\"a moment passed\", #{ deadline: \"5s\" }, || t.elapsed > 0.05)",
    );
    assert_eq!(ran.value(), &json!(true));
    let failure = run("wait_until(\"never\", #{ deadline: \"40ms\" }, || ())")
        .failure()
        .clone();
    assert_eq!(
        (failure.kind.as_str(), failure.message.as_str()),
        ("wait", "`never` was not so within 40ms")
    );
}

#[test]
fn printed_lines_are_events() {
    assert_eq!(
        run("print(\"a\"); print(1 + 1); print([1, #{ a: 2 }]);").printed,
        ["a", "2", "[1, #{\"a\": 2}]"]
    );
}

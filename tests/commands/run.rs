//! How runs end: what is said, and with which exit code.

use super::answers::Answers;
use super::pb;

#[test]
fn a_playbook_that_only_prints() {
    let outcome = pb()
        .args(["run"])
        .playbook("hello.rhai", "print(`hello`);")
        .run();
    outcome.expect(0).matches("commands/run/prints");
}

#[test]
fn an_error_that_nobody_catches_undoes_what_can_be_undone() {
    let web = Answers::start();
    let playbook = format!(
        r#"//! Tells a server, and fails.
savepoint("release", || {{
    http_post("{}", #{{ json: #{{ a: 1 }}, key: "begin" }});
    for name in ["web-1", "web-2"] {{
        check(name);
    }}
}});

fn check(name) {{
    if name == "web-2" {{
        http_get("{}");
    }}
}}
"#,
        web.url("/200/begin"),
        web.url("/503/web-2"),
    );
    let outcome = pb().args(["run"]).playbook("release.rhai", &playbook).run();
    outcome.expect(1).matches("commands/run/undone");
}

#[test]
fn a_script_that_cannot_be_parsed_touches_nothing() {
    let outcome = pb()
        .args(["run"])
        .playbook(
            "broken.rhai",
            "let a = 1;\nwait_db(#{ deadline: \"5s\" };\n",
        )
        .run();
    outcome.expect(3).matches("commands/run/syntax");
}

#[test]
fn an_error_in_a_module_is_shown_there() {
    let outcome = pb()
        .file(
            "lib/web.rhai",
            "fn roll(name) {\n    throw `no ${name}`;\n}\n",
        )
        .args(["run"])
        .playbook(
            "main.rhai",
            "import \"./lib/web\" as web;\n\nweb::roll(\"web-1\");\n",
        )
        .run();
    outcome.expect(1).matches("commands/run/module");
}

#[test]
fn what_stays_for_a_person_to_judge_is_exit_5() {
    let web = Answers::start();
    let playbook = format!(
        r#"savepoint("risky", #{{ on_fail: "freeze" }}, || {{
    http_post("{}", #{{ key: "a" }});
    throw "half done";
}});
"#,
        web.url("/200/a")
    );
    let outcome = pb().args(["run"]).playbook("freeze.rhai", &playbook).run();
    outcome.expect(5).matches("commands/run/frozen");
}

#[test]
fn a_question_that_nobody_can_answer_is_exit_6() {
    let outcome = pb()
        .args(["run"])
        .playbook("ask.rhai", "confirm(\"drop the old table?\");")
        .run();
    outcome.expect(6).matches("commands/run/declined");
}

#[test]
fn whoever_types_yes_has_answered() {
    let pb = pb()
        .args(["run"])
        .playbook("ask.rhai", "confirm(\"go on?\"); print(\"went on\");");
    assert_eq!(pb.args(["--yes", "-q"]).run().expect(0).stdout, "went on\n");
}

#[test]
fn a_server_that_cannot_be_reached_before_anything_was_changed_is_exit_7() {
    let outcome = pb()
        .args(["run"])
        .playbook("gone.rhai", "http_get(\"http://127.0.0.1:1/\");")
        .run();
    outcome.expect(7).matches("commands/run/unreachable");
}

#[test]
fn a_tolerated_failure_does_not_end_the_run() {
    let web = Answers::start();
    let playbook = format!(
        "optional(\"static files\", || http_get(\"{}\"));\nprint(\"on\");\n",
        web.url("/500/static")
    );
    let outcome = pb()
        .args(["run"])
        .playbook("optional.rhai", &playbook)
        .run();
    outcome.expect(0).matches("commands/run/optional");
}

#[test]
fn secrets_are_fetched_before_anything_is_touched() {
    let outcome = pb()
        .args(["run"])
        .playbook(
            "secret.rhai",
            "print(\"before\");\nlet token = secret(\"env:TOKEN_OF_NOBODY\");\n",
        )
        .run();
    outcome.expect(2).matches("commands/run/secret");
}

//! `pb plan` without servers: what it shows, what it refuses, and that it touches nothing.

use super::answers::Answers;
use super::pb;
use crate::support::outcome::Outcome;
use crate::support::pb::Pb;
use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt;

const EVERYTHING: &str = r#"//! One of everything that a plan shows.
let web = param("web");
let page = http_get(`${web}/200/page`);
health_check(`${web}/503/health`, #{ deadline: "2s" });
savepoint("work", || {
    command(["touch", "made"], #{ probe: ["test", "-e", "made"], undo: ["rm", "made"] });
    let told = command(["true"], #{ expect_code: [0, 1], undo: "none" });
    if told.code == 0 && page.status == 200 {
        point_of_no_return("the message is out");
        command(["echo", "yes"], #{ undo: ["true"] });
    } else {
        command(["echo", "no"], #{ undo: ["true"] });
        throw `it cannot go on with ${told.code}`;
    }
    ensure(told.stdout == "", "it said something");
    command(["echo", told.stdout], #{ undo: ["true"] });
});
optional("nice", || command(["false"], #{ undo: ["true"] }));
confirm("go on?");
sleep("1s");
print("nobody reads this");
"#;

/// A change that is pending until it was made.
const PENDING: &str = "command([\"touch\", \"made\"], #{ probe: [\"test\", \"-e\", \"made\"], undo: [\"rm\", \"made\"] });\n";

#[track_caller]
fn matches(outcome: &Outcome, name: &str) {
    let outcome = outcome.clone().hide_plans();
    outcome.matches(&format!("commands/plan/{name}"));
}

#[test]
fn everything_is_shown_and_nothing_touched() {
    let web = Answers::start();
    let pb = pb().playbook("all.rhai", EVERYTHING);
    let plan = |args: &[&str]| {
        let pb = pb.with(["plan", "all.rhai", "--web", &web.url("")]);
        pb.args(args).run().expect(0)
    };
    matches(&plan(&[]), "text");
    matches(&plan(&["--output", "json"]), "json");
    let asked: Vec<_> = web.asked.try_iter().collect();
    let again = ["/200/page", "/503/health"].repeat(2);
    assert_eq!(
        asked, again,
        "each is asked once, however many ways there are"
    );
    assert!(!pb.folder().join("made").exists());
    let runs = fs::read_dir(pb.folder().join(".pb/runs")).unwrap();
    assert_eq!(runs.count(), 0, "a plan is no run");
}

#[test]
fn the_exit_code_tells_of_pending_changes() {
    let pb = pb().playbook("a.rhai", PENDING);
    pb.with(["plan", "a.rhai"]).run().expect(0);
    pb.with(["plan", "a.rhai", "--exit-code"]).run().expect(4);
    pb.with(["run", "a.rhai"]).run().expect(0);
    let done = pb.with(["plan", "a.rhai", "--exit-code"]).run().expect(0);
    matches(&done, "done");
    let every = "command([\"true\"], #{ undo: \"none\" });";
    let every = pb.with(["plan", "--exit-code"]).playbook("b.rhai", every);
    matches(&every.run().expect(0), "every");
}

#[test]
fn what_cannot_be_planned_is_said() {
    let project =
        pb().toml("[env.local]\ndatabase = { postgres = \"postgres://shop@127.0.0.1:1/shop\" }\n");
    let check = |name: &str, playbook: &str, args: &[&str], code| {
        let pb = project.with(["plan"]).playbook("a.rhai", playbook);
        matches(&pb.args(args).run().expect(code), name);
    };
    check("parameter", "let n = param(\"n\");\nprint(n);", &[], 2);
    check("option", PENDING, &["--nope"], 2);
    check("folder", PENDING, &["-o", "nowhere/a.plan"], 2);
    check("help_file", EVERYTHING, &["--help"], 0);
    check("unreachable", "row_counts([\"orders\"]);", &[], 7);
    check(
        "unreachable_later",
        &format!("{PENDING}row_counts([\"orders\"]);"),
        &["--exit-code"],
        4,
    );
    check("waiting", "wait_db(#{ deadline: \"3s\" });", &[], 0);
    // Its text is another one while it is planned; what is shown is what was written.
    check(
        "thrown",
        "let x = 1;\nif `a${x}` == \"a1\" && x == 1 { if x < 2 || x > 3 { throw `no ${x}`; } }",
        &[],
        3,
    );
    check(
        "thrown_within",
        "fn deep(x) { if x == 0 && true { throw \"deep\" } else { deep(x - 1) } }\nif true && 1 == 1 { `${deep(2)}` }",
        &[],
        3,
    );
    project
        .with(["plan", "--help"])
        .run()
        .expect(0)
        .matches("commands/plan/help");
    let kept = project.folder().join("made").exists();
    assert!(!kept, "nothing was touched");
}

#[test]
fn a_saved_plan_is_read_by_nobody_else() {
    let pb = pb()
        .playbook("a.rhai", PENDING)
        .file("old.plan", "here before");
    for file in ["new.plan", "old.plan"] {
        let saved = pb.with(["plan", "a.rhai", "-o", file]).run().expect(0);
        matches(&saved.hide(file, "a.plan"), "saved");
        let mode = fs::metadata(pb.folder().join(file))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
}

/// A project with a saved plan of a playbook, its module, its parameter and its environment.
fn saved() -> Pb {
    let playbook = "import \"./lib/words\" as words;\nlet n = param(\"n\", #{ fallback: 1 });\n\
        command([\"echo\", words::of(n), target.url], #{ undo: \"none\" });\nprint(\"ran\");\n";
    let pb = pb()
        .toml("[env.local]\nurl = \"http://one\"\n")
        .file("lib/words.rhai", "fn of(n) { `word ${n}` }\n")
        .file("a.rhai", playbook);
    let quiet = [
        "plan", "a.rhai", "--n", "2", "-o", "a.plan", "--output", "json",
    ];
    pb.with(quiet).run().expect(0);
    pb
}

#[test]
fn a_plan_that_is_none_is_refused() {
    let text = fs::read_to_string(saved().folder().join("a.plan")).unwrap();
    let check = |name: &str, file: Option<String>, args: &[&str]| {
        let pb = saved();
        let pb = match file {
            None => pb,
            Some(text) => pb.file("a.plan", &text),
        };
        let outcome = pb.with(["run", "--plan", "a.plan"]).args(args).run();
        matches(&outcome.expect(2), name);
    };
    check("no_plan", Some("print(1);".into()), &[]);
    check("other_json", Some("{}".into()), &[]);
    check("edited", Some(text.replace("word 2", "word 3")), &[]);
    check(
        "edited_params",
        Some(text.replace("\"n\": 2", "\"n\": 3")),
        &[],
    );
    check("schema", Some(text.replace("pb.plan/1", "pb.plan/2")), &[]);
    check(
        "cut",
        text.split("\"params\"").next().map(str::to_owned),
        &[],
    );
    check("with_file", None, &["a.rhai"]);
    check("with_parameter", None, &["--n", "3"]);
    check("with_set", None, &["--set", "n=3"]);
    check("with_environment", None, &["-e", "local"]);
    let missing = saved().with(["run", "--plan", "b.plan"]).run().expect(2);
    matches(&missing, "missing");
}

#[test]
fn a_plan_holds_only_while_what_it_was_made_from_stands() {
    let done = saved().with(["run", "--plan", "a.plan"]).run().expect(0);
    assert_eq!(done.stdout, "ran\n", "the parameter's value is the plan's");
    assert!(done.stderr.contains("echo 'word 2' http://one"), "{done}");
    let check = |name: &str, change: &dyn Fn(Pb) -> Pb| {
        let pb = change(saved());
        let moved = pb.with(["run", "--plan", "a.plan"]).run().expect(6);
        matches(&moved, name);
    };
    let edited = |file: &'static str, from: &'static str, to: &'static str| {
        move |pb: Pb| {
            let text = fs::read_to_string(pb.folder().join(file)).unwrap();
            assert!(text.contains(from));
            pb.file(file, &text.replace(from, to))
        }
    };
    check("moved_playbook", &edited("a.rhai", "\"ran\"", "\"run\""));
    check("moved_module", &edited("lib/words.rhai", "word", "words"));
    check("moved_environment", &edited("pb.toml", "one", "two"));
}

#[test]
fn an_error_that_comes_or_goes_is_named() {
    let playbook = "if env_var(\"STATE\") == \"bad\" { throw \"it is bad\"; }\n";
    let pb = pb().file("a.rhai", playbook);
    let plan = |state: &str, code| {
        let pb = pb
            .with(["plan", "a.rhai", "-o", "a.plan"])
            .env("STATE", state);
        pb.run().expect(code);
    };
    let run = |state: &str| {
        let pb = pb.with(["run", "--plan", "a.plan"]).env("STATE", state);
        pb.run().expect(6)
    };
    plan("good", 0);
    matches(&run("bad"), "moved_error");
    plan("bad", 3);
    matches(&run("good"), "moved_no_error");
}

/// In no place of a plan that a script can put it into.
#[test]
fn no_secret_is_in_a_plan() {
    const SENTINEL: &str = "s3ntinel-9f\"2/+x";
    let web = Answers::start();
    let playbook = r#"
let s = secret("env:SENTINEL");
let raw = "s3n" + "tinel-9f\"2/+x";
let told = command(["sh", "-c", "exit 0"], #{ env: #{ S: s }, stdin: raw, undo: ["echo", raw] });
command(["echo", raw], #{ undo: "none" });
http_get(`${target.url}/200/page?marker=${env_var("SENTINEL")}`);
health_check(`${target.url}/503/${raw}`, #{ deadline: "1s" });
http_post(`${target.url}/200/${raw}`, #{ key: raw, json: #{ token: s } });
notify(target.chat, `marker-chat ${raw}`);
confirm(`marker-confirm ${raw}?`);
ensure(told.stdout == raw, `marker-ensure ${raw}`);
wait_until(`marker-wait ${raw}`, #{ deadline: "1s" }, || told.stdout == raw);
if told.stdout == raw { point_of_no_return(`marker-point ${raw}`); } else { throw `marker-arm ${raw}`; }
command(["echo", `${told.stdout} ${raw}`], #{ undo: "none" });
try { command(["marker-caught", raw], #{ undo: "none" }); } catch { notify(target.chat, `marker-catch ${raw}`); }
throw `marker-throw ${raw}`;
"#;
    let toml = format!(
        "[env.local]\nurl = \"{}\"\nchat = {{ webhook = \"{}\" }}\ndatabase = {{ postgres = \
         \"postgres://dana@127.0.0.1:1/shop\", password = \"secret:env:SENTINEL\" }}\n",
        web.url(""),
        web.url("/200/chat")
    );
    let pb = pb().toml(&toml).env("SENTINEL", SENTINEL);
    let pb = pb.file("a.rhai", playbook);
    // It fails on either way.
    let text = pb.with(["plan", "a.rhai"]).run().expect(3);
    let json = pb.with(["plan", "a.rhai", "-o", "a.plan", "--output", "json"]);
    let json = json.run().expect(3);
    let saved = fs::read_to_string(pb.folder().join("a.plan")).unwrap();
    for (sink, told) in [
        ("the text", text.to_string()),
        ("the JSON", json.to_string()),
        ("the saved plan", saved),
    ] {
        for marker in ["confirm", "wait", "point", "arm", "throw"] {
            let marker = format!("marker-{marker}");
            assert!(told.contains(&marker), "{sink} has no {marker}:\n{told}");
        }
        for form in ["s3ntinel", "czNudGluZWwt", "73336e74696e656c"] {
            assert!(!told.contains(form), "{sink} holds {form}:\n{told}");
        }
        assert!(
            !told.contains("pb__"),
            "{sink} names what was woven in:\n{told}"
        );
    }
}

#[test]
fn json_and_the_saved_plan_are_one() {
    let pb = saved();
    let plan = pb.with(["plan", "a.rhai", "--n", "2", "--output", "json"]);
    let outcome = plan.run().expect(0);
    let mut told: Value = serde_json::from_str(&outcome.stdout).unwrap();
    let text = fs::read_to_string(pb.folder().join("a.plan")).unwrap();
    let mut kept: Value = serde_json::from_str(&text).unwrap();
    for plan in [&mut told, &mut kept] {
        assert_eq!(plan["schema"], "pb.plan/1");
        plan["made"] = Value::Null;
    }
    assert_eq!(told, kept);
}

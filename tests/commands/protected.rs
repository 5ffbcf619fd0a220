//! A protected environment: nothing runs there that nobody has looked at.

use super::pb;
use crate::support::outcome::Outcome;
use crate::support::pb::Pb;

fn project() -> Pb {
    let playbook = "command([\"touch\", \"made\"], #{ undo: [\"rm\", \"made\"] });\n";
    pb().toml("[env.prod]\nprotected = true\n\n[env.test]\n")
        .file("a.rhai", playbook)
}

fn made(pb: &Pb) -> bool {
    pb.folder().join("made").exists()
}

/// A saved plan of the environment.
fn planned() -> Pb {
    let pb = project();
    let plan = pb.with([
        "plan", "a.rhai", "-e", "prod", "-o", "a.plan", "--output", "json",
    ]);
    plan.run().expect(0);
    pb
}

#[track_caller]
fn refused(pb: &Pb, outcome: Outcome, name: &str) {
    let outcome = outcome.expect(6);
    let id = outcome.stdout.split("· plan ").nth(1);
    let id = id
        .and_then(|rest| rest.get(..8))
        .unwrap_or("no plan")
        .to_owned();
    outcome
        .hide(&id, "<plan>")
        .matches(&format!("commands/protected/{name}"));
    assert!(!made(pb), "nothing is touched");
}

#[test]
fn without_a_plan_that_was_looked_at_nothing_runs() {
    let pb = project();
    let run = ["run", "a.rhai", "-e", "prod"];
    refused(&pb, pb.with(run).run(), "nobody");
    refused(&pb, pb.with(run).args(["--yes"]).run(), "yes");
    pb.with(["run", "a.rhai", "-e", "test"]).run().expect(0);
    assert!(made(&pb), "another environment is not protected");
}

#[test]
fn a_saved_plan_and_yes_approve() {
    let pb = planned();
    let run = ["run", "--plan", "a.plan"];
    refused(&pb, pb.with(run).run(), "plan_alone");
    pb.with(run).args(["--yes"]).run().expect(0);
    assert!(made(&pb));
}

#[test]
fn the_name_is_asked_on_a_terminal() {
    for args in [
        &["run", "a.rhai", "-e", "prod"][..],
        &["run", "--plan", "a.plan"],
    ] {
        let typed = |text: &str| {
            let pb = planned();
            let on_terminal = pb.with(args.iter().copied()).args(["--color", "never"]);
            (on_terminal.run_on_a_terminal(text), pb)
        };
        for wrong in ["test\n", "\n", "y\n"] {
            let (outcome, pb) = typed(wrong);
            assert_eq!(outcome.code, 6, "{wrong:?}\n{outcome}");
            assert!(!made(&pb), "{wrong:?}: nothing is touched\n{outcome}");
        }
        let (outcome, pb) = typed("test\n");
        // The terminal shows what is typed when it is typed, which may be before it is asked for.
        let stdout = outcome.stdout.replacen("test\n", "", 1);
        refused(&pb, Outcome { stdout, ..outcome }, "wrong_name");
        let (outcome, pb) = typed("prod\n");
        assert_eq!(outcome.code, 0, "{outcome}");
        assert!(made(&pb), "{outcome}");
    }
}

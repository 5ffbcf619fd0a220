//! Every way in which an action fails, in every kind of step: never well, told as it is, and undone where it can be.

use crate::durability::kinds;
use crate::script::{call, call_with, set};
use crate::site::Trouble;
use crate::stage::{Stage, ended, state};
use serde_json::{Value, json};

/// How a run ends whose only step fails so.
struct Expected {
    ended: &'static str,
    /// What the things are afterwards.
    things: &'static str,
    undone: Option<bool>,
    doubt: bool,
    state: Vec<&'static str>,
}

fn expected(converges: bool, trouble: Trouble) -> Expected {
    let restored = "a1 is ``, a2 is ``, b1 is ``";
    let unknown = "nobody knows whether it happened, so it was not undone: add a1";
    let undone = |ended, state| Expected {
        ended,
        things: "",
        undone: Some(true),
        doubt: false,
        state,
    };
    let unsettled = |ended, things| Expected {
        ended,
        things,
        undone: Some(true),
        doubt: true,
        state: vec![unknown],
    };
    match (converges, trouble) {
        (true, Trouble::Refused) => undone("undone permission", vec!["nothing was changed"]),
        (true, Trouble::LostBefore | Trouble::LostAfter) => {
            undone("undone connection_lost", vec![restored])
        }
        (true, Trouble::Partial) => undone("undone exit_code", vec![restored]),
        (true, Trouble::Hangs) => undone("undone timeout", vec![restored]),
        (false, Trouble::Refused) => undone("undone permission", vec!["nothing was changed"]),
        (false, Trouble::Partial) => undone("undone exit_code", vec!["undone: add a1"]),
        (false, Trouble::LostBefore) => unsettled("failed connection_lost", ""),
        (false, Trouble::LostAfter) => unsettled("failed connection_lost", "a1=x"),
        (false, Trouble::Hangs) => unsettled("failed timeout", "a1=x?"),
    }
}

#[test]
fn of_a_step_that_failed_nothing_stays_but_what_nobody_can_tell() {
    for (kind, name, args, _) in kinds() {
        for trouble in Trouble::ALL {
            let stage = Stage::new();
            let first = if name == "set" { "set a1" } else { "add a1" };
            stage.site.trouble(first, 1, trouble);
            let args = args.clone();
            let common = json!({ "timeout": "5s" });
            let finished = stage
                .play(|run| async move { call_with(&run, run.root(), name, args, common).await });
            let mut expected = expected(name == "set", trouble);
            let concurrent = ["lanes", "letters"].contains(&kind);
            if concurrent && trouble == Trouble::Refused {
                // The lane beside it had acted by then.
                expected.state = vec!["a1 is ``, a2 is ``, b1 is ``"];
            }
            let case = format!("{kind}, {trouble:?}");
            assert_eq!(ended(&finished), expected.ended, "{case}");
            assert_eq!(stage.site.all(), expected.things, "{case}");
            assert_eq!(state(&finished), expected.state, "{case}");
            let failure = finished.failure.expect("a failure");
            assert_eq!(
                failure.step.as_deref(),
                Some(format!("/{name}#1").as_str()),
                "{case}"
            );
            assert_eq!(failure.undone, expected.undone, "{case}");
            assert_eq!(failure.doubt, expected.doubt, "{case}");
            assert_eq!(
                (failure.chain[0].line, failure.chain.len()),
                (3, 1),
                "{case}"
            );
            assert_eq!(finished.value, Value::Null, "{case}");
        }
    }
}

#[test]
fn without_a_way_back_what_was_done_by_half_stays_and_is_named() {
    for effect in ["transaction", "ddl", "command", "opaque", "notify"] {
        let stage = Stage::new();
        stage.site.trouble("add a1", 1, Trouble::Partial);
        let args = json!({ "name": "a1", "what": "x", "effect": effect });
        let finished = stage.play(|run| async move { call(&run, run.root(), "add", args).await });
        assert_eq!(ended(&finished), "undone exit_code");
        assert_eq!(stage.site.all(), "a1=x?");
        assert_eq!(state(&finished), ["stays: add a1 (it was given no `undo`)"]);
        assert_eq!(stage.log.of("durable undo_result"), ["/add#1 kept"]);
    }
}

#[test]
fn a_look_that_fails_changes_nothing_and_says_so() {
    let gate = json!({ "name": "a1", "is": "x", "deadline": "1s" });
    let things = json!({ "things": { "a1": "x" } });
    for (name, args) in [
        ("look", json!({ "name": "a1" })),
        ("await", gate),
        ("set", things),
    ] {
        for (trouble, kind) in [
            (Trouble::Refused, "unreachable"),
            (Trouble::Hangs, "timeout"),
        ] {
            let stage = Stage::new();
            stage.site.trouble("look a1", 1, trouble);
            let args = args.clone();
            let common = json!({ "timeout": "900ms" });
            let finished = stage
                .play(|run| async move { call_with(&run, run.root(), name, args, common).await });
            assert_eq!(
                ended(&finished),
                format!("undone {kind}"),
                "{name} {trouble:?}"
            );
            assert_eq!(
                state(&finished),
                ["nothing was changed"],
                "{name} {trouble:?}"
            );
            assert!(!finished.acted);
        }
    }
}

#[test]
fn a_look_that_fails_after_acting_undoes_what_was_done() {
    let stage = Stage::new();
    stage.site.put("a1", "old");
    stage.site.trouble("look a1", 2, Trouble::Refused);
    let finished = stage.play(|run| async move { set(&run, run.root(), "a1", "new").await });
    assert_eq!(ended(&finished), "undone unreachable");
    assert_eq!(stage.site.all(), "a1=old");
    assert_eq!(state(&finished), ["a1 is `old`"]);
}

#[test]
fn a_step_that_does_not_converge_says_what_is_left_and_is_undone() {
    let stage = Stage::new();
    let args = json!({ "things": { "a1": "x" }, "blind": true });
    let finished = stage.play(|run| async move { call(&run, run.root(), "set", args).await });
    assert_eq!(ended(&finished), "undone not_converged");
    assert_eq!(stage.site.all(), "");
    let failure = finished.failure.expect("a failure");
    assert_eq!(failure.because, ["still to do: set a1 to `x`"]);
}

#[test]
fn a_second_run_finds_nothing_to_do() {
    let stage = Stage::new();
    let finished = stage.play(|run| async move {
        let first = set(&run, run.root(), "a1", "x").await?;
        let second = set(&run, run.root(), "a1", "x").await?;
        Ok(json!([
            first["changed"],
            first["done"],
            second["changed"],
            second["done"]
        ]))
    });
    assert_eq!(finished.value, json!([true, ["a1"], false, []]));
    assert_eq!(stage.log.of("world set").len(), 1);
}

#[test]
fn a_result_that_is_too_large_fails_the_step_and_undoes_it() {
    let stage = Stage::new();
    let args =
        json!({ "name": "a1", "what": "x", "effect": "opaque", "undo": true, "large": true });
    let common = json!({ "retry": { "attempts": 3 } });
    let finished =
        stage.play(|run| async move { call_with(&run, run.root(), "add", args, common).await });
    assert_eq!(ended(&finished), "undone script");
    assert_eq!(stage.site.all(), "");
    assert_eq!(
        stage.log.of("world add").len(),
        1,
        "it was done, so it is not done again"
    );
}

#[test]
fn wrong_calls_touch_nothing_and_say_where() {
    let unknown = ("nowhere", json!({}), "unknown_function");
    let option = ("set", json!({ "thinks": {} }), "unknown_option");
    let kind = ("set", json!({ "things": 4 }), "wrong_type");
    for (name, args, expected) in [unknown, option, kind] {
        let stage = Stage::new();
        let finished = stage.play(|run| async move { call(&run, run.root(), name, args).await });
        assert_eq!(ended(&finished), format!("undone {expected}"));
        assert!(stage.log.of("world").is_empty());
    }
}

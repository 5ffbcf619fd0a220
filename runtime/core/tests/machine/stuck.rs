//! An undo that fails is tried again, then a person is needed: what is still applied is told, and nothing is called undone.

use crate::script::{add, call, close, set, thrown, within};
use crate::site::Trouble;
use crate::stage::{Stage, ended, state};
use pb_core::CallError;
use pb_core::run::ScopeKind;
use serde_json::{Value, json};

/// The second to the fifth call: every attempt to undo what the first one did.
fn always(stage: &Stage, call: &str, trouble: Trouble) {
    (2..=5).for_each(|n| stage.site.trouble(call, n, trouble));
}

#[test]
fn an_undo_is_tried_four_times_with_growing_waits() {
    for good in 2..=5 {
        let stage = Stage::new();
        (2..good).for_each(|n| stage.site.trouble("set a", n, Trouble::LostBefore));
        let finished = stage.play(|run| async move {
            set(&run, run.root(), "a", "1").await?;
            Err(thrown("no"))
        });
        assert_eq!(ended(&finished), "undone thrown");
        assert_eq!(stage.site.all(), "");
        let waited = pb_core::clock::Clock::elapsed(&stage.clock).as_millis();
        let waits = [0, 200, 1200, 5200][good as usize - 2];
        assert!((waits..waits + 200).contains(&waited), "{good}: {waited}");
    }
}

#[test]
fn what_cannot_be_undone_stops_the_chain_and_is_told() {
    let stage = Stage::new();
    always(&stage, "set b", Trouble::Refused);
    let finished = stage.play(|run| async move {
        set(&run, run.root(), "a", "1").await?;
        add(&run, run.root(), "x", "x").await?;
        set(&run, run.root(), "b", "1").await?;
        set(&run, run.root(), "c", "1").await?;
        Err(thrown("no"))
    });
    assert_eq!(ended(&finished), "stuck thrown");
    assert_eq!(stage.undone(), ["set c", "not set b"]);
    assert_eq!(stage.site.all(), "a=1 b=1 x=x");
    assert_eq!(
        state(&finished),
        [
            "c is ``",
            "not undone: `set b` was refused",
            "still applied: set b (b is `1`)",
            "still applied: add x",
            "still applied: set a",
        ]
    );
    let failure = finished.failure.expect("a failure");
    assert_eq!(
        (failure.undone, failure.data["stuck"].as_bool()),
        (Some(false), Some(true))
    );
    assert_eq!(
        stage.log.of("durable undo_result"),
        ["/set#3 ok", "/set#2 error"]
    );
}

#[test]
fn an_undo_that_looks_the_same_afterwards_is_not_called_undone() {
    let stage = Stage::new();
    let finished = stage.play(|run| async move {
        let args = json!({ "name": "a", "what": "x", "effect": "opaque", "undo": true });
        call(&run, run.root(), "add", args).await?;
        Err(thrown("no"))
    });
    assert_eq!(ended(&finished), "undone thrown");
    // The same, over an ensure step whose undo is refused only when it looks.
    let stage = Stage::new();
    (3..=10).for_each(|n| stage.site.trouble("look a", n, Trouble::Refused));
    let finished = stage.play(|run| async move {
        set(&run, run.root(), "a", "1").await?;
        Err(thrown("no"))
    });
    assert_eq!(ended(&finished), "stuck thrown");
    assert_eq!(stage.site.all(), "a=1");
}

#[test]
fn a_half_that_cannot_be_undone_is_stuck_too_and_the_older_steps_stay() {
    let stage = Stage::new();
    stage.site.trouble("set b", 1, Trouble::Partial);
    always(&stage, "set b", Trouble::Refused);
    let finished = stage.play(|run| async move {
        set(&run, run.root(), "a", "1").await?;
        set(&run, run.root(), "b", "1").await
    });
    assert_eq!(ended(&finished), "stuck exit_code");
    assert_eq!(stage.site.all(), "a=1 b=half 1");
    assert_eq!(
        state(&finished),
        [
            "not undone: `set b` was refused",
            "still applied: set b (b is `half 1`)",
            "still applied: set a"
        ]
    );
}

#[test]
fn an_opaque_undo_in_doubt_is_not_tried_again() {
    for trouble in [Trouble::LostBefore, Trouble::LostAfter] {
        let stage = Stage::new();
        stage.site.trouble("take_back a", 1, trouble);
        let finished = stage.play(|run| async move {
            add(&run, run.root(), "a", "x").await?;
            Err(thrown("no"))
        });
        assert_eq!(ended(&finished), "stuck thrown");
        assert_eq!(stage.log.of("world take_back").len(), 1);
    }
}

#[test]
fn an_undo_by_a_primitive_that_is_not_there_is_stuck() {
    let stage = Stage::new();
    let finished = stage.play(|run| async move {
        let args = json!({ "things": { "a": "1" }, "way_back": "missing" });
        call(&run, run.root(), "set", args).await?;
        Err(thrown("no"))
    });
    assert_eq!(ended(&finished), "stuck thrown");
    assert_eq!(state(&finished)[1], "still applied: set a");
}

#[test]
fn a_script_that_catches_it_makes_nothing_good() {
    for throws_later in [false, true] {
        let stage = Stage::new();
        always(&stage, "set b", Trouble::Refused);
        let finished = stage.play(|run| async move {
            set(&run, run.root(), "a", "1").await?;
            let caught = within(&run, run.root(), "part", ScopeKind::Savepoint, |scope| {
                let run = run.clone();
                async move {
                    set(&run, &scope, "b", "1").await?;
                    Err(thrown("no"))
                }
            })
            .await;
            assert!(matches!(caught, Err(CallError::Failed(failure)) if failure.frozen));
            if throws_later {
                Err(thrown("later"))
            } else {
                Ok(json!("all well"))
            }
        });
        assert_eq!(ended(&finished), "stuck thrown");
        assert_eq!(finished.value, Value::Null);
        assert_eq!(stage.site.all(), "a=1 b=1");
        if throws_later {
            assert_eq!(state(&finished), ["still applied: set a"]);
        } else {
            assert_eq!(state(&finished)[..1], ["not undone: `set b` was refused"]);
        }
        assert_eq!(stage.log.of("durable run_close"), ["Stuck"]);
    }
}

#[test]
fn one_stuck_branch_does_not_keep_its_sibling_from_being_undone() {
    let stage = Stage::new();
    always(&stage, "set a", Trouble::Refused);
    let finished = stage.play(|run| async move {
        set(&run, run.root(), "first", "1").await?;
        let fan_out = run.open_fan_out(run.root(), "each", 2, 2);
        let branch = |name: &'static str| {
            let branch = run.open_branch(&fan_out, name);
            let run = run.clone();
            async move {
                set(&run, &branch, name, "1").await?;
                close(&run, &branch, Err::<Value, _>(thrown(name))).await
            }
        };
        let (a, b) = futures_util::future::join(branch("a"), branch("b")).await;
        let Err(CallError::Failed(b)) = b else {
            panic!("it failed");
        };
        assert_eq!((b.undone, b.frozen), (Some(true), false));
        close(&run, &fan_out, a).await
    });
    assert_eq!(ended(&finished), "stuck thrown");
    assert_eq!(stage.site.all(), "a=1 first=1");
}

//! Undo: newest first, across nested scopes, at the width at which it was done.

use crate::script::{add, call, call_with, close, set, thrown, within};
use crate::stage::{Stage, ended, state};
use futures_util::future::join_all;
use pb_core::CallError;
use pb_core::run::{Run, Scope, ScopeKind};
use serde_json::{Value, json};

async fn savepoint<F>(
    run: &Run,
    around: &Scope,
    body: impl FnOnce(Scope) -> F,
) -> Result<Value, CallError>
where
    F: Future<Output = Result<Value, CallError>>,
{
    within(run, around, "part", ScopeKind::Savepoint, body).await
}

#[test]
fn an_error_that_nobody_catches_undoes_the_run_newest_first() {
    let stage = Stage::new();
    let finished = stage.play(|run| async move {
        set(&run, run.root(), "a", "1").await?;
        add(&run, run.root(), "b", "x").await?;
        set(&run, run.root(), "c", "1").await?;
        set(&run, run.root(), "c", "2").await?;
        Err(thrown("no"))
    });
    assert_eq!(ended(&finished), "undone thrown");
    assert_eq!(stage.undone(), ["set c", "set c", "add b", "set a"]);
    assert_eq!(stage.site.all(), "");
    assert_eq!(
        state(&finished),
        ["c is ``", "undone: add b", "a is ``"],
        "what was seen of `c` when only the newer change was undone is true no more"
    );
    assert_eq!(
        finished.failure.and_then(|failure| failure.undone),
        Some(true)
    );
}

#[test]
fn a_savepoint_undoes_its_own_and_passes_the_error_on() {
    let stage = Stage::new();
    let finished = stage.play(|run| async move {
        set(&run, run.root(), "a", "1").await?;
        let caught = savepoint(&run, run.root(), |scope| {
            let run = run.clone();
            async move {
                set(&run, &scope, "b", "1").await?;
                savepoint(&run, &scope, |scope| {
                    let run = run.clone();
                    async move { set(&run, &scope, "c", "1").await }
                })
                .await?;
                set(&run, &scope, "d", "1").await?;
                Err(thrown("no"))
            }
        })
        .await;
        let Err(CallError::Failed(failure)) = caught else {
            panic!("the error goes on");
        };
        assert_eq!(
            (failure.message.as_str(), failure.undone),
            ("no", Some(true))
        );
        set(&run, run.root(), "e", "1").await
    });
    assert_eq!(ended(&finished), "done");
    assert_eq!(stage.undone(), ["set d", "set c", "set b"]);
    assert_eq!(stage.site.all(), "a=1 e=1");
    assert_eq!(
        stage.log.of("durable scope_close"),
        [
            "/savepoint:part#1/savepoint:part#1 ok",
            "/savepoint:part#1 error"
        ]
    );
}

#[test]
fn what_changed_nothing_is_not_undone() {
    let stage = Stage::new();
    stage.site.put("a", "1");
    let finished = stage.play(|run| async move {
        set(&run, run.root(), "a", "1").await?;
        call(&run, run.root(), "look", json!({ "name": "a" })).await?;
        Err(thrown("no"))
    });
    assert_eq!(ended(&finished), "undone thrown");
    assert!(stage.undone().is_empty());
    assert_eq!(stage.site.all(), "a=1");
    assert_eq!(state(&finished), ["nothing was changed"]);
}

#[test]
fn undo_walks_back_at_the_width_at_which_it_was_done() {
    for width in [1, 2, 3] {
        let stage = Stage::new();
        let finished = stage.play(|run| {
            let site = stage.site.clone();
            async move {
                set(&run, run.root(), "first", "1").await?;
                let fan_out = run.open_fan_out(run.root(), "each", 6, width);
                let branch = |i: usize| {
                    let (run, fan_out) = (run.clone(), fan_out.clone());
                    async move {
                        let branch = run.open_branch(&fan_out, &i.to_string());
                        for part in ["a", "b"] {
                            set(&run, &branch, &format!("{i}{part}"), "1").await?;
                        }
                        close(&run, &branch, Ok(Value::Null)).await
                    }
                };
                for batch in (0..6).collect::<Vec<_>>().chunks(width) {
                    join_all(batch.iter().map(|i| branch(*i))).await;
                }
                assert_eq!(site.most_at_once(), width);
                close(&run, &fan_out, Ok(Value::Null)).await?;
                Err(thrown("no"))
            }
        });
        assert_eq!(ended(&finished), "undone thrown");
        assert_eq!(stage.site.all(), "", "{width}");
        assert_eq!(stage.site.most_at_once(), width);
        let undone = stage.undone();
        assert_eq!((undone.len(), undone[12].as_str()), (13, "set first"));
        for i in 0..6 {
            let at = |part: &str| {
                undone
                    .iter()
                    .position(|line| *line == format!("set {i}{part}"))
            };
            assert!(at("b") < at("a"), "{undone:?}");
        }
    }
}

#[test]
fn a_branch_that_fails_is_undone_alone_and_its_sibling_finishes_its_action() {
    let stage = Stage::new();
    let finished = stage.play(|run| async move {
        let fan_out = run.open_fan_out(run.root(), "each", 2, 2);
        let fails = async {
            let branch = run.open_branch(&fan_out, "bad");
            set(&run, &branch, "bad", "1").await?;
            fan_out.halt();
            close(&run, &branch, Err::<Value, _>(thrown("no"))).await
        };
        let sibling = async {
            let branch = run.open_branch(&fan_out, "good");
            let args = json!({ "things": { "g1": "1", "g2": "1", "g3": "1" } });
            let result = call(&run, &branch, "set", args).await;
            assert!(matches!(result, Err(CallError::Stopped)), "{result:?}");
            close(&run, &branch, Err::<Value, _>(thrown("a sibling failed"))).await
        };
        let (failed, _) = futures_util::future::join(fails, sibling).await;
        close(&run, &fan_out, failed).await
    });
    assert_eq!(ended(&finished), "undone thrown");
    assert_eq!(
        stage.log.of("world set g1"),
        ["1", ""],
        "it finished, and was undone"
    );
    assert!(
        stage.log.of("world set g2").is_empty(),
        "no further one was begun"
    );
    assert_eq!(stage.site.all(), "");
}

#[test]
fn a_gate_of_a_halted_branch_is_given_up() {
    let stage = Stage::new();
    let finished = stage.play(|run| async move {
        let fan_out = run.open_fan_out(run.root(), "each", 2, 2);
        let branch = run.open_branch(&fan_out, "slow");
        let gate = json!({ "name": "a", "is": "up", "deadline": "1h" });
        let gate = call(&run, &branch, "await", gate);
        let halt = async {
            run.clock().sleep(std::time::Duration::from_secs(2)).await;
            fan_out.halt();
        };
        let (result, ()) = futures_util::future::join(gate, halt).await;
        assert!(matches!(result, Err(CallError::Stopped)));
        assert!(run.clock().elapsed().as_secs() < 4);
        Ok(Value::Null)
    });
    assert_eq!(ended(&finished), "done");
}

#[test]
fn freeze_leaves_everything_and_names_it_newest_first() {
    let stage = Stage::new();
    let finished = stage.play(|run| async move {
        set(&run, run.root(), "a", "1").await?;
        within(&run, run.root(), "look at it", ScopeKind::Freeze, |scope| {
            let run = run.clone();
            async move {
                set(&run, &scope, "b", "1").await?;
                set(&run, &scope, "c", "1").await?;
                Err(thrown("no"))
            }
        })
        .await
    });
    assert_eq!(ended(&finished), "failed thrown");
    assert_eq!(stage.site.all(), "a=1 b=1 c=1");
    assert!(stage.undone().is_empty());
    assert_eq!(
        state(&finished),
        [
            "left as it is: set c",
            "left as it is: set b",
            "left as it is: set a"
        ]
    );
    let failure = finished.failure.expect("a failure");
    assert!(failure.frozen && failure.undone == Some(false));
}

#[test]
fn freeze_keeps_the_half_of_a_failed_step_and_names_it() {
    let stage = Stage::new();
    stage
        .site
        .trouble("set b", 1, crate::site::Trouble::Partial);
    let finished = stage.play(|run| async move {
        within(&run, run.root(), "look at it", ScopeKind::Freeze, |scope| {
            let run = run.clone();
            async move { set(&run, &scope, "b", "1").await }
        })
        .await
    });
    assert_eq!(ended(&finished), "failed exit_code");
    assert_eq!(stage.site.all(), "b=half 1");
    assert_eq!(state(&finished), ["left as it is: set b"]);
}

#[test]
fn what_has_no_way_back_is_listed_and_the_rest_undone() {
    let stage = Stage::new();
    let finished = stage.play(|run| async move {
        set(&run, run.root(), "a", "1").await?;
        let mail = json!({ "name": "mail", "what": "x", "effect": "notify" });
        call(&run, run.root(), "add", mail).await?;
        let kept = json!({ "things": { "b": "1" } });
        call_with(&run, run.root(), "set", kept, json!({ "undo": "none" })).await?;
        set(&run, run.root(), "c", "1").await?;
        Err(thrown("no"))
    });
    assert_eq!(ended(&finished), "undone thrown");
    assert_eq!(stage.site.all(), "b=1 mail=x");
    assert_eq!(
        stage.undone(),
        ["set c", "kept set b", "kept add mail", "set a"]
    );
    assert_eq!(
        state(&finished),
        [
            "c is ``",
            "a is ``",
            "stays: set b (the playbook says `undo: \"none\"`)",
            "stays: add mail (it was given no `undo`)",
        ]
    );
}

#[test]
fn keys_say_where_and_never_depend_on_time() {
    let stage = Stage::new();
    stage.play(|run| async move {
        set(&run, run.root(), "a", "1").await?;
        let named = json!({ "things": { "b": "1" } });
        call_with(&run, run.root(), "set", named, json!({ "id": "the/b" })).await?;
        let fan_out = run.open_fan_out(run.root(), "each", 2, 2);
        for item in ["x", "y"] {
            let branch = run.open_branch(&fan_out, item);
            set(&run, &branch, item, "1").await?;
        }
        let again = call_with(
            &run,
            run.root(),
            "set",
            json!({ "things": { "b": "2" } }),
            json!({ "id": "the/b" }),
        )
        .await;
        let Err(CallError::Failed(failure)) = again else {
            panic!("an id names one step");
        };
        assert_eq!(failure.kind, "duplicate_key");
        set(&run, run.root(), "c", "1").await
    });
    assert_eq!(
        stage.log.of("durable result"),
        [
            "/set#1 ok",
            "/the%2Fb ok",
            "/each#1[x]/set#1 ok",
            "/each#1[y]/set#1 ok",
            "/set#2 ok"
        ]
    );
}

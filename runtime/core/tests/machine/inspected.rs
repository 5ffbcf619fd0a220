//! What speaks against a call: asked before anything is touched, of what begins now alone.

use crate::driver::handle;
use crate::script::{call, close, set, transaction, within};
use crate::stage::{Stage, ended};
use crate::taken_up::{at_every_moment, first, second};
use pb_core::run::{Run, Scope, ScopeKind};
use pb_core::{CallError, Result};
use serde_json::{Value, json};

/// Adds to the thing that is destroyed by it.
async fn ruin(run: &Run, scope: &Scope) -> Result<Value, CallError> {
    let args = json!({ "name": "ruin", "what": "x", "effect": "opaque" });
    call(run, scope, "add", args).await
}

async fn allowed(run: &Run, scope: &Scope) -> Result<(), CallError> {
    run.point_of_no_return(scope, "moved").await?;
    run.allow_destructive(scope, "copied");
    Ok(())
}

/// Whether the call was refused, and as what.
async fn refused(run: &Run, scope: &Scope) -> Result<String, CallError> {
    match ruin(run, scope).await {
        Ok(_) => Ok("done".into()),
        Err(CallError::Failed(failure)) => Ok(failure.kind.clone()),
        Err(other) => Err(other),
    }
}

#[test]
fn the_first_complaint_that_is_an_error_refuses_the_call_before_anything_is_touched() {
    let stage = Stage::new();
    let finished = stage.play(|run| async move { ruin(&run, run.root()).await });
    assert_eq!(ended(&finished), "undone destructive");
    let failure = finished.failure.expect("refused");
    assert_eq!(failure.message, "`ruin` is destroyed");
    assert_eq!(failure.because, ["it is gone then"]);
    assert_eq!(failure.hint.as_deref(), Some("say so before it"));
    assert_eq!(failure.chain[0].line, 3);
    assert_eq!(
        stage.log.lines(),
        ["durable run_open", "durable run_close Undone"]
    );
}

#[test]
fn the_second_one_refuses_it_where_only_the_first_is_met() {
    let stage = Stage::new();
    let finished = stage.play(|run| async move {
        run.allow_destructive(run.root(), "copied");
        ruin(&run, run.root()).await
    });
    assert_eq!(ended(&finished), "undone no_undo");
}

#[test]
fn permission_reaches_inwards_to_the_end_of_its_scope_and_not_to_siblings() {
    let stage = Stage::new();
    let finished = stage.play(|run| async move {
        let mut told = vec![];
        let inside = within(&run, run.root(), "part", ScopeKind::Savepoint, |scope| {
            let run = run.clone();
            async move {
                allowed(&run, &scope).await?;
                let fan_out = run.open_fan_out(&scope, "each", 1, 1);
                let branch = run.open_branch(&fan_out, "one");
                let inside = refused(&run, &branch).await?;
                close(&run, &branch, Ok(Value::Null)).await?;
                close(&run, &fan_out, Ok(Value::Null)).await?;
                Ok(json!(inside))
            }
        });
        told.push(inside.await?);
        told.push(json!(refused(&run, run.root()).await?));
        let fan_out = run.open_fan_out(run.root(), "each", 2, 1);
        let one = run.open_branch(&fan_out, "one");
        let two = run.open_branch(&fan_out, "two");
        allowed(&run, &one).await?;
        for branch in [one, two] {
            told.push(json!(refused(&run, &branch).await?));
            close(&run, &branch, Ok(Value::Null)).await?;
        }
        close(&run, &fan_out, Ok(Value::Null)).await?;
        Ok(json!(told))
    });
    assert_eq!(
        finished.value,
        json!(["done", "destructive", "done", "destructive"])
    );
}

#[test]
fn within_a_transaction_the_same_holds() {
    let script = |says: bool| {
        move |run: Run| async move {
            if says {
                allowed(&run, run.root()).await?;
            }
            transaction(&run, run.root(), |scope, tx| {
                let run = run.clone();
                async move {
                    let args =
                        json!({ "name": "ruin", "what": "x", "effect": "transaction", "db": tx });
                    call(&run, &scope, "add", args).await
                }
            })
            .await
        }
    };
    let stage = Stage::new();
    assert_eq!(ended(&stage.play(script(false))), "undone destructive");
    assert_eq!(stage.site.all(), "");
    let stage = Stage::new();
    assert_eq!(ended(&stage.play(script(true))), "done");
    assert_eq!(stage.site.all(), "ruin=x");
}

#[test]
fn it_is_recorded_before_what_builds_on_it_and_once() {
    let stage = Stage::new();
    let script = |run: Run| async move {
        allowed(&run, run.root()).await?;
        ruin(&run, run.root()).await?;
        set(&run, run.root(), "a", "1").await
    };
    first(&stage, script);
    assert!(stage.log.at("durable allowed copied") < stage.log.at("durable intent /add#1"));
    assert_eq!(ended(&second(&stage, script)), "done");
    let said = |line: &String| line.ends_with("allowed copied");
    assert_eq!(stage.log.lines().into_iter().filter(said).count(), 1);
}

#[test]
fn a_run_that_is_taken_up_is_told_the_same_at_every_moment() {
    let script = |run: Run| async move {
        let before = refused(&run, run.root()).await?;
        allowed(&run, run.root()).await?;
        let args = json!({ "name": "ruin", "what": "x", "effect": "transaction", "tells": true });
        call(&run, run.root(), "add", args).await?;
        set(&run, run.root(), "a", "1").await?;
        Ok(json!(before))
    };
    at_every_moment(&Stage::new, script, |stage, finished, n| {
        assert_eq!(ended(finished), "done", "{n}: {:#?}", finished.failure);
        assert_eq!(finished.value, json!("destructive"), "{n}");
        assert_eq!(stage.site.all(), "a=1 ruin=x", "{n}");
    });
}

/// A newer pb may object to what an older one began: what is begun is ended all the same.
#[test]
fn what_was_done_or_begun_is_not_asked_about_again() {
    let stage = Stage::new();
    let script = |says: bool| {
        move |run: Run| async move {
            if says {
                allowed(&run, run.root()).await?;
            }
            ruin(&run, run.root()).await
        }
    };
    first(&stage, script(true));
    assert_eq!(ended(&second(&stage, script(false))), "done");
    assert_eq!(stage.site.all(), "ruin=x");
}

#[test]
fn a_way_back_is_not_asked_about() {
    let stage = Stage::new();
    let finished = stage.play(|run| async move {
        allowed(&run, run.root()).await?;
        let within = within(&run, run.root(), "part", ScopeKind::Savepoint, |scope| {
            let run = run.clone();
            async move {
                let args = json!({ "name": "ruin", "what": "x", "effect": "opaque", "undo": true, "db": handle("db", None) });
                call(&run, &scope, "add", args).await?;
                Err(crate::script::thrown("no"))
            }
        });
        within.await
    });
    assert_eq!(ended(&finished), "undone thrown");
    assert_eq!(stage.undone(), ["add ruin"]);
}

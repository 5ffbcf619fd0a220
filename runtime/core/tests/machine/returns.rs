//! Points of no return: what stands before one stays and is told, what came after it is undone.

use crate::script::{close, set, thrown, within};
use crate::stage::{Stage, ended, state};
use pb_core::run::{Run, Scope, ScopeKind};
use pb_core::{CallError, Result};
use serde_json::Value;

const STAYS: &str = "what stands before the point of no return stays: column dropped";

#[test]
fn what_stands_before_stays_and_what_follows_is_undone() {
    let stage = Stage::new();
    let finished = stage.play(|run| async move {
        set(&run, run.root(), "a", "1").await?;
        run.point_of_no_return(run.root(), "column dropped").await?;
        set(&run, run.root(), "b", "1").await?;
        Err(thrown("no"))
    });
    assert_eq!(ended(&finished), "failed thrown");
    assert_eq!(stage.site.all(), "a=1");
    assert_eq!(stage.undone(), ["set b"]);
    assert_eq!(state(&finished), ["b is ``", STAYS]);
    let failure = finished.failure.expect("a failure");
    assert_eq!((failure.undone, failure.frozen), (Some(false), false));
    assert_eq!(failure.data["past_return"], "column dropped");
    assert!(stage.log.at("durable commit_point") < stage.log.at("durable intent /set#2"));
}

#[test]
fn with_nothing_before_it_nothing_stays() {
    let stage = Stage::new();
    let finished = stage.play(|run| async move {
        run.point_of_no_return(run.root(), "column dropped").await?;
        set(&run, run.root(), "b", "1").await?;
        Err(thrown("no"))
    });
    assert_eq!(ended(&finished), "undone thrown");
    assert_eq!(stage.site.all(), "");
}

async fn inside(run: &Run, scope: Scope) -> Result<Value, CallError> {
    set(run, &scope, "b", "1").await?;
    run.point_of_no_return(&scope, "column dropped").await?;
    set(run, &scope, "c", "1").await
}

#[test]
fn it_reaches_outwards_from_a_savepoint_that_ended_well() {
    let stage = Stage::new();
    let finished = stage.play(|run| async move {
        set(&run, run.root(), "a", "1").await?;
        within(&run, run.root(), "part", ScopeKind::Savepoint, |scope| {
            inside(&run, scope)
        })
        .await?;
        set(&run, run.root(), "d", "1").await?;
        Err(thrown("no"))
    });
    assert_eq!(ended(&finished), "failed thrown");
    assert_eq!(stage.site.all(), "a=1 b=1");
    assert_eq!(stage.undone(), ["set d", "set c"]);
}

#[test]
fn it_reaches_outwards_from_a_savepoint_that_failed_and_is_told_once() {
    let stage = Stage::new();
    let finished = stage.play(|run| async move {
        set(&run, run.root(), "a", "1").await?;
        within(&run, run.root(), "part", ScopeKind::Savepoint, |scope| {
            let run = run.clone();
            async move {
                inside(&run, scope).await?;
                Err(thrown("no"))
            }
        })
        .await
    });
    assert_eq!(ended(&finished), "failed thrown");
    assert_eq!(stage.site.all(), "a=1 b=1");
    assert_eq!(state(&finished), ["c is ``", STAYS]);
}

#[test]
fn siblings_of_a_branch_that_is_past_return_are_undone() {
    let stage = Stage::new();
    let finished = stage.play(|run| async move {
        set(&run, run.root(), "a", "1").await?;
        let fan_out = run.open_fan_out(run.root(), "each", 3, 1);
        let zero = run.open_branch(&fan_out, "zero");
        set(&run, &zero, "z", "1").await?;
        close(&run, &zero, Ok(Value::Null)).await?;
        let one = run.open_branch(&fan_out, "one");
        inside(&run, one.clone()).await?;
        close(&run, &one, Ok(Value::Null)).await?;
        let two = run.open_branch(&fan_out, "two");
        set(&run, &two, "d", "1").await?;
        close(&run, &two, Ok(Value::Null)).await?;
        close(&run, &fan_out, Ok(Value::Null)).await?;
        Err(thrown("no"))
    });
    assert_eq!(ended(&finished), "failed thrown");
    assert_eq!(stage.site.all(), "a=1 b=1");
    assert_eq!(stage.undone(), ["set d", "set c", "set z"]);
}

//! A second process takes a run up: what its server says now, and what an action had told of itself, are heeded.

use crate::driver::handle;
use crate::script::{call, thrown, within};
use crate::site::Trouble;
use crate::stage::{Stage, ended, state};
use futures_util::future::BoxFuture;
use pb_core::cancel::{Cancel, Level};
use pb_core::journal::{Body, Recorded};
use pb_core::run::{Finished, Resuming, Run, ScopeKind, Setup};
use pb_core::{CallError, Failure, Result, code};
use serde_json::{Value, json};
use std::future::Future;

/// The process that takes the run up.
pub(crate) fn second<F>(stage: &Stage, script: impl FnOnce(Run) -> F) -> Finished
where
    F: Future<Output = Result<Value, CallError>>,
{
    stage.clock.block_on(async {
        let history = stage.store.history();
        let setup = Setup {
            cancel: Cancel::default(),
            ..stage.setup()
        };
        let run = Run::resume(setup, &history, Resuming::default()).await;
        let run = run.expect("it can be taken up");
        let result = script(run.clone()).await;
        run.finish(result).await
    })
}

/// The process that begins the run, and is told to end when it has played so much of the script.
pub(crate) fn first<F>(stage: &Stage, script: impl FnOnce(Run) -> F)
where
    F: Future<Output = Result<Value, CallError>>,
{
    stage.clock.block_on(async {
        let run = stage.open().await.expect("a journal");
        drop(script(run.clone()).await);
        stage.cancel.raise_for(Level::Stop, "SIGTERM");
        let finished = run.finish(Err(CallError::Stopped)).await;
        assert!(finished.state.is_none());
    });
}

async fn set(run: &Run, thing: &str) -> Result<Value, CallError> {
    let args = json!({ "things": { thing: "x" }, "db": handle("db", None) });
    call(run, run.root(), "set", args).await
}

#[test]
fn a_server_that_is_another_one_now_is_left_alone() {
    let stage = Stage::new();
    first(&stage, |run| async move { set(&run, "a").await });
    stage.site.state().is_another = true;
    let finished = second(&stage, |run| async move {
        set(&run, "a").await?;
        set(&run, "b").await
    });
    let failure = finished.failure.expect("it is another one");
    assert!(failure.is(&code::OTHER_SERVER), "{failure:#?}");
    assert!(!stage.log.lines().contains(&"world set b x".to_owned()));
}

#[test]
fn a_failure_that_the_script_went_on_from_is_thrown_again() {
    let stage = Stage::new();
    stage.site.trouble("set a", 1, Trouble::Refused);
    let script = |run: Run| async move {
        let refused = set(&run, "a").await.is_err();
        set(&run, "b").await?;
        Ok(json!(refused))
    };
    first(&stage, script);
    let finished = second(&stage, script);
    assert_eq!(ended(&finished), "done");
    assert_eq!(finished.value, json!(true));
    assert_eq!(stage.site.all(), "b=x");
}

#[test]
fn a_failure_that_nothing_followed_is_tried_again() {
    let stage = Stage::new();
    stage.site.trouble("set b", 1, Trouble::Refused);
    let script = |run: Run| async move {
        set(&run, "a").await?;
        set(&run, "b").await
    };
    first(&stage, script);
    assert_eq!(ended(&second(&stage, script)), "done");
    assert_eq!(stage.site.all(), "a=x b=x");
}

#[test]
fn a_gate_that_nothing_followed_is_waited_for_again() {
    let stage = Stage::new();
    stage.site.put("web", "up");
    let gate = |run: Run| async move {
        let args = json!({ "name": "web", "is": "up", "deadline": "3s" });
        call(&run, run.root(), "await", args).await
    };
    first(&stage, gate);
    stage.site.put("web", "down");
    let failure = second(&stage, gate).failure.expect("it is down by now");
    assert!(failure.is(&code::WAIT), "{failure:#?}");
}

#[test]
fn what_an_action_told_of_itself_settles_it_at_every_moment() {
    let script = |run: Run| async move {
        let args = json!({ "name": "log", "what": "x", "effect": "transaction", "tells": true });
        call(&run, run.root(), "add", args).await
    };
    at_every_moment(&Stage::new, script, |stage, finished, n| {
        assert_eq!(ended(finished), "done", "{n}: {:#?}", finished.failure);
        assert_eq!(stage.site.all(), "log=x", "{n}");
    });
}

#[test]
fn half_a_step_is_undone_whenever_the_script_is_told_that_it_failed() {
    let stage = || {
        let stage = Stage::new();
        stage.site.trouble("set a", 1, Trouble::Partial);
        stage
    };
    let script = |run: Run| async move {
        let refused = set(&run, "a").await.is_err();
        set(&run, "b").await?;
        Ok(json!(refused))
    };
    at_every_moment(&stage, script, |stage, finished, n| {
        let all = match finished.value == json!(true) {
            true => "b=x",
            false => "a=x b=x",
        };
        assert_eq!(stage.site.all(), all, "{n}: {:#?}", finished.failure);
    });
}

#[test]
fn what_was_read_is_not_read_again() {
    let stage = Stage::new();
    let read = |value: u32| {
        move |run: Run| async move {
            let read = async || Ok(json!(value));
            run.read(run.root(), "now", read).await
        }
    };
    first(&stage, read(1));
    assert_eq!(second(&stage, read(2)).value, json!(1));
}

#[test]
fn what_a_person_answered_is_not_asked_again() {
    let stage = Stage::new();
    let ask = |by: &'static str, yes: bool| {
        move |run: Run| async move {
            let answer = run.decide(run.root(), "go?", |_| (by.into(), yes)).await?;
            Ok(json!(answer))
        }
    };
    first(&stage, ask("dana", true));
    assert_eq!(
        second(&stage, ask("nobody", false)).value,
        json!(["dana", true])
    );
}

/// A savepoint that sets `a` and then throws or not; the script goes on from either.
fn part(throws: bool) -> impl Fn(Run) -> BoxFuture<'static, Result<Value, CallError>> {
    move |run| {
        Box::pin(async move {
            let body = |scope| {
                let run = run.clone();
                async move {
                    let args = json!({ "things": { "a": "x" } });
                    call(&run, &scope, "set", args).await?;
                    if throws {
                        Err(thrown("no"))
                    } else {
                        Ok(Value::Null)
                    }
                }
            };
            let ended = within(&run, run.root(), "part", ScopeKind::Savepoint, body).await;
            match ended {
                Err(CallError::Failed(failure)) => Ok(json!(failure.state)),
                other => other,
            }
        })
    }
}

#[test]
fn a_scope_ends_as_it_had_ended_and_nothing_of_it_is_done_again() {
    let stage = Stage::new();
    first(&stage, part(true));
    // Somebody has set it since: that is not ours to undo.
    stage.site.put("a", "z");
    let finished = second(&stage, part(true));
    assert_eq!(ended(&finished), "done");
    assert_eq!(finished.value, json!(["a is ``"]), "as it was said then");
    assert_eq!(stage.site.all(), "a=z");
    let closed = |record: &&Recorded| matches!(record.body, Body::ScopeClose { .. });
    assert_eq!(stage.store.records().iter().filter(closed).count(), 1);
}

#[test]
fn a_scope_that_ends_otherwise_than_it_had_ended_ends_the_run() {
    for (then, now, why) in [
        (true, false, "it had failed, and now it ended well: no"),
        (false, true, "it had ended well, and now it failed: no"),
    ] {
        let stage = Stage::new();
        first(&stage, part(then));
        let finished = second(&stage, part(now));
        let failure = finished.failure.expect("it went another way");
        assert!(failure.is(&code::DIVERGED), "{failure:#?}");
        assert_eq!(failure.because, [why]);
    }
}

#[test]
fn an_undo_that_is_finished_is_not_repeated() {
    let stage = Stage::new();
    stage.play(|run| async move { set(&run, "a").await });
    let roll_back = || {
        stage.clock.block_on(async {
            let run = stage.take_up(&stage.store.history()).await;
            let asked = Failure::new(&code::ROLLED_BACK, "somebody asked for it");
            let run = run.expect("it can be taken up");
            run.roll_back(&stage.store.history(), asked).await
        })
    };
    assert_eq!(ended(&roll_back()), "undone rolled_back");
    assert_eq!(stage.site.all(), "");
    // Somebody else has set it since: that is not ours to undo.
    stage.site.put("a", "z");
    let again = roll_back();
    assert_eq!(ended(&again), "undone rolled_back");
    assert_eq!(state(&again), ["a is ``"], "as it was said then");
    assert_eq!(stage.site.all(), "a=z");
}

#[test]
fn a_script_that_calls_with_other_arguments_than_then_is_ended() {
    let stage = Stage::new();
    first(&stage, |run| async move { set(&run, "a").await });
    let finished = second(&stage, |run| async move { set(&run, "b").await });
    let failure = finished.failure.expect("it went another way");
    assert!(failure.is(&code::DIVERGED), "{failure:#?}");
    assert_eq!(stage.site.all(), "a=x");
}

/// Kills the first process at each of its moments, lets a second one play to the end, and looks.
pub(crate) fn at_every_moment<F>(
    stage: &dyn Fn() -> Stage,
    script: impl Fn(Run) -> F,
    look: impl Fn(&Stage, &Finished, usize),
) where
    F: Future<Output = Result<Value, CallError>>,
{
    let whole = stage();
    look(&whole, &whole.play(&script), 0);
    for n in 1..=whole.clock.moments() {
        let stage = stage();
        stage.clock.dies_at(Some(n));
        let lived = stage.clock.live(async {
            let run = stage.open().await.expect("a journal");
            let result = script(run.clone()).await;
            run.finish(result).await
        });
        assert!(lived.is_none());
        stage.clock.dies_at(None);
        if stage.store.bytes().is_empty() || stage.store.history().ended().is_some() {
            continue;
        }
        look(&stage, &second(&stage, &script), n);
    }
}

//! Told to stop: first nothing new, then nothing at all; either way the run can be taken up again.

use crate::script::{call, call_with, set, thrown, transaction};
use crate::site::Trouble;
use crate::stage::{Stage, ended};
use pb_core::cancel::Level;
use pb_core::clock::Clock;
use serde_json::{Value, json};

fn row() -> Value {
    json!({ "things": { "a": "1", "b": "1", "c": "1" } })
}

#[test]
fn stop_lets_the_action_finish_and_starts_no_other() {
    let stage = Stage::new();
    let finished = stage.play_and_stop(&[(15, Level::Stop)], |run| async move {
        call(&run, run.root(), "set", row()).await
    });
    assert_eq!(ended(&finished), "interrupted");
    assert!(finished.acted);
    assert_eq!(
        stage.site.all(),
        "a=1 b=1",
        "nothing is undone: it can be resumed"
    );
    assert_eq!(
        stage.log.of("durable outcome"),
        ["/set#1 0 ok", "/set#1 1 ok"],
        "and the action that ran has its outcome"
    );
    assert!(stage.log.of("durable run_close").is_empty());
    assert_eq!(stage.log.of("durable interrupt"), ["SIGINT"]);
}

#[test]
fn stop_starts_no_further_step() {
    let stage = Stage::new();
    let finished = stage.play_and_stop(&[(5, Level::Stop)], |run| async move {
        set(&run, run.root(), "a", "1").await?;
        set(&run, run.root(), "b", "1").await
    });
    assert_eq!(ended(&finished), "interrupted");
    assert_eq!(stage.site.all(), "a=1");
    assert_eq!(stage.log.of("durable result"), ["/set#1 ok"]);
}

#[test]
fn stop_ends_waits_at_once() {
    let gate = json!({ "name": "a", "is": "up", "deadline": "1h" });
    for hangs in [false, true] {
        let stage = Stage::new();
        if hangs {
            stage.site.trouble("look a", 1, Trouble::Hangs);
        }
        let args = gate.clone();
        let finished = stage.play_and_stop(&[(5_000, Level::Stop)], |run| async move {
            call(&run, run.root(), "await", args).await
        });
        assert_eq!(ended(&finished), "interrupted");
        assert_eq!(stage.clock.elapsed().as_millis(), 5_000);
    }
    let stage = Stage::new();
    stage.site.trouble("set a", 1, Trouble::Refused);
    let finished = stage.play_and_stop(&[(5_000, Level::Stop)], |run| async move {
        let retry = json!({ "retry": { "attempts": 9, "delay": "1h" } });
        call_with(&run, run.root(), "set", row(), retry).await
    });
    assert_eq!(ended(&finished), "interrupted");
    assert_eq!(stage.clock.elapsed().as_millis(), 5_000);
}

#[test]
fn abort_leaves_the_running_action_in_doubt() {
    let stage = Stage::new();
    stage.site.trouble("set b", 1, Trouble::Hangs);
    let stops = [(100, Level::Stop), (1_000, Level::Abort)];
    let finished = stage.play_and_stop(&stops, |run| async move {
        call(&run, run.root(), "set", row()).await
    });
    assert_eq!(ended(&finished), "interrupted");
    assert!(finished.acted);
    assert_eq!(stage.site.all(), "a=1 b=half 1");
    assert_eq!(stage.log.of("durable intent").len(), 2);
    assert_eq!(stage.log.of("durable outcome"), ["/set#1 0 ok"]);
    assert_eq!(stage.clock.elapsed().as_millis(), 1_100);
}

#[test]
fn abort_ends_an_undo_and_a_commit_that_hang() {
    let stage = Stage::new();
    stage.site.trouble("set a", 2, Trouble::Hangs);
    let finished = stage.play_and_stop(&[(1_000, Level::Abort)], |run| async move {
        set(&run, run.root(), "a", "1").await?;
        let mut failure = thrown("no");
        let pb_core::CallError::Failed(inner) = &mut failure else {
            unreachable!("it was thrown")
        };
        run.close_scope(run.root(), "run", Some(inner)).await?;
        Err(failure)
    });
    assert_eq!(ended(&finished), "interrupted");
    assert_eq!(stage.log.of("durable undo_intent"), ["/set#1"]);
    assert!(stage.log.of("durable undo_result").is_empty());

    let stage = Stage::new();
    stage.site.trouble("commit", 1, Trouble::Hangs);
    let finished = stage.play_and_stop(&[(1_000, Level::Abort)], |run| async move {
        transaction(&run, run.root(), |_, _| async { Ok(Value::Null) }).await
    });
    assert_eq!(ended(&finished), "interrupted");
    assert!(finished.acted, "the commit may have happened");
    assert_eq!(stage.log.of("durable tx_result").len(), 1);
    assert!(stage.log.of("durable outcome").is_empty());
}

#[test]
fn a_run_that_is_stopped_while_it_undoes_still_says_why_it_did() {
    let stage = Stage::new();
    let finished = stage.play_and_stop(&[(30, Level::Stop)], |run| async move {
        set(&run, run.root(), "a", "1").await?;
        run.clock().sleep(std::time::Duration::from_secs(1)).await;
        Err(thrown("no"))
    });
    assert_eq!(ended(&finished), "interrupted thrown");
    assert_eq!(stage.site.all(), "a=1");
    assert_eq!(stage.log.of("durable interrupt"), ["SIGINT"]);
    assert_eq!(stage.log.of("durable undo_intent"), ["/set#1"]);
}

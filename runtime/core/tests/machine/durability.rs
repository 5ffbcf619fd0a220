//! Intents are durable before their effects, outcomes before whatever comes next, for every kind of step.

use crate::script::{add, call, set, transaction};
use crate::site::Trouble;
use crate::stage::{Stage, ended};
use pb_core::CallError;
use pb_core::run::Run;
use serde_json::{Value, json};

/// Every kind of step that acts, by a name, the call, and how often it acts.
pub(crate) fn kinds() -> Vec<(&'static str, &'static str, Value, usize)> {
    let things = json!({ "a1": "x", "a2": "x", "b1": "x" });
    let mut kinds: Vec<_> = ["row", "stages", "lanes", "letters"]
        .into_iter()
        .map(|shape| (shape, "set", json!({ "things": things, "shape": shape }), 3))
        .collect();
    for effect in [
        "gate",
        "ensure",
        "transaction",
        "ddl",
        "command",
        "opaque",
        "notify",
    ] {
        let args = json!({ "name": "a1", "what": "x", "effect": effect, "undo": true });
        kinds.push((effect, "add", args, 1));
    }
    kinds
}

#[test]
fn every_effect_stands_between_its_durable_intent_and_its_durable_outcome() {
    for (kind, name, args, actions) in kinds() {
        let stage = Stage::new();
        let finished = stage.play(|run| async move { call(&run, run.root(), name, args).await });
        assert_eq!(ended(&finished), "done", "{kind}");
        let front = if name == "set" {
            "world set"
        } else {
            "world add"
        };
        let effects = stage.log.of(front);
        assert_eq!(effects.len(), actions, "{kind}: {effects:?}");
        assert_effects_are_covered(&stage, kind);
    }
}

#[test]
fn what_fails_and_what_undoes_it_is_written_down_alike() {
    for (kind, name, args, _) in kinds() {
        let stage = Stage::new();
        let call_name = if name == "set" { "set b1" } else { "add a1" };
        stage.site.trouble(call_name, 1, Trouble::Partial);
        let finished = stage.play(|run| async move { call(&run, run.root(), name, args).await });
        assert_eq!(ended(&finished), "undone exit_code", "{kind}");
        assert_effects_are_covered(&stage, kind);
        let key = format!("/{name}#1");
        let undo = stage.log.at(&format!("durable undo_intent {key}"));
        assert!(stage.log.at(&format!("durable result {key} error")) < undo);
        assert!(stage.log.at(&format!("durable intent {key}~undo 0")) > undo);
        let lines = stage.log.lines();
        let front = format!("durable outcome {key} ");
        let last = lines.iter().rposition(|line| line.starts_with(&front));
        let between = &lines[last.expect("an outcome")..undo];
        assert!(
            !between.iter().any(|line| line.starts_with("world")),
            "{kind}: {between:?}"
        );
        let undone = stage.log.at(&format!("durable undo_result {key} ok"));
        assert!(stage.log.at(&format!("durable outcome {key}~undo 0 ok")) < undone);
        assert!(undone < stage.log.at("durable run_close"));
    }
}

/// Walks the log: no call of the world that changes anything without an open intent, none left open at the end.
fn assert_effects_are_covered(stage: &Stage, kind: &str) {
    let (mut intents, mut effects, mut outcomes) = (0, 0, 0);
    for line in stage.log.lines() {
        let counts = |fronts: &[&str]| fronts.iter().any(|front| line.starts_with(front));
        if counts(&["durable intent"]) {
            intents += 1;
        } else if counts(&["world set", "world add", "world take_back"]) {
            effects += 1;
            assert!(
                intents >= effects,
                "{kind}: `{line}` in {:#?}",
                stage.log.lines()
            );
        } else if counts(&["durable outcome"]) {
            outcomes += 1;
            assert!(
                effects >= outcomes,
                "{kind}: `{line}` in {:#?}",
                stage.log.lines()
            );
        } else if counts(&["durable undo_intent", "durable run_close"]) {
            assert_eq!(
                intents,
                outcomes,
                "{kind}: `{line}` in {:#?}",
                stage.log.lines()
            );
        }
    }
    assert_eq!((intents, effects), (effects, outcomes), "{kind}");
}

#[test]
fn each_action_of_a_row_waits_for_the_outcome_of_the_one_before() {
    let stage = Stage::new();
    let args = json!({ "things": { "a": "1", "b": "1" } });
    stage.play(|run| async move { call(&run, run.root(), "set", args).await });
    let order: Vec<_> = stage
        .log
        .lines()
        .into_iter()
        .filter(|line| !line.starts_with("world look"))
        .collect();
    assert_eq!(
        order,
        [
            "durable run_open",
            "durable step /set#1",
            "durable intent /set#1 0",
            "world set a 1",
            "durable outcome /set#1 0 ok",
            "durable intent /set#1 1",
            "world set b 1",
            "durable outcome /set#1 1 ok",
            "durable result /set#1 ok",
            "durable run_close Done",
        ]
    );
}

#[test]
fn what_only_reads_writes_its_result_without_waiting_for_the_disk() {
    let stage = Stage::new();
    let finished = stage.play(|run| async move {
        call(&run, run.root(), "look", json!({ "name": "a" })).await?;
        let gate = json!({ "name": "a", "is": "", "deadline": "1s" });
        call(&run, run.root(), "await", gate).await?;
        set(&run, run.root(), "a", "").await
    });
    assert_eq!(ended(&finished), "done");
    assert!(!finished.acted);
    assert_eq!(
        stage.store.appends(),
        2,
        "the opening, and everything else with the end"
    );
    assert_eq!(
        stage.log.of("durable result"),
        ["/look#1 ok", "/await#1 ok", "/set#1 ok"]
    );
}

#[test]
fn a_file_that_a_step_reads_is_durable_before_its_first_intent_and_kept_once() {
    let stage = Stage::new();
    stage.play(|run| async move {
        for is in ["1", "2"] {
            let args = json!({ "things": { "a": is }, "file": "CREATE TABLE t" });
            call(&run, run.root(), "set", args).await?;
        }
        Ok(Value::Null)
    });
    assert_eq!(stage.log.of("durable blob"), ["CREATE TABLE t"]);
    assert!(stage.log.at("durable blob") < stage.log.at("durable intent"));
}

#[test]
fn after_a_failed_write_nothing_is_started_and_nothing_has_an_effect() {
    let script = |run: Run| async move {
        set(&run, run.root(), "a", "1").await?;
        call(&run, run.root(), "look", json!({ "name": "a" })).await?;
        add(&run, run.root(), "b", "x").await?;
        transaction(&run, run.root(), |scope, tx| {
            let run = run.clone();
            async move {
                let args = json!({ "name": "c", "what": "x", "effect": "transaction", "db": tx });
                call(&run, &scope, "add", args).await
            }
        })
        .await?;
        set(&run, run.root(), "d", "1").await
    };
    let whole = Stage::new();
    assert_eq!(ended(&whole.play(script)), "done");
    assert_eq!(whole.site.all(), "a=1 b=x c=x d=1");
    let appends = whole.store.appends();
    assert!(appends > 10, "{appends}");
    for n in 2..=appends {
        let stage = Stage::new();
        stage.store.full_at(n);
        let finished = stage.play(script);
        assert_eq!(ended(&finished), "interrupted journal", "append {n}");
        assert_eq!(finished.state, None);
        let failure = finished.failure.expect("a reason");
        assert_eq!(failure.because, ["no space left on device"]);
        // Every effect had its intent, and at most the one whose outcome was lost came after the last durable record.
        let lines = stage.log.lines();
        let last = lines.iter().rposition(|line| line.starts_with("durable"));
        let after: Vec<_> = lines[last.expect("an opening")..]
            .iter()
            .filter(|line| changes(line))
            .collect();
        assert!(after.len() <= 1, "append {n}: {after:?}");
        assert_eq!(stage.site.open_transactions(), 0, "append {n}: rolled back");
    }
}

fn changes(line: &str) -> bool {
    ["world set", "world add ", "world commit"]
        .iter()
        .any(|front| line.starts_with(front))
}

#[test]
fn reads_are_refused_too_once_the_journal_is_lost() {
    let stage = Stage::new();
    stage.store.full_at(2);
    let finished = stage.play(|run| async move {
        let lost = set(&run, run.root(), "a", "1").await;
        assert!(matches!(lost, Err(CallError::Fatal(_))));
        // A script that swallowed it gets no further.
        let look = call(&run, run.root(), "look", json!({ "name": "a" })).await;
        assert!(matches!(look, Err(CallError::Fatal(_))));
        let read = run.read(run.root(), "now", async || Ok(Value::Null)).await;
        assert!(matches!(read, Err(CallError::Fatal(_))));
        lost
    });
    assert_eq!(ended(&finished), "interrupted journal");
    assert_eq!(stage.site.all(), "");
    assert_eq!(stage.log.of("world look").len(), 1, "only the one before");
}

#[test]
fn a_run_whose_first_record_cannot_be_written_does_not_begin() {
    let stage = Stage::new();
    stage.store.full_at(1);
    let refused = stage.clock.block_on(stage.open()).err().expect("no run");
    assert_eq!(refused.kind, "journal");
}

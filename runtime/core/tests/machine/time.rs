//! Retries, deadlines and timeouts, on a clock that stands still unless everybody waits.

use crate::script::{call, call_with};
use crate::site::Trouble;
use crate::stage::{Stage, ended, state};
use pb_core::clock::Clock;
use serde_json::{Value, json};

fn millis(stage: &Stage) -> u128 {
    stage.clock.elapsed().as_millis()
}

fn opaque(what: &str) -> Value {
    json!({ "name": "a", "what": what, "effect": "opaque", "undo": true })
}

fn retry(attempts: u32) -> Value {
    json!({ "retry": { "attempts": attempts, "delay": "1s", "backoff": 3, "max_delay": "5s" } })
}

#[test]
fn retries_wait_longer_each_time_up_to_their_limit() {
    let stage = Stage::new();
    (1..=4).for_each(|n| stage.site.trouble("add a", n, Trouble::Refused));
    let finished = stage
        .play(|run| async move { call_with(&run, run.root(), "add", opaque("x"), retry(5)).await });
    assert_eq!(ended(&finished), "done");
    assert_eq!(stage.site.all(), "a=x");
    assert!(
        (14_000..14_200).contains(&millis(&stage)),
        "1 + 3 + 5 + 5: {}",
        millis(&stage)
    );
    assert_eq!(
        stage.log.of("durable intent"),
        [
            "/add#1 0",
            "/add#1 0 gen2",
            "/add#1 0 gen3",
            "/add#1 0 gen4",
            "/add#1 0 gen5"
        ]
    );
}

#[test]
fn the_last_attempt_decides() {
    let stage = Stage::new();
    (1..=3).for_each(|n| stage.site.trouble("add a", n, Trouble::Refused));
    let finished = stage
        .play(|run| async move { call_with(&run, run.root(), "add", opaque("x"), retry(3)).await });
    assert_eq!(ended(&finished), "undone permission");
    assert_eq!(stage.log.of("world add").len(), 3);
}

#[test]
fn what_may_have_happened_is_not_done_again() {
    let cases = [
        ("transaction", 1),
        ("ddl", 1),
        ("opaque", 1),
        ("notify", 1),
        ("command", 2),
    ];
    for (effect, calls) in cases {
        let stage = Stage::new();
        stage.site.trouble("add a", 1, Trouble::LostAfter);
        let args = json!({ "name": "a", "what": "x", "effect": effect });
        let finished = stage
            .play(|run| async move { call_with(&run, run.root(), "add", args, retry(3)).await });
        // Whether a command is told apart by its probe or its key is its primitive's care.
        assert_eq!(stage.log.of("world add").len(), calls, "{effect}");
        assert_eq!(ended(&finished) == "done", effect == "command", "{effect}");
    }
}

#[test]
fn an_ensure_step_looks_before_it_tries_again_and_tells_of_all_attempts() {
    for trouble in [
        Trouble::Refused,
        Trouble::LostBefore,
        Trouble::LostAfter,
        Trouble::Partial,
    ] {
        let stage = Stage::new();
        stage.site.put("b", "old");
        stage.site.trouble("set b", 1, trouble);
        let args = json!({ "things": { "a": "1", "b": "1" } });
        let finished = stage.play(|run| async move {
            let done = call_with(&run, run.root(), "set", args, retry(2)).await?;
            assert_eq!(done["changed"], json!(true));
            assert_eq!(done["done"][0], json!("a"), "of the first attempt");
            Err(crate::script::thrown("no"))
        });
        assert_eq!(ended(&finished), "undone thrown");
        assert_eq!(
            stage.site.all(),
            "b=old",
            "{trouble:?}: back to what the first attempt saw"
        );
        assert_eq!(stage.log.of("world set a"), ["1", ""], "{trouble:?}");
    }
}

#[test]
fn a_retried_step_records_the_way_back_to_where_it_began() {
    let stage = Stage::new();
    stage.site.put("a", "old");
    stage.site.trouble("set a", 1, Trouble::Partial);
    let args = json!({ "things": { "a": "new" } });
    stage.play(|run| async move { call_with(&run, run.root(), "set", args, retry(2)).await });
    let undos: Vec<_> = stage
        .store
        .records()
        .into_iter()
        .filter_map(|record| match record.body {
            pb_core::journal::Body::Step { undo, before, .. } => Some((undo, before)),
            _ => None,
        })
        .collect();
    let [(first, _), (second, before)] = &undos[..] else {
        panic!("two attempts: {undos:?}");
    };
    assert_eq!(before["things"]["a"], "half new");
    assert_eq!(first, second);
    let pb_core::Undo::Call { args, .. } = first else {
        panic!("a call");
    };
    assert_eq!(args["things"]["a"], "old");
}

#[test]
fn the_record_says_when_the_playbook_wants_no_undo() {
    let stage = Stage::new();
    let args = json!({ "things": { "a": "new" } });
    let common = json!({ "undo": "none" });
    stage.play(|run| async move { call_with(&run, run.root(), "set", args, common).await });
    let none = stage.store.records().into_iter().any(|record| {
        matches!(
            record.body,
            pb_core::journal::Body::Step {
                undo: pb_core::Undo::None { .. },
                ..
            }
        )
    });
    assert!(none);
}

#[test]
fn a_timeout_covers_all_attempts_and_tells_why_the_last_one_failed() {
    let stage = Stage::new();
    (1..=9).for_each(|n| stage.site.trouble("add a", n, Trouble::Refused));
    let mut common = retry(9);
    common["timeout"] = json!("6s");
    let finished = stage
        .play(|run| async move { call_with(&run, run.root(), "add", opaque("x"), common).await });
    assert_eq!(ended(&finished), "undone timeout");
    assert_eq!(millis(&stage), 6_000);
    assert_eq!(state(&finished), ["nothing was changed"]);
    let failure = finished.failure.expect("a failure");
    assert_eq!(failure.message, "`add` did not finish within 6s");
    assert_eq!(
        failure.because,
        ["the attempt before failed: `add a` was refused"]
    );
    assert!(!failure.doubt, "it ran out between two attempts");
}

#[test]
fn a_timeout_between_two_attempts_puts_nothing_in_doubt() {
    let stage = Stage::new();
    (1..=9).for_each(|n| stage.site.trouble("add a", n, Trouble::Partial));
    let mut common = retry(9);
    common["timeout"] = json!("3s");
    let finished = stage
        .play(|run| async move { call_with(&run, run.root(), "add", opaque("x"), common).await });
    assert_eq!(ended(&finished), "undone timeout");
    assert_eq!(state(&finished), ["undone: add a"]);
    let failure = finished.failure.expect("a failure");
    assert_eq!((failure.partial, failure.doubt), (true, false));
}

#[test]
fn a_step_that_hangs_undoes_itself_when_its_timeout_has_passed() {
    let stage = Stage::new();
    stage.site.put("a", "old");
    stage.site.trouble("set a", 1, Trouble::Hangs);
    let args = json!({ "things": { "a": "new" } });
    let finished = stage.play(|run| async move {
        call_with(&run, run.root(), "set", args, json!({ "timeout": "3s" })).await
    });
    assert_eq!(ended(&finished), "undone timeout");
    assert_eq!(stage.site.all(), "a=old");
    assert!(finished.acted);
}

#[test]
fn an_opaque_step_that_was_given_up_is_not_said_to_have_changed_nothing() {
    let stage = Stage::new();
    stage.site.trouble("add a", 1, Trouble::Hangs);
    let finished = stage.play(|run| async move {
        call_with(
            &run,
            run.root(),
            "add",
            opaque("x"),
            json!({ "timeout": "3s" }),
        )
        .await
    });
    assert_eq!(ended(&finished), "failed timeout");
    assert!(finished.acted);
}

#[test]
fn a_timeout_in_the_middle_of_a_write_does_not_lose_the_journal() {
    for slow in [300, 700, 1100] {
        let stage = Stage::new();
        stage.store.slow(std::time::Duration::from_millis(slow));
        let args = json!({ "things": { "a": "1", "b": "1", "c": "1" } });
        let common = json!({ "timeout": "1s" });
        let finished =
            stage.play(|run| async move { call_with(&run, run.root(), "set", args, common).await });
        assert_eq!(ended(&finished), "undone timeout", "{slow}");
        assert_eq!(stage.site.all(), "");
        assert_eq!(stage.log.of("durable run_close"), ["Undone"]);
        stage.store.records();
    }
}

#[test]
fn a_gate_opens_fails_or_is_not_answered_within_its_deadline() {
    let gate = json!({ "name": "a", "is": "up", "deadline": "10s" });
    let stage = Stage::new();
    stage.site.put("a", "up");
    let args = gate.clone();
    let finished = stage.play(|run| async move { call(&run, run.root(), "await", args).await });
    assert_eq!(finished.value["attempts"], 1);

    let stage = Stage::new();
    let args = gate.clone();
    let finished = stage.play(|run| async move { call(&run, run.root(), "await", args).await });
    assert_eq!(ended(&finished), "undone wait");
    let failure = finished.failure.expect("a failure");
    assert_eq!(failure.message, "`a` was not ready within 10s");
    assert!(
        failure.because[0].starts_with("a is `` ("),
        "{:?}",
        failure.because
    );
    assert!(
        (10_000..10_100).contains(&millis(&stage)),
        "{}",
        millis(&stage)
    );

    let stage = Stage::new();
    (1..=9).for_each(|n| stage.site.trouble("look a", n, Trouble::Hangs));
    let finished = stage.play(|run| async move { call(&run, run.root(), "await", gate).await });
    assert_eq!(ended(&finished), "undone wait");
    assert!(
        (10_000..=10_500).contains(&millis(&stage)),
        "{}",
        millis(&stage)
    );
}

#[test]
fn a_gate_sees_what_others_do_meanwhile() {
    let stage = Stage::new();
    let finished = stage.play(|run| {
        let site = stage.site.clone();
        async move {
            let gate = json!({ "name": "a", "is": "up", "deadline": "10s" });
            let opened = async {
                run.clock().sleep(std::time::Duration::from_secs(4)).await;
                site.put("a", "up");
            };
            let gate = call(&run, run.root(), "await", gate);
            futures_util::future::join(gate, opened).await.0
        }
    });
    assert_eq!(ended(&finished), "done");
    assert!(
        (4_000..4_500).contains(&millis(&stage)),
        "{}",
        millis(&stage)
    );
    assert_eq!(finished.value.get("changed"), None);
}

//! Actions at the same time: bounded, written down with few waits for the disk, and stopped together.

use crate::script::{call, call_with};
use crate::site::Trouble;
use crate::stage::{Stage, ended};
use serde_json::{Map, Value, json};

fn many(n: usize) -> Map<String, Value> {
    (0..n).map(|i| (format!("t{i:02}"), json!("x"))).collect()
}

#[test]
fn at_most_eight_lanes_are_under_way() {
    for (lanes, most) in [(1, 1), (3, 3), (8, 8), (9, 8), (40, 8)] {
        let stage = Stage::new();
        let args = json!({ "things": many(lanes), "shape": "lanes" });
        let finished = stage.play(|run| async move { call(&run, run.root(), "set", args).await });
        assert_eq!(ended(&finished), "done");
        assert_eq!(stage.site.most_at_once(), most, "{lanes} lanes");
    }
}

#[test]
fn stages_and_rows_go_one_after_the_other() {
    for shape in ["row", "stages"] {
        let stage = Stage::new();
        let args = json!({ "things": many(5), "shape": shape });
        stage.play(|run| async move { call(&run, run.root(), "set", args).await });
        assert_eq!(stage.site.most_at_once(), 1, "{shape}");
    }
}

#[test]
fn concurrent_actions_share_their_waits_for_the_disk() {
    let appends = |shape: &str| {
        let stage = Stage::new();
        let args = json!({ "things": many(40), "shape": shape });
        let finished = stage.play(|run| async move { call(&run, run.root(), "set", args).await });
        assert_eq!(ended(&finished), "done");
        assert_eq!(stage.log.of("durable intent").len(), 40);
        stage.store.appends()
    };
    let (row, lanes) = (appends("row"), appends("lanes"));
    assert_eq!(row, 82, "two for each action, the opening and the end");
    assert!(lanes <= row / 3, "{lanes} of {row}");
}

#[test]
fn a_failure_is_not_hidden_behind_the_stop_of_a_lane_before_it() {
    // Lane `a` has a second action that never begins, because lane `b` fails during its first.
    let stage = Stage::new();
    stage.site.trouble("set b1", 1, Trouble::Refused);
    let args = json!({ "things": { "a1": "x", "a2": "x", "b1": "x" }, "shape": "letters" });
    let finished = stage.play(|run| async move { call(&run, run.root(), "set", args).await });
    assert_eq!(ended(&finished), "undone permission");
    assert_eq!(stage.site.all(), "");
    assert_eq!(stage.log.of("world set a2"), [] as [&str; 0]);
}

#[test]
fn two_failures_at_the_same_time_are_both_told() {
    let stage = Stage::new();
    stage.site.trouble("set a1", 1, Trouble::Refused);
    stage.site.trouble("set b1", 1, Trouble::Partial);
    let args = json!({ "things": { "a1": "x", "b1": "x" }, "shape": "lanes" });
    let finished = stage.play(|run| async move { call(&run, run.root(), "set", args).await });
    let failure = finished.failure.expect("a failure");
    assert_eq!(failure.message, "`set a1` was refused");
    assert_eq!(
        failure.because,
        ["another action failed too: `set b1` ended with code 1"]
    );
    assert!(failure.partial);
    assert_eq!(stage.site.all(), "");
}

#[test]
fn lanes_that_have_not_begun_stay_so_when_one_fails() {
    let stage = Stage::new();
    stage.site.trouble("set t03", 1, Trouble::Refused);
    let args = json!({ "things": many(40), "shape": "lanes" });
    let common = json!({ "undo": "none" });
    let finished =
        stage.play(|run| async move { call_with(&run, run.root(), "set", args, common).await });
    assert_eq!(ended(&finished), "undone permission");
    assert_eq!(
        stage.log.of("world set").len(),
        8,
        "the first eight were under way"
    );
    assert_eq!(stage.undone(), ["kept set t00"]);
}

#[test]
fn outcomes_come_in_the_order_of_stages_and_lanes() {
    for shape in ["row", "lanes", "stages", "letters"] {
        let stage = Stage::new();
        let args =
            json!({ "things": { "c1": "x", "a2": "x", "a1": "x", "b1": "x" }, "shape": shape });
        let finished = stage.play(|run| async move { call(&run, run.root(), "set", args).await });
        assert_eq!(
            finished.value["done"],
            json!(["a1", "a2", "b1", "c1"]),
            "{shape}"
        );
    }
}

//! A run that ended with a step in doubt is undone by its journal when a person has said what became of the step.

use crate::script::{add, set, thrown};
use crate::site::Trouble;
use crate::stage::{Stage, ended, state};
use pb_core::journal::Body;
use pb_core::run::{Finished, Resuming, Run};
use pb_core::{CallError, Failure, code};
use serde_json::Value;
use std::future::Future;

const KEY: &str = "/add#1";
const UNKNOWN: &str = "nobody knows whether it happened, so it was not undone: add log";

/// A run that sets `a`, and adds to `log` without an answer; then what else its script does.
fn ran<F>(trouble: Trouble, rest: impl FnOnce(Run, CallError) -> F) -> Stage
where
    F: Future<Output = Result<Value, CallError>>,
{
    let stage = Stage::new();
    stage.site.trouble("add log", 1, trouble);
    stage.play(|run| async move {
        set(&run, run.root(), "a", "1").await?;
        match add(&run, run.root(), "log", "x").await {
            Ok(_) => panic!("it had no answer"),
            Err(error) => rest(run, error).await,
        }
    });
    stage
}

fn roll_back(stage: &Stage, word: Option<bool>) -> Finished {
    stage.clock.block_on(async {
        let history = stage.store.history();
        let resuming = Resuming {
            words: word
                .map(|word| (KEY.to_owned(), word))
                .into_iter()
                .collect(),
            ..Resuming::default()
        };
        let run = Run::resume(stage.setup(), &history, resuming).await;
        let asked = Failure::new(&code::ROLLED_BACK, "somebody asked for it");
        run.expect("it can be taken up")
            .roll_back(&history, asked)
            .await
    })
}

fn settled(stage: &Stage) -> usize {
    let records = stage.store.records();
    let is_settled = |body: &Body| matches!(body, Body::Settled { .. });
    records
        .iter()
        .filter(|record| is_settled(&record.body))
        .count()
}

#[test]
fn it_says_what_to_type_each_time_until_a_person_has_said() {
    let stage = ran(Trouble::LostAfter, |_, error| async { Err(error) });
    for _ in 0..2 {
        let finished = roll_back(&stage, None);
        assert_eq!(ended(&finished), "failed connection_lost");
        let failure = finished.failure.as_ref().expect("an error");
        assert_eq!(
            failure.hint.as_deref(),
            Some("pb rollback R --settle '/add#1=applied'")
        );
        assert_eq!(
            failure.because.last().map(String::as_str),
            Some("a person has to look, and to say `applied` or `not-applied`")
        );
        assert_eq!(state(&finished), [UNKNOWN, "a is ``"]);
        assert_eq!(stage.site.all(), "log=x");
    }
}

#[test]
fn what_took_effect_is_undone_and_what_did_not_is_left_alone() {
    for (trouble, word, lines) in [
        (
            Trouble::LostAfter,
            true,
            &["undone: add log", "a is ``"][..],
        ),
        (Trouble::LostBefore, false, &["a is ``"]),
    ] {
        let stage = ran(trouble, |_, error| async { Err(error) });
        let finished = roll_back(&stage, Some(word));
        assert_eq!(ended(&finished), "undone connection_lost", "{trouble:?}");
        let mut told = state(&finished);
        told.sort();
        let mut lines = lines.to_vec();
        lines.sort_unstable();
        assert_eq!(told, lines, "{trouble:?}");
        assert_eq!(stage.site.all(), "", "{trouble:?}");
        assert_eq!(settled(&stage), 1);
        // It is written down: said once, it need not be said again.
        assert_eq!(ended(&roll_back(&stage, None)), "undone connection_lost");
        assert_eq!((settled(&stage), stage.site.all()), (1, String::new()));
    }
}

#[test]
fn a_doubt_that_the_script_had_caught_is_told_as_well() {
    let stage = ran(Trouble::LostAfter, |run, _| async move {
        set(&run, run.root(), "b", "1").await?;
        Ok(Value::Null)
    });
    let finished = roll_back(&stage, None);
    assert_eq!(ended(&finished), "failed rolled_back");
    assert_eq!(state(&finished), ["b is ``", "a is ``", UNKNOWN]);
    assert_eq!(ended(&roll_back(&stage, Some(true))), "undone rolled_back");
    assert_eq!(stage.site.all(), "");
}

#[test]
fn one_that_is_alone_is_not_passed_over() {
    let stage = Stage::new();
    stage.site.trouble("add log", 1, Trouble::LostAfter);
    stage.play(|run| async move { add(&run, run.root(), "log", "x").await });
    let finished = roll_back(&stage, None);
    assert_eq!(ended(&finished), "failed rolled_back");
    assert_eq!(state(&finished), [UNKNOWN]);
    assert_eq!(ended(&roll_back(&stage, Some(true))), "undone rolled_back");
    assert_eq!(stage.site.all(), "");
}

#[test]
fn a_run_without_doubt_is_undone_as_ever() {
    let stage = Stage::new();
    stage.play(|run| async move {
        set(&run, run.root(), "a", "1").await?;
        Err(thrown("no"))
    });
    assert_eq!(ended(&roll_back(&stage, None)), "undone thrown");
    assert_eq!(settled(&stage), 0);
}

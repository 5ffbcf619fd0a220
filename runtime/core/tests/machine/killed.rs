//! A run that is killed at any moment, resumed or undone: nothing is done twice, and the end is the same.

use crate::playbook::{AFTER, BEFORE, play};
use crate::site::Trouble;
use crate::stage::{Stage, ended};
use pb_core::cancel::Cancel;
use pb_core::journal::Body;
use pb_core::run::{Finished, Resuming, Run};
use pb_core::{Failure, code};
use std::collections::BTreeMap;

fn stage() -> Stage {
    let stage = Stage::new();
    for pair in BEFORE.split(' ') {
        let (name, is) = pair.split_once('=').expect("a pair");
        stage.site.put(name, is);
    }
    stage.site.trouble("set t", 1, Trouble::Refused);
    stage
}

fn resuming(words: &BTreeMap<String, bool>) -> Resuming {
    Resuming {
        pid: 2,
        words: words.clone(),
        ..Resuming::default()
    }
}

/// How a second process moves a run on.
#[derive(Clone, Copy, PartialEq)]
enum Move {
    Resume,
    RollBack,
}

/// One process; `None` when it dies.
fn live(stage: &Stage, go: Move, fails: bool, words: &BTreeMap<String, bool>) -> Option<Finished> {
    stage.clock.live(async {
        if stage.store.bytes().is_empty() {
            let run = stage.open().await.expect("a journal");
            let result = play(run.clone(), fails).await;
            return run.finish(result).await;
        }
        let history = stage.store.history();
        let run = Run::resume(stage.setup(), &history, resuming(words))
            .await
            .expect("it can be taken up");
        match (go, run.undoing()) {
            (Move::Resume, None) => {
                let result = play(run.clone(), fails).await;
                run.finish(result).await
            }
            (_, undoing) => {
                let asked = Failure::new(&code::THROWN, "somebody asked for it");
                run.roll_back(&history, undoing.unwrap_or(asked)).await
            }
        }
    })
}

/// Moves a run on until it has ended. A person answers what only a person can, by looking at the world. Gives the end,
/// and the keys that a person was asked for.
fn move_on(stage: &Stage, go: Move, fails: bool) -> (Finished, Vec<String>) {
    let mut words = BTreeMap::new();
    let mut asked = vec![];
    for _ in 0..20 {
        let finished = live(stage, go, fails, &words).expect("nobody kills it any more");
        let doubt = finished
            .failure
            .as_ref()
            .filter(|failure| failure.is(&code::DOUBT));
        let Some(failure) = doubt else {
            return (finished, asked);
        };
        let key = failure.step.clone().expect("the key of the step");
        words.insert(key.clone(), took_effect(stage, &key));
        asked.push(key);
    }
    panic!("it asks again and again: {asked:?}");
}

/// What a person sees who looks for what a step in doubt was to add, or to take away.
fn took_effect(stage: &Stage, key: &str) -> bool {
    let records = stage.store.records();
    let what = records.iter().rev().find_map(|record| match &record.body {
        Body::Intent { what, .. } if record.key == key => Some(what.clone()),
        _ => None,
    });
    let what = what.expect("an intent");
    let (name, word) = (
        what[0].as_str().expect("a name"),
        what[1].as_str().expect("a word"),
    );
    let is = stage
        .site
        .state()
        .things
        .get(name)
        .cloned()
        .unwrap_or_default();
    is.contains(word) != key.ends_with("~undo")
}

#[expect(
    clippy::print_stderr,
    reason = "the figures are what the test is asked for"
)]
fn say(figures: &str) {
    eprintln!("{figures}");
}

/// All moments at which the first process can die.
fn moments(fails: bool) -> usize {
    let stage = stage();
    live(&stage, Move::Resume, fails, &BTreeMap::new()).expect("it lives");
    stage.clock.moments()
}

/// Only what nobody can observe is a person asked for.
fn is_opaque(stage: &Stage, key: &str) -> bool {
    let opaque = |body: &Body| {
        matches!(body, Body::Intent { effect, .. }
            if matches!(effect, pb_core::Effect::Opaque | pb_core::Effect::Transaction))
    };
    stage
        .store
        .records()
        .iter()
        .any(|record| record.key == key && opaque(&record.body))
}

#[test]
fn without_a_death_it_ends_as_planned() {
    let first = stage();
    let finished = live(&first, Move::Resume, false, &BTreeMap::new()).expect("it lives");
    assert_eq!(
        (ended(&finished).as_str(), first.site.all().as_str()),
        ("done", AFTER)
    );
    let second = stage();
    let finished = live(&second, Move::Resume, true, &BTreeMap::new()).expect("it lives");
    assert_eq!(ended(&finished), "undone thrown");
    assert_eq!(silent(&second.site.all()), BEFORE, "but for the message");
}

#[test]
fn killed_at_any_moment_it_goes_on_to_the_same_end() {
    let mut asked = 0;
    let all = moments(false);
    for n in 1..=all {
        let stage = stage();
        stage.clock.dies_at(Some(n));
        assert!(live(&stage, Move::Resume, false, &BTreeMap::new()).is_none());
        stage.clock.dies_at(None);
        if stage.store.bytes().is_empty() {
            continue;
        }
        let (finished, keys) = move_on(&stage, Move::Resume, false);
        let told = format!("killed at {n} of {all}: {:#?}", finished.failure);
        assert_eq!(ended(&finished), "done", "{told}");
        assert_eq!(silent(&stage.site.all()), silent(AFTER), "{told}");
        assert!(keys.iter().all(|key| is_opaque(&stage, key)), "{keys:?}");
        asked += keys.len();
    }
    say(&format!(
        "{all} moments, 0 duplicates, 0 other ends, a person asked {asked} times"
    ));
    assert!(all >= 200, "{all}");
}

/// The world without its message, which may be lost and is never sent twice.
fn silent(all: &str) -> String {
    assert!(all.matches("m1.").count() <= 1, "{all}");
    all.replace("chat=m1. ", "")
}

#[test]
fn killed_while_it_undoes_it_is_undone() {
    let all = moments(true);
    for n in 1..=all {
        let stage = stage();
        stage.clock.dies_at(Some(n));
        assert!(live(&stage, Move::Resume, true, &BTreeMap::new()).is_none());
        stage.clock.dies_at(None);
        if stage.store.bytes().is_empty() {
            continue;
        }
        let (finished, _) = move_on(&stage, Move::Resume, true);
        let told = format!("killed at {n} of {all}: {:#?}", finished.failure);
        assert_eq!(ended(&finished), "undone thrown", "{told}");
        assert_eq!(silent(&stage.site.all()), BEFORE, "{told}");
    }
}

#[test]
fn killed_at_any_moment_it_is_rolled_back_and_that_killed_too() {
    let all = moments(false);
    for n in 1..=all {
        // Killed once more, at a moment of the rollback that moves with the first.
        for again in [None, Some(1 + n % 7), Some(1 + n % 23)] {
            let stage = stage();
            stage.clock.dies_at(Some(n));
            assert!(live(&stage, Move::Resume, false, &BTreeMap::new()).is_none());
            if stage.store.bytes().is_empty() {
                continue;
            }
            stage.clock.dies_at(again);
            if again.is_some() {
                live(&stage, Move::RollBack, false, &BTreeMap::new());
                stage.clock.dies_at(None);
            }
            let (finished, _) = move_on(&stage, Move::RollBack, false);
            let told = format!(
                "killed at {n} of {all}, then {again:?}: {:#?}",
                finished.failure
            );
            assert_eq!(ended(&finished).split(' ').next(), Some("undone"), "{told}");
            assert_eq!(silent(&stage.site.all()), BEFORE, "{told}");
        }
    }
}

#[test]
fn killed_again_while_it_is_resumed_it_goes_on_to_the_same_end() {
    let (all, mut pairs) = (moments(false), 0);
    for n in 1..=all {
        for again in [1 + n % 5, 1 + n % 13, 1 + n % 31] {
            let stage = stage();
            stage.clock.dies_at(Some(n));
            assert!(live(&stage, Move::Resume, false, &BTreeMap::new()).is_none());
            if stage.store.bytes().is_empty() {
                continue;
            }
            stage.clock.dies_at(Some(again));
            live(&stage, Move::Resume, false, &BTreeMap::new());
            stage.clock.dies_at(None);
            let (finished, _) = move_on(&stage, Move::Resume, false);
            let told = format!(
                "killed at {n} of {all}, then {again}: {:#?}",
                finished.failure
            );
            assert_eq!(ended(&finished), "done", "{told}");
            assert_eq!(silent(&stage.site.all()), silent(AFTER), "{told}");
            pairs += 1;
        }
    }
    say(&format!(
        "{pairs} pairs of deaths, 0 duplicates, 0 other ends"
    ));
    assert!(pairs >= 600, "{pairs}");
}

#[test]
fn told_to_stop_at_any_moment_it_goes_on_to_the_same_end() {
    let all = moments(false);
    for n in 1..=all {
        let mut stage = stage();
        stage.clock.stops_at(n, stage.cancel.clone());
        let finished = live(&stage, Move::Resume, false, &BTreeMap::new());
        let finished = finished.expect("nobody kills it");
        if ended(&finished) == "done" {
            continue;
        }
        assert_eq!(ended(&finished), "interrupted", "stopped at {n}");
        stage.cancel = Cancel::default();
        let (finished, asked) = move_on(&stage, Move::Resume, false);
        let told = format!("stopped at {n} of {all}: {:#?}", finished.failure);
        assert_eq!(
            (ended(&finished).as_str(), asked),
            ("done", vec![]),
            "{told}"
        );
        assert_eq!(stage.site.all(), AFTER, "{told}");
    }
}

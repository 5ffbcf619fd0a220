//! The processes that move one run of the long playbook on: the first, and those that take it up.

use crate::playbook::{BEFORE, play};
use crate::site::Trouble;
use crate::stage::Stage;
use pb_core::journal::Body;
use pb_core::run::{Finished, Resuming, Run};
use pb_core::{Failure, code};
use std::collections::BTreeMap;

/// The world before the first of them.
pub(crate) fn stage() -> Stage {
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
pub(crate) enum Move {
    Resume,
    RollBack,
}

/// One process; `None` when it dies.
pub(crate) fn live(
    stage: &Stage,
    go: Move,
    fails: bool,
    words: &BTreeMap<String, bool>,
) -> Option<Finished> {
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
pub(crate) fn move_on(stage: &Stage, go: Move, fails: bool) -> (Finished, Vec<String>) {
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

/// Prints what a test has counted.
#[expect(
    clippy::print_stderr,
    reason = "the figures are what the test is asked for"
)]
pub(crate) fn say(figures: &str) {
    eprintln!("{figures}");
}

/// All moments at which the first process can die.
pub(crate) fn moments(fails: bool) -> usize {
    let stage = stage();
    live(&stage, Move::Resume, fails, &BTreeMap::new()).expect("it lives");
    stage.clock.moments()
}

/// Only what nobody can observe is a person asked for.
pub(crate) fn is_opaque(stage: &Stage, key: &str) -> bool {
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

/// The world without its message, which may be lost and is never sent twice.
pub(crate) fn silent(all: &str) -> String {
    assert!(all.matches("m1.").count() <= 1, "{all}");
    all.replace("chat=m1. ", "")
}

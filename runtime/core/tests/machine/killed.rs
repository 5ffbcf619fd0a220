//! A run that is killed at any moment, resumed or undone: nothing is done twice, and the end is the same.

use crate::playbook::{AFTER, BEFORE};
use crate::process::{Move, is_opaque, live, moments, move_on, say, silent, stage};
use crate::stage::ended;
use pb_core::cancel::Cancel;
use std::collections::BTreeMap;

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

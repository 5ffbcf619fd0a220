//! A rollback that is killed at any moment and called again: the world as it was before the run, or stuck with the rest listed.

use crate::playbook::BEFORE;
use crate::process::{Move, live, moments, move_on, say, silent, stage};
use crate::site::Trouble;
use crate::stage::{Stage, ended, state};
use pb_core::journal::Ended;
use pb_core::run::Finished;
use std::collections::BTreeMap;

/// A run that is done, or was killed at a moment.
fn ran(until: Option<usize>) -> Stage {
    let stage = stage();
    stage.clock.dies_at(until);
    let finished = live(&stage, Move::Resume, false, &BTreeMap::new());
    assert_eq!(finished.is_none(), until.is_some());
    stage.clock.dies_at(None);
    stage
}

fn roll_back(stage: &Stage) -> Finished {
    move_on(stage, Move::RollBack, false).0
}

/// What it says of the world, in one order: after a death some of it is recorded and some observed anew.
fn said(finished: &Finished) -> Vec<String> {
    let mut lines = state(finished);
    lines.sort();
    lines
}

/// Every "x is `1`" is true.
fn assert_observed(stage: &Stage, said: &[String]) {
    let is = |name: &str| stage.site.state().things.get(name).cloned();
    let parts = said.iter().flat_map(|line| line.split(", "));
    let told = parts.filter_map(|part| {
        let (name, value) = part.trim_end_matches(')').split_once(" is `")?;
        let name = name.rsplit(['(', ' ']).next()?;
        Some((name, value.trim_end_matches('`')))
    });
    let mut lines = 0;
    for (name, value) in told {
        assert_eq!(is(name).unwrap_or_default(), value, "{name} in {said:#?}");
        lines += 1;
    }
    assert!(lines > 0, "{said:#?}");
}

/// Kills the rollback of such a run at each of its moments, and hands what is left to `then`; gives how many there are.
fn killed_at_each(run: impl Fn() -> Stage, then: impl Fn(&Stage, &str)) -> usize {
    let whole = run();
    roll_back(&whole);
    let all = whole.clock.moments();
    for n in 1..=all {
        let stage = run();
        stage.clock.dies_at(Some(n));
        let finished = live(&stage, Move::RollBack, false, &BTreeMap::new());
        stage.clock.dies_at(None);
        // A process that asks a person ends there, and the next one goes on.
        assert!(
            finished.is_none_or(|finished| ended(&finished) == "interrupted doubt"),
            "nobody killed it at {n} of {all}"
        );
        then(&stage, &format!("killed at {n} of {all}"));
    }
    all
}

#[test]
fn killed_at_every_moment_of_a_rollback_it_is_rolled_back_all_the_same() {
    let all = moments(false);
    let mut points = 0;
    // Of a run that is done, and of runs that were killed on their way.
    for until in [None, Some(all / 3), Some(all * 2 / 3)] {
        let whole = ran(until);
        let undisturbed = said(&roll_back(&whole));
        assert_observed(&whole, &undisturbed);
        points += killed_at_each(
            || ran(until),
            |stage, told| {
                let told = format!("run until {until:?}, rollback {told}");
                // Its very last record may have got there.
                if stage.store.history().ended() != Some(Ended::Undone) {
                    let finished = roll_back(stage);
                    assert_eq!(ended(&finished), "undone thrown", "{told}: {finished:#?}");
                    assert_eq!(said(&finished), undisturbed, "{told}");
                }
                assert_eq!(silent(&stage.site.all()), BEFORE, "{told}");
            },
        );
    }
    say(&format!(
        "killed at {points} points of rollbacks, then rolled back: the state before at all of them, and said as observed"
    ));
    assert!(points >= 300, "{points}");
}

#[test]
fn killed_at_every_moment_of_a_rollback_that_gets_stuck_it_lists_the_rest_and_goes_on_when_mended()
{
    // `w1` was set once; no attempt to set it back succeeds.
    let stuck = || {
        let stage = ran(None);
        for n in 2..100 {
            stage.site.trouble("set w1", n, Trouble::Refused);
        }
        stage
    };
    let whole = stuck();
    let finished = roll_back(&whole);
    assert_eq!(ended(&finished), "stuck thrown");
    let (undisturbed, world) = (said(&finished), whole.site.all());
    assert_observed(&whole, &undisturbed);
    let rest = |front: &str| {
        let lines = undisturbed.iter();
        lines.filter(|line| line.starts_with(front)).count()
    };
    assert_eq!(rest("not undone: "), 1, "{undisturbed:#?}");
    assert!(rest("still applied: ") >= 10, "{undisturbed:#?}");
    let points = killed_at_each(stuck, |stage, told| {
        let finished = roll_back(stage);
        assert_eq!(ended(&finished), "stuck thrown", "{told}: {finished:#?}");
        assert_eq!(said(&finished), undisturbed, "{told}");
        assert_eq!(stage.site.all(), world, "{told}");
        stage.site.is_mended();
        let finished = roll_back(stage);
        assert_eq!(ended(&finished), "undone thrown", "{told}: {finished:#?}");
        assert_eq!(silent(&stage.site.all()), BEFORE, "{told}");
    });
    say(&format!(
        "killed at {points} points of a rollback that gets stuck: {} lines of what is still applied at all of them, and rolled \
         back when mended",
        rest("still applied: ")
    ));
    assert!(points >= 50, "{points}");
}

//! A disk that is full at any write of the journal: no effect without its durable intent, and when there is room again the run
//! goes on to the same end, with nothing done twice.

use crate::playbook::{AFTER, BEFORE};
use crate::process::{Move, is_opaque, live, move_on, say, silent, stage};
use crate::stage::{Stage, ended};
use pb_core::code;
use std::collections::BTreeMap;

/// Where the disk of a process gives out.
#[derive(Debug, Clone, Copy)]
enum Full {
    /// After so many more bytes.
    Bytes(usize),
    /// At the n-th write to come, all of whose bytes get there without being durable.
    Sync(usize),
}

/// Where the disk can give out in an undisturbed run: before each record but the first, in the middle of each, and at each
/// attempt to make some durable.
fn points(fails: bool) -> Vec<Full> {
    let stage = stage();
    live(&stage, Move::Resume, fails, &BTreeMap::new()).expect("it lives");
    let bytes = stage.store.bytes();
    let mut points = vec![];
    let mut from = 0;
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        points.extend([Full::Bytes(from), Full::Bytes(from + line.len() / 2)]);
        from += line.len();
    }
    points.drain(..2);
    points.extend((2..=stage.store.appends()).map(Full::Sync));
    points
}

/// Lives through one process whose disk gives out; `false` when it ended before.
fn fills_up(stage: &Stage, go: Move, fails: bool, full: Full) -> bool {
    match full {
        Full::Bytes(n) => stage.store.room_for(stage.store.bytes().len() + n),
        Full::Sync(n) => stage.store.unsynced_at(stage.store.appends() + n),
    }
    let finished = live(stage, go, fails, &BTreeMap::new()).expect("nobody kills it");
    assert_effects_have_intents(stage);
    if finished.state.is_some() {
        return false;
    }
    let failure = finished.failure.expect("a reason");
    if failure.is(&code::DOUBT) {
        return false;
    }
    assert!(failure.is(&code::JOURNAL), "{failure:?}");
    assert_eq!(failure.because, ["no space left on device"]);
    let hint = failure.hint.expect("a way on");
    assert!(hint.ends_with("pb resume R"), "{hint}");
    assert_eq!(stage.site.open_transactions(), 0, "rolled back");
    true
}

/// Walks the log of all processes: whatever changes the world, outside of a transaction, has a durable intent of its own.
fn assert_effects_have_intents(stage: &Stage) {
    let (mut intents, mut effects) = (0, 0);
    for line in stage.log.lines() {
        if let Some(intent) = line.strip_prefix("durable intent ") {
            let key = intent.split(' ').next().unwrap_or_default();
            let last = key.rsplit('/').next().unwrap_or_default();
            intents += usize::from(!last.starts_with("transaction#"));
        } else if is_effect(&line) {
            effects += 1;
            assert!(effects <= intents, "`{line}` has no durable intent");
        }
    }
}

fn is_effect(line: &str) -> bool {
    ["world set ", "world add ", "world take_back "]
        .iter()
        .any(|front| line.starts_with(front))
}

/// Effects, with how often each was asked for.
fn effects(stage: &Stage) -> BTreeMap<String, usize> {
    let mut effects = BTreeMap::new();
    for line in stage.log.lines() {
        if is_effect(&line) || line == "world commit" {
            *effects.entry(line).or_default() += 1;
        }
    }
    effects
}

/// While the disk is full nobody takes the run up, and nothing is touched by trying.
fn is_refused_while_full(stage: &Stage) {
    let (world, history) = (effects(stage), stage.store.history());
    // What was torn off is room again.
    stage.store.room_for(stage.store.bytes().len());
    let refused = stage.clock.block_on(stage.take_up(&history));
    let refused = refused.err().expect("the disk is full");
    assert!(refused.is(&code::JOURNAL), "{refused:?}");
    assert_eq!(effects(stage), world);
}

#[test]
fn a_disk_full_at_any_record_loses_no_result_and_repeats_no_effect() {
    let undisturbed = stage();
    live(&undisturbed, Move::Resume, false, &BTreeMap::new()).expect("it lives");
    let most = effects(&undisturbed);
    let (points, mut asked) = (points(false), 0);
    for full in &points {
        let (stage, told) = (stage(), format!("{full:?}"));
        assert!(fills_up(&stage, Move::Resume, false, *full), "{told}");
        is_refused_while_full(&stage);
        stage.store.has_room();
        if stage.store.history().ended().is_none() {
            let (finished, keys) = move_on(&stage, Move::Resume, false);
            assert_eq!(ended(&finished), "done", "{told}: {:#?}", finished.failure);
            assert!(keys.iter().all(|key| is_opaque(&stage, key)), "{keys:?}");
            asked += keys.len();
        }
        assert_eq!(silent(&stage.site.all()), silent(AFTER), "{told}");
        for (effect, times) in effects(&stage) {
            let most = most.get(&effect).copied().unwrap_or(0);
            assert!(
                times <= most,
                "{told}: `{effect}` {times} times, not {most}"
            );
        }
    }
    say(&format!(
        "full at {} points of {} records: 0 effects without an intent, 0 results lost, 0 duplicates, 0 other ends, a person \
         asked {asked} times",
        points.len(),
        undisturbed.store.records().len(),
    ));
    assert!(points.len() >= 300, "{}", points.len());
}

/// Makes room and moves the run on to its end, unless its last record got there.
fn makes_room_and_moves_on(stage: &Stage, go: Move, fails: bool, wanted: &str, told: &str) {
    stage.store.has_room();
    if stage.store.history().ended().is_none() {
        let (finished, _) = move_on(stage, go, fails);
        let told = format!("{told}: {:#?}", finished.failure);
        assert_eq!(ended(&finished).split(' ').next(), Some(wanted), "{told}");
    }
}

#[test]
fn a_disk_full_while_it_is_undone_is_no_end() {
    // Every third: before a record, within one and at its end by turns.
    let points: Vec<_> = points(true).into_iter().step_by(3).collect();
    for full in &points {
        let (stage, told) = (stage(), format!("{full:?}"));
        assert!(fills_up(&stage, Move::Resume, true, *full), "{told}");
        makes_room_and_moves_on(&stage, Move::Resume, true, "undone", &told);
        assert_eq!(silent(&stage.site.all()), BEFORE, "{told}");
    }
    say(&format!(
        "full at {} points of a run that is undone: 0 other ends",
        points.len()
    ));
}

#[test]
fn a_disk_full_again_while_it_is_resumed_or_rolled_back_is_no_end() {
    let mut pairs = 0;
    for (n, full) in points(false).into_iter().enumerate() {
        let go = [Move::Resume, Move::RollBack][n % 2];
        let (end, wanted) = match go {
            Move::Resume => (silent(AFTER), "done"),
            Move::RollBack => (BEFORE.to_owned(), "undone"),
        };
        let stage = stage();
        assert!(fills_up(&stage, Move::Resume, false, full));
        stage.store.has_room();
        if stage.store.history().ended().is_some() {
            continue;
        }
        // Beyond the first record of the second process: without that it does not begin.
        let again = match n % 3 {
            0 => Full::Sync(2 + n % 11),
            _ => Full::Bytes(1_000 + n * 131 % 12_000),
        };
        let told = format!("{full:?}, then {again:?}");
        pairs += usize::from(fills_up(&stage, go, false, again));
        makes_room_and_moves_on(&stage, go, false, wanted, &told);
        assert_eq!(silent(&stage.site.all()), end, "{told}");
    }
    say(&format!(
        "full twice at {pairs} pairs of points: 0 duplicates, 0 other ends"
    ));
    assert!(pairs >= 150, "{pairs}");
}

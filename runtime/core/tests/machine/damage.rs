//! A long journal that was cut or changed on the disk: read as it was, with what was torn off said, or named as damaged.

use crate::process::{Move, live, say, stage};
use pb_core::code;
use pb_core::journal::{History, Recorded, Witness};
use pb_core::run::Opened;
use std::collections::BTreeMap;

/// The journal of the long playbook, undone at its end.
struct Long {
    bytes: Vec<u8>,
    records: Vec<Recorded>,
    /// Hashes of the records.
    hashes: Vec<String>,
}

impl Long {
    fn written() -> Self {
        let stage = stage();
        live(&stage, Move::Resume, true, &BTreeMap::new()).expect("nobody kills it");
        let (bytes, records) = (stage.store.bytes(), stage.store.records());
        let later = records.iter().skip(1).map(|record| record.prev.clone());
        let hashes = later.chain([stage.store.history().head]).collect();
        Self {
            bytes,
            records,
            hashes,
        }
    }

    fn witness(&self, seq: usize) -> Witness {
        Witness {
            seq: seq as u64,
            hash: self.hashes[seq - 1].clone(),
        }
    }

    /// What may stand beside a journal whose first `lines` lines are whole.
    fn witnesses(&self, lines: usize) -> [(&'static str, Option<Witness>); 5] {
        let all = self.records.len();
        let of_another_run = Witness {
            hash: "0f".repeat(32),
            ..self.witness(all / 2)
        };
        let beyond = Witness {
            seq: all as u64 + 1,
            ..self.witness(all)
        };
        let older = (lines > 1).then(|| self.witness(lines - 1));
        [
            ("missing", None),
            ("older", older),
            ("as it was", Some(self.witness(all))),
            ("newer", Some(beyond)),
            ("of another run", Some(of_another_run)),
        ]
    }
}

/// How often a journal was read in which way.
#[derive(Default)]
struct Counts {
    whole: usize,
    damaged: usize,
    torn: usize,
    shorter: usize,
}

impl Counts {
    fn all(&self) -> usize {
        self.whole + self.damaged + self.torn + self.shorter
    }

    /// Reads a journal, and holds what comes of it to what may.
    fn read(&mut self, long: &Long, bytes: &[u8], witness: Option<&Witness>, what: &str) {
        let history = History::read(bytes, witness);
        let read = history.records.len();
        assert_eq!(history.records[..], long.records[..read], "{what}");
        assert_eq!(history.unwitnessed, witness.is_none(), "{what}");
        let opened = Opened::of(&history);
        if history.damage.is_some() {
            let refused = opened.expect_err(what);
            assert!(refused.is(&code::DAMAGED), "{what}: {refused:?}");
            self.damaged += 1;
            return;
        }
        // What is missing was never known to be there.
        assert!(witness.is_none_or(|w| w.seq <= read as u64), "{what}");
        let lines: usize = bytes.len() - history.torn;
        assert_eq!(bytes[..lines], long.bytes[..lines], "{what}");
        match (history.torn > 0, read == long.records.len()) {
            (true, _) => self.torn += 1,
            (false, true) => self.whole += 1,
            (false, false) => self.shorter += 1,
        }
    }
}

fn whole_lines(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| **byte == b'\n').count()
}

#[test]
fn a_long_journal_cut_anywhere_is_never_used_in_silence() {
    let (long, mut counts) = (Long::written(), Counts::default());
    // Every 97th byte, and every end of a line: those cuts leave no trace in the journal itself.
    let ends = (1..=long.bytes.len()).filter(|n| long.bytes[n - 1] == b'\n');
    for length in (0..long.bytes.len()).step_by(97).chain(ends) {
        let bytes = &long.bytes[..length];
        for (name, witness) in long.witnesses(whole_lines(bytes)) {
            let what = format!("cut after {length} bytes, witness {name}");
            counts.read(&long, bytes, witness.as_ref(), &what);
        }
    }
    say(&format!(
        "{} cuts of {} bytes in {} records: {} damaged, {} torn beyond the witness and said, {} at the end of a record \
         beyond it, {} whole, 0 silent",
        counts.all(),
        long.bytes.len(),
        long.records.len(),
        counts.damaged,
        counts.torn,
        counts.shorter,
        counts.whole,
    ));
    assert!(long.records.len() >= 200, "{}", long.records.len());
}

#[test]
fn no_flip_in_a_long_journal_is_used_in_silence() {
    let (long, mut counts) = (Long::written(), Counts::default());
    let mut chance = 0x9e37_79b9_7f4a_7c15_u64;
    let mut below = |limit: usize| {
        chance ^= chance << 13;
        chance ^= chance >> 7;
        chance ^= chance << 17;
        (chance % limit as u64) as usize
    };
    let all = long.records.len();
    for n in 0..4_000 {
        let at = below(long.bytes.len());
        let mut bytes = long.bytes.clone();
        match n % 2 {
            0 => bytes[at] ^= 1 << below(8),
            _ => bytes[at] = bytes[at].wrapping_add(1 + below(255) as u8),
        }
        let (name, witness) = &long.witnesses(all)[n % 5];
        let what = format!("flip {n} at {at}, witness {name}");
        counts.read(&long, &bytes, witness.as_ref(), &what);
    }
    // The newline of the newest record may be what was flipped: that is a torn tail.
    let mut bytes = long.bytes.clone();
    bytes[long.bytes.len() - 1] ^= 1;
    for (name, witness) in long.witnesses(all) {
        counts.read(&long, &bytes, witness.as_ref(), &format!("end, {name}"));
    }
    say(&format!(
        "{} flips in {} bytes: {} damaged, {} torn beyond the witness and said, 0 silent",
        counts.all(),
        long.bytes.len(),
        counts.damaged,
        counts.torn,
    ));
    assert_eq!((counts.whole, counts.shorter), (0, 0));
}

#[test]
fn a_run_says_what_was_torn_off_its_journal() {
    let stage = stage();
    stage.clock.dies_at(Some(60));
    assert!(live(&stage, Move::Resume, false, &BTreeMap::new()).is_none());
    stage.clock.dies_at(None);
    let mut bytes = stage.store.bytes();
    bytes.extend(b"{\"v\":1,\"seq\"");
    let said = |witness: Option<&Witness>| {
        let history = History::read(&bytes, witness);
        let run = stage.take_up(&history);
        let run = stage.clock.block_on(run).expect("it can be taken up");
        drop(run);
        stage.notes()
    };
    let torn = "12 bytes at the end of the journal were cut off: a record that was never finished";
    assert_eq!(said(Some(&stage.store.witness())), [torn]);
    let gone = "nothing tells whether records were lost from the end of the journal: its witness is missing";
    assert_eq!(said(None)[1..], [torn, gone]);
}

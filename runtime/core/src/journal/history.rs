//! Reads a journal back, and refuses one whose chain is broken.

use super::record::{Body, Ended, GENESIS, Recorded};
use super::store::Witness;

/// A journal as it was read.
#[derive(Debug, Clone, PartialEq)]
pub struct History {
    /// The records whose chain holds.
    pub records: Vec<Recorded>,
    /// Bytes after them that a crash left: a line without its end.
    pub torn: usize,
    /// Hash of the last of them.
    pub head: String,
    /// Whether nothing tells of records that were lost from its end: the witness was not there.
    pub unwitnessed: bool,
    /// What does not fit; the journal is read only then, and the run counts as damaged.
    pub damage: Option<Damage>,
}

/// Where and why a journal does not fit together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("record {seq} of the journal is damaged: {why}")]
pub struct Damage {
    /// Ordinal of the first record that does not fit.
    pub seq: u64,
    /// Why.
    pub why: String,
}

impl History {
    /// Reads the bytes of a journal. `witness` is what was noted of its newest record, if that is still there.
    pub fn read(bytes: &[u8], witness: Option<&Witness>) -> Self {
        let mut records: Vec<Recorded> = vec![];
        let mut hashes = vec![GENESIS.to_owned()];
        let mut damage = None;
        let whole = bytes
            .iter()
            .rposition(|b| *b == b'\n')
            .map_or(0, |end| end + 1);
        for line in bytes[..whole].split_inclusive(|b| *b == b'\n') {
            let seq = records.len() as u64 + 1;
            let run = records.first().map(|r| r.run.as_str());
            match next(&line[..line.len() - 1], seq, &hashes[hashes.len() - 1], run) {
                Ok((record, hash)) => {
                    records.push(record);
                    hashes.push(hash);
                }
                Err(why) => {
                    damage = Some(Damage { seq, why });
                    break;
                }
            }
        }
        if let Some(witness) = witness.filter(|_| damage.is_none()) {
            damage = contradiction(witness, &hashes);
        }
        Self {
            records,
            head: hashes.pop().unwrap_or_default(),
            torn: bytes.len() - whole,
            unwitnessed: witness.is_none(),
            damage,
        }
    }

    /// The same, with what stands in the file of the witness. Nothing does until the first record is durable; what is no
    /// witness is damage, for then something has happened to the files of the run.
    pub fn read_beside(bytes: &[u8], witness: &[u8]) -> Self {
        if witness.is_empty() {
            return Self::read(bytes, None);
        }
        let Ok(witness) = serde_json::from_slice::<Witness>(witness) else {
            let mut history = Self::read(bytes, None);
            history.unwitnessed = false;
            history.damage.get_or_insert_with(|| Damage {
                seq: history.records.len() as u64 + 1,
                why: "whether it was lost cannot be told, for its witness names no record".into(),
            });
            return history;
        };
        Self::read(bytes, Some(&witness))
    }

    /// Sentences about what its end does not tell, for people: what is cut off is said.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let torn = (self.torn > 0).then(|| {
            format!(
                "{} bytes at the end of the journal were cut off: a record that was never finished",
                self.torn
            )
        });
        let gone = self.unwitnessed.then(|| {
            "nothing tells whether records were lost from the end of the journal: its witness is missing".to_owned()
        });
        torn.into_iter().chain(gone).collect()
    }

    /// What the run wrote when it began.
    pub fn opening(&self) -> Option<&Recorded> {
        self.records
            .first()
            .filter(|record| matches!(record.body, Body::RunOpen { .. }))
    }

    /// How often the run was taken up, its beginning included.
    pub fn epoch(&self) -> u64 {
        self.records.last().map_or(0, |record| record.epoch)
    }

    /// How the run ended; `None` while it goes on or when it was killed.
    pub fn ended(&self) -> Option<Ended> {
        match self.records.last().map(|record| &record.body) {
            Some(Body::RunClose { state, .. }) => Some(*state),
            _ => None,
        }
    }
}

fn next(
    line: &[u8],
    seq: u64,
    prev: &str,
    run: Option<&str>,
) -> Result<(Recorded, String), String> {
    let (record, hash) = Recorded::parse(line)?;
    if record.seq != seq {
        return Err(format!("it says that it is record {}", record.seq));
    }
    if record.prev != prev {
        return Err("it does not follow the one before".into());
    }
    if run.is_some_and(|run| run != record.run) {
        return Err(format!("it belongs to run {}", record.run));
    }
    Ok((record, hash))
}

fn contradiction(witness: &Witness, hashes: &[String]) -> Option<Damage> {
    let last = hashes.len() as u64 - 1;
    match hashes.get(witness.seq as usize) {
        None => Some(Damage {
            seq: last + 1,
            why: format!(
                "it is missing: records up to {} had been written",
                witness.seq
            ),
        }),
        Some(hash) if *hash != witness.hash => Some(Damage {
            seq: witness.seq,
            why: "it is not the one that had been written".into(),
        }),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(n: u64) -> (Vec<Vec<u8>>, Vec<String>) {
        let mut prev = GENESIS.to_owned();
        let (mut lines, mut hashes) = (vec![], vec![]);
        for seq in 1..=n {
            let body = Body::Note {
                text: format!("note {seq}"),
            };
            let record = Recorded {
                v: 1,
                seq,
                prev,
                run: "R".into(),
                epoch: 1,
                t: 0,
                key: String::new(),
                generation: 1,
                body,
            };
            let (line, hash) = record.line();
            lines.push(line);
            hashes.push(hash.clone());
            prev = hash;
        }
        (lines, hashes)
    }

    fn why(bytes: &[u8], witness: Option<&Witness>) -> String {
        History::read(bytes, witness)
            .damage
            .expect("damaged")
            .to_string()
    }

    #[test]
    fn a_whole_journal_and_a_torn_tail_are_read() {
        let (lines, hashes) = lines(3);
        let mut bytes = lines.concat();
        assert_eq!(History::read(&bytes, None).records.len(), 3);
        bytes.truncate(bytes.len() - 5);
        let witness = Witness {
            seq: 2,
            hash: hashes[1].clone(),
        };
        let history = History::read(&bytes, Some(&witness));
        assert_eq!(
            (history.records.len(), history.torn, history.damage),
            (2, lines[2].len() - 5, None)
        );
    }

    #[test]
    fn a_tail_that_had_been_durable_is_missed() {
        let (lines, hashes) = lines(3);
        let witness = Witness {
            seq: 3,
            hash: hashes[2].clone(),
        };
        let bytes = lines.concat();
        assert_eq!(
            why(&bytes[..bytes.len() - 5], Some(&witness)),
            "record 3 of the journal is damaged: it is missing: records up to 3 had been written"
        );
        let other = Witness {
            seq: 2,
            hash: hashes[2].clone(),
        };
        assert_eq!(
            why(&bytes, Some(&other)),
            "record 2 of the journal is damaged: it is not the one that had been written"
        );
    }

    #[test]
    fn records_left_out_swapped_or_changed_break_the_chain() {
        let (lines, _) = lines(3);
        assert_eq!(
            why(&[lines[0].clone(), lines[2].clone()].concat(), None),
            "record 2 of the journal is damaged: it says that it is record 3"
        );
        assert_eq!(
            why(&[lines[1].clone(), lines[0].clone()].concat(), None),
            "record 1 of the journal is damaged: it says that it is record 2"
        );
        let changed = String::from_utf8(lines.concat())
            .expect("text")
            .replace("note 2", "note X");
        assert_eq!(
            why(changed.as_bytes(), None),
            "record 2 of the journal is damaged: its hash does not fit its text"
        );
    }
}

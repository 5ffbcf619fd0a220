//! The format of a record. A line is a JSON object; its last key is the hash over all that stands before it.

use crate::effect::{Class, Effect};
use crate::failure::{Failure, Site};
use crate::handle::Handle;
use crate::primitive::Undo;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// Version of the format. Raise it when an older reader would understand a record wrongly: a field that changes its
/// meaning, a kind that must not be passed over. New optional fields do not count. Every older version stays readable.
pub const FORMAT: u32 = 1;

/// The hash before the first record.
pub(crate) const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";
const HASH_KEY: &str = ",\"hash\":\"";

/// One record as it stands in the file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recorded {
    /// Version of the format.
    pub v: u32,
    /// Ordinal in the journal, from 1.
    pub seq: u64,
    /// Hash of the record before.
    pub prev: String,
    /// Id of the run.
    pub run: String,
    /// Counts the processes that worked on the run, from 1.
    pub epoch: u64,
    /// Milliseconds since 1970.
    pub t: u64,
    /// Key of the step or scope that it is about; empty for the run.
    pub key: String,
    /// Which attempt of the step, from 1.
    #[serde(rename = "gen")]
    pub generation: u32,
    /// What it says.
    #[serde(flatten)]
    pub body: Body,
}

/// What a record says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "body", rename_all = "snake_case")]
pub enum Body {
    /// The run began.
    RunOpen {
        /// Version of pb.
        pb: String,
        /// The playbook as it was named.
        playbook: String,
        /// The text of the playbook and of every module it imports, by name.
        sources: BTreeMap<String, String>,
        /// Values of its parameters.
        params: Map<String, Value>,
        /// The environment's name.
        env: String,
        /// The environment; secrets are references.
        target: Value,
        /// Who started it.
        by: String,
        /// On which machine.
        host: String,
        /// As which process.
        pid: u32,
        /// A run that nobody will finish, and whose place it takes.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        supersedes: Option<String>,
    },
    /// Another process took the run up: after its process had died, or to undo it.
    RunResume {
        /// Version of pb.
        pb: String,
        /// The edited playbook that the run goes on with.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        edited: Option<Edited>,
        /// Who.
        by: String,
        /// On which machine.
        host: String,
        /// As which process.
        pid: u32,
    },
    /// A file that a step read, by the hash of its text.
    Blob {
        /// SHA-256 in hex.
        id: String,
        /// The text.
        text: String,
    },
    /// A scope began.
    ScopeOpen {
        /// `savepoint`, `each` and the like.
        scope: String,
        /// Its word in the script.
        name: String,
        /// How many branches run at the same time; undo keeps to it.
        width: u64,
    },
    /// A scope ended.
    ScopeClose {
        /// What made its body throw.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        failure: Option<Failure>,
    },
    /// A value that the script read: a parameter, the time, an environment variable.
    Read {
        /// The function.
        name: String,
        /// What it gave.
        value: Value,
    },
    /// What a server said of itself before the first effect on it.
    Identity {
        /// Name of the handle.
        handle: String,
        /// Such as the system identifier.
        identity: Value,
    },
    /// A server was taken: from then on it refuses the effects of every other run.
    Lease {
        /// The server; secrets are references.
        handle: Handle,
        /// Which taking of it; whoever takes it next has a higher one.
        epoch: u64,
    },
    /// A step looked, decided to act, and is about to.
    Step {
        /// Its ordinal in the run.
        #[serde(default)]
        n: u64,
        /// The primitive.
        primitive: String,
        /// Its arguments.
        args: Value,
        /// What it saw.
        before: Value,
        /// How it will be undone.
        undo: Undo,
        /// The lines of its actions.
        plan: Vec<String>,
    },
    /// One action is about to be done. Durable before it is.
    Intent {
        /// Ordinal within the step, from 0.
        action: u32,
        /// The action.
        what: Value,
        /// How doubt about it is settled.
        effect: Effect,
    },
    /// What tells later whether the action under way took effect, such as the number of its transaction. Durable before
    /// the moment that decides.
    Evidence {
        /// Ordinal within the step.
        action: u32,
        /// What it is.
        value: Value,
    },
    /// Doubt about an action was settled. Durable before anything that builds on it.
    Settled {
        /// Ordinal within the step.
        action: u32,
        /// Whether it took effect.
        applied: bool,
        /// What it gave, where that can be told.
        #[serde(default, skip_serializing_if = "Value::is_null")]
        value: Value,
        /// By whom or what: a person, the script's `on_doubt`, the server.
        by: String,
    },
    /// One action was done or refused. Durable before the next one.
    Outcome {
        /// Ordinal within the step.
        action: u32,
        /// What it gave.
        #[serde(default, skip_serializing_if = "Value::is_null")]
        value: Value,
        /// Why it failed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        failure: Option<Failure>,
    },
    /// What the script got from a step.
    Result {
        /// The primitive.
        primitive: String,
        /// What it is as a whole.
        class: Class,
        /// SHA-256 of its arguments, in hex.
        args: String,
        /// What it touches, for people.
        place: String,
        /// Where it was called.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        site: Vec<Site>,
        /// Whether it changed anything.
        changed: bool,
        /// What the script got.
        #[serde(default, skip_serializing_if = "Value::is_null")]
        value: Value,
        /// What it threw.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        failure: Option<Failure>,
        /// Whether it failed only because a sibling had failed: its branch is stopped, and catches nothing.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        stopped: bool,
        /// What it said about itself.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        summary: String,
        /// What was true of its subject afterwards.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        state: Option<String>,
        /// Milliseconds.
        took: u64,
    },
    /// A transaction is complete and about to be committed, then durable before COMMIT; or its closure threw, and
    /// there is no evidence.
    TxResult {
        /// What its closure was given.
        #[serde(default, skip_serializing_if = "Value::is_null")]
        entered: Value,
        /// What the calls in it gave.
        steps: Vec<TransactionStep>,
        /// The value of its closure.
        value: Value,
        /// What tells later whether it was committed.
        evidence: Value,
    },
    /// A person answered.
    Decided {
        /// Who.
        by: String,
        /// The question.
        question: String,
        /// The answer.
        yes: bool,
    },
    /// Nothing before it in its branch is undone any more.
    CommitPoint {
        /// Why, in the author's words.
        why: String,
    },
    /// From here to the end of the scope, statements and commands may destroy data.
    Allowed {
        /// Why, in the author's words.
        why: String,
    },
    /// The run was told to stop.
    Interrupt {
        /// Such as `SIGINT`.
        signal: String,
    },
    /// A scope is about to be undone; that of the run has the empty key. Durable before the first step of it is.
    UndoOpen {
        /// What it is undone for.
        failure: Failure,
    },
    /// A step is about to be undone. Durable before it is.
    UndoIntent {
        /// The call that undoes it.
        undo: Undo,
    },
    /// A step was undone, kept or could not be undone.
    UndoResult {
        /// Why it stays; `None` when it was undone.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        kept: Option<String>,
        /// Why it could not be undone.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        failure: Option<Failure>,
        /// What is true of its subject now.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        state: Option<String>,
    },
    /// Something worth knowing.
    Note {
        /// The sentence.
        text: String,
    },
    /// The run ended.
    RunClose {
        /// How.
        state: Ended,
        /// The error that ended it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        failure: Option<Failure>,
        /// Whether any step changed anything.
        changed: bool,
    },
}

/// A playbook that a run goes on with instead of the recorded one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Edited {
    /// The playbook as it was named.
    pub playbook: String,
    /// The text of the playbook and of every module it imports, by name.
    pub sources: BTreeMap<String, String>,
}

/// The result of a call within a transaction.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TransactionStep {
    /// Its key.
    pub key: String,
    /// Its ordinal in the run.
    #[serde(default)]
    pub n: u64,
    /// The primitive.
    pub primitive: String,
    /// SHA-256 of its arguments, in hex.
    pub args: String,
    /// What it gave.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub value: Value,
    /// What it threw.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// How it is undone once the transaction is committed.
    pub undo: Undo,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// Everything is as the playbook wanted.
    Done,
    /// It failed, and what it had done was undone.
    Undone,
    /// It failed, and something stays that only a person can judge: frozen, past a point of no return, in doubt.
    Failed,
    /// It failed, and so did undoing.
    Stuck,
}

impl Recorded {
    /// Its line, with newline, and its hash.
    pub(crate) fn line(&self) -> (Vec<u8>, String) {
        let json = serde_json::to_string(self).expect("records have text keys and finite numbers");
        let open = &json[..json.len() - 1];
        let hash = hash(open.as_bytes());
        (format!("{open}{HASH_KEY}{hash}\"}}\n").into_bytes(), hash)
    }

    /// Reads a line without its newline; gives the record and its hash.
    pub(crate) fn parse(line: &[u8]) -> Result<(Self, String), String> {
        let text = std::str::from_utf8(line).map_err(|error| error.to_string())?;
        let (open, tail) = text.rsplit_once(HASH_KEY).ok_or("it has no hash")?;
        let stated = tail
            .strip_suffix("\"}")
            .ok_or("it does not end after its hash")?;
        let actual = hash(open.as_bytes());
        if stated != actual {
            return Err("its hash does not fit its text".into());
        }
        let json = format!("{open}}}");
        let record: Self = serde_json::from_str(&json).map_err(|error| {
            // A newer pb may write kinds that this one does not know.
            match serde_json::from_str::<Version>(&json) {
                Ok(Version { v }) if v > FORMAT => newer(v),
                _ => error.to_string(),
            }
        })?;
        if record.v > FORMAT {
            return Err(newer(record.v));
        }
        Ok((record, actual))
    }
}

#[derive(Deserialize)]
struct Version {
    v: u32,
}

fn newer(v: u32) -> String {
    format!("it was written in format {v}, this pb reads up to {FORMAT}")
}

/// SHA-256 in hex.
pub(crate) fn hash(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Recorded {
        let body = Body::Note {
            text: "a \",\"hash\":\" within".into(),
        };
        Recorded {
            v: 1,
            seq: 1,
            prev: GENESIS.into(),
            run: "R".into(),
            epoch: 1,
            t: 5,
            key: "/a#1".into(),
            generation: 1,
            body,
        }
    }

    #[test]
    fn a_line_reads_back_as_it_was() {
        let (line, hash) = record().line();
        let (read, same) = Recorded::parse(&line[..line.len() - 1]).expect("whole");
        assert_eq!((read, same), (record(), hash));
    }

    #[test]
    fn no_flipped_bit_is_read_as_the_record() {
        let (line, hash) = record().line();
        for at in 0..line.len() - 1 {
            for bit in 0..8 {
                let mut damaged = line[..line.len() - 1].to_vec();
                damaged[at] ^= 1 << bit;
                if let Ok((read, other)) = Recorded::parse(&damaged) {
                    panic!(
                        "byte {at} bit {bit} was read as {read:?} ({})",
                        other == hash
                    );
                }
            }
        }
    }
}

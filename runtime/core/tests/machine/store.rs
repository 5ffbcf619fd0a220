//! A journal in memory that can fail or hang at an append, and tells when what became durable.

use crate::clock::{FakeClock, step_aside};
use crate::log::Log;
use futures_util::future::BoxFuture;
use pb_core::clock::Clock;
use pb_core::journal::{Body, History, JournalStore, Recorded, Witness};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The bytes of one journal; clones share them.
#[derive(Clone)]
pub(crate) struct Memory(Arc<Mutex<State>>, FakeClock, Log);

#[derive(Default)]
struct State {
    bytes: Vec<u8>,
    witness: Option<Witness>,
    appends: usize,
    full_at: Option<usize>,
    unsynced_at: Option<usize>,
    room: Option<usize>,
    slow: Duration,
}

impl Memory {
    pub(crate) fn new(clock: FakeClock, log: Log) -> Self {
        Self(Arc::default(), clock, log)
    }

    /// From the n-th append on, counted from 1, the disk is full.
    pub(crate) fn full_at(&self, n: usize) {
        self.state().full_at = Some(n);
    }

    /// Whatever the n-th append and those after it write gets there, and is refused all the same: nobody could make it
    /// durable.
    pub(crate) fn unsynced_at(&self, n: usize) {
        self.state().unsynced_at = Some(n);
    }

    /// The disk takes so many bytes of the journal and no more.
    pub(crate) fn room_for(&self, bytes: usize) {
        self.state().room = Some(bytes);
    }

    /// Somebody has made room.
    pub(crate) fn has_room(&self) {
        let mut state = self.state();
        (state.full_at, state.unsynced_at, state.room) = (None, None, None);
    }

    /// Every append takes so long.
    pub(crate) fn slow(&self, time: Duration) {
        self.state().slow = time;
    }

    /// How often something was made durable.
    pub(crate) fn appends(&self) -> usize {
        self.state().appends
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.state().bytes.clone()
    }

    pub(crate) fn witness(&self) -> Witness {
        self.state().witness.clone().expect("something was written")
    }

    /// What another process reads, which cuts off what is torn; the witness may be missing.
    pub(crate) fn history(&self) -> History {
        let mut state = self.state();
        let history = History::read(&state.bytes, state.witness.as_ref());
        assert_eq!(history.damage, None);
        let whole = state.bytes.len() - history.torn;
        state.bytes.truncate(whole);
        history
    }

    pub(crate) fn records(&self) -> Vec<Recorded> {
        self.history().records
    }

    fn add(&self, lines: &[u8]) -> io::Result<()> {
        let mut state = self.state();
        state.appends += 1;
        let due = |at: Option<usize>| at.is_some_and(|n| state.appends >= n);
        let free = state
            .room
            .map(|room| room.saturating_sub(state.bytes.len()));
        let taken = match free {
            _ if due(state.full_at) => Some(0),
            _ if due(state.unsynced_at) => Some(lines.len()),
            free => free.filter(|free| *free < lines.len()),
        };
        if let Some(taken) = taken {
            state.bytes.extend(&lines[..taken]);
            let kind = io::ErrorKind::StorageFull;
            return Err(io::Error::new(kind, "no space left on device"));
        }
        state.bytes.extend(lines);
        for line in lines.split_inclusive(|byte| *byte == b'\n') {
            let record = serde_json::from_slice(line).expect("a record");
            self.2.add(format!("durable {}", told(&record)));
        }
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl JournalStore for Memory {
    fn append<'a>(&'a self, lines: &'a [u8]) -> BoxFuture<'a, io::Result<()>> {
        Box::pin(async move {
            let slow = self.state().slow;
            if slow.is_zero() {
                step_aside().await;
            } else {
                self.1.sleep(slow).await;
            }
            self.1.moment().await;
            self.add(lines)?;
            self.1.moment().await;
            Ok(())
        })
    }

    fn note_witness<'a>(&'a self, witness: &'a Witness) -> BoxFuture<'a, io::Result<()>> {
        self.state().witness = Some(witness.clone());
        Box::pin(async { Ok(()) })
    }
}

/// A record in few words, such as `intent /set#1 0`.
pub(crate) fn told(record: &Recorded) -> String {
    let key = &record.key;
    let text = match &record.body {
        Body::RunOpen { .. } => "run_open".into(),
        Body::RunResume { .. } => "run_resume".into(),
        Body::Blob { text, .. } => format!("blob {text}"),
        Body::ScopeOpen { width, .. } => format!("scope_open {key} {width}"),
        Body::ScopeClose { failure } => format!("scope_close {key} {}", end(failure.is_none())),
        Body::Read { value, .. } => format!("read {key} {value}"),
        Body::Lease { handle, .. } => format!("lease {}", handle.name),
        Body::Identity { handle, .. } => format!("identity {handle}"),
        Body::Step { .. } => format!("step {key}"),
        Body::Intent { action, .. } => format!("intent {key} {action}"),
        Body::Outcome {
            action, failure, ..
        } => format!("outcome {key} {action} {}", end(failure.is_none())),
        Body::Evidence { action, .. } => format!("evidence {key} {action}"),
        Body::Settled {
            action, applied, ..
        } => format!("settled {key} {action} {applied}"),
        Body::UndoOpen { .. } => format!("undo_open {key}"),
        Body::Result { failure, .. } => format!("result {key} {}", end(failure.is_none())),
        Body::TxResult { steps, .. } => {
            let keys: Vec<_> = steps.iter().map(|step| step.key.as_str()).collect();
            format!("tx_result {key} [{}]", keys.join(" "))
        }
        Body::Decided { question, yes, .. } => format!("decided {question} {yes}"),
        Body::CommitPoint { why } => format!("commit_point {why}"),
        Body::Allowed { why } => format!("allowed {why}"),
        Body::Interrupt { signal } => format!("interrupt {signal}"),
        Body::UndoIntent { .. } => format!("undo_intent {key}"),
        Body::UndoResult { kept, failure, .. } => match kept {
            Some(_) => format!("undo_result {key} kept"),
            None => format!("undo_result {key} {}", end(failure.is_none())),
        },
        Body::Note { .. } => "note".into(),
        Body::RunClose { state, .. } => format!("run_close {state:?}"),
    };
    match record.generation {
        1 => text,
        n => format!("{text} gen{n}"),
    }
}

fn end(ok: bool) -> &'static str {
    if ok { "ok" } else { "error" }
}

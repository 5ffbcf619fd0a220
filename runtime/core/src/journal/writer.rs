//! Appends records. Whoever needs durability first takes everything that is waiting with it: group commit.

use super::record::{Body, FORMAT, GENESIS, Recorded};
use super::store::{JournalStore, Witness};
use crate::clock::Clock;
use crate::failure::{CallError, Failure};
use futures_util::future::BoxFuture;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The journal of a run that is going on.
pub(crate) struct Journal {
    run: String,
    epoch: u64,
    clock: Arc<dyn Clock>,
    queue: Mutex<Queue>,
    disk: tokio::sync::Mutex<Disk>,
    /// Ordinal of the newest durable record.
    durable: AtomicU64,
}

struct Disk {
    store: Arc<dyn JournalStore>,
    /// The write that was begun. It belongs to the journal, not to the step that waits for it: a step that is given up
    /// in the middle of it must not leave the whole run without a journal. Whoever comes next waits on.
    under_way: Option<BoxFuture<'static, io::Result<u64>>>,
}

struct Queue {
    next: u64,
    prev: String,
    waiting: Vec<u8>,
    /// Set once a write failed: what is durable is unknown from there on, and a second try may lie.
    broken: Option<String>,
}

impl Journal {
    pub(crate) fn new(run: String, clock: Arc<dyn Clock>, store: Box<dyn JournalStore>) -> Self {
        Self::after(run, 1, clock, store, 0, GENESIS.into())
    }

    /// Goes on with a journal whose newest record has that ordinal and hash.
    pub(crate) fn after(
        run: String,
        epoch: u64,
        clock: Arc<dyn Clock>,
        store: Box<dyn JournalStore>,
        seq: u64,
        hash: String,
    ) -> Self {
        let queue = Queue {
            next: seq + 1,
            prev: hash,
            waiting: vec![],
            broken: None,
        };
        let (store, under_way) = (Arc::from(store), None);
        let disk = tokio::sync::Mutex::new(Disk { store, under_way });
        Self {
            run,
            epoch,
            clock,
            queue: Mutex::new(queue),
            disk,
            durable: AtomicU64::new(seq),
        }
    }

    /// Puts a record in line, to become durable with the next commit.
    pub(crate) fn write(&self, key: &str, generation: u32, body: Body) -> u64 {
        let mut queue = self.queue();
        let (run, t) = (self.run.clone(), self.clock.now());
        let prev = std::mem::take(&mut queue.prev);
        let seq = queue.next;
        let record = Recorded {
            v: FORMAT,
            seq,
            prev,
            run,
            epoch: self.epoch,
            t,
            key: key.into(),
            generation,
            body,
        };
        let (line, hash) = record.line();
        queue.waiting.extend(line);
        queue.prev = hash;
        queue.next += 1;
        seq
    }

    /// Writes a record and waits until it is durable.
    pub(crate) async fn commit(
        &self,
        key: &str,
        generation: u32,
        body: Body,
    ) -> Result<(), CallError> {
        let seq = self.write(key, generation, body);
        self.durable_to(seq).await
    }

    /// Waits until everything written so far is durable.
    pub(crate) async fn flush(&self) -> Result<(), CallError> {
        let last = self.queue().next - 1;
        self.durable_to(last).await
    }

    /// Refuses once a write has failed.
    pub(crate) fn is_usable(&self) -> Result<(), CallError> {
        self.queue()
            .broken
            .as_deref()
            .map_or(Ok(()), |reason| Err(self.lost(reason)))
    }

    async fn durable_to(&self, seq: u64) -> Result<(), CallError> {
        if self.is_durable(seq) {
            return Ok(());
        }
        let mut disk = self.disk.lock().await;
        while !self.is_durable(seq) {
            self.is_usable()?;
            let store = disk.store.clone();
            let write = disk
                .under_way
                .get_or_insert_with(|| self.write_waiting(store));
            let written = write.await;
            disk.under_way = None;
            match written {
                Ok(newest) => self.durable.store(newest, Ordering::SeqCst),
                Err(error) => self.queue().broken = Some(error.to_string()),
            }
        }
        Ok(())
    }

    fn is_durable(&self, seq: u64) -> bool {
        self.durable.load(Ordering::SeqCst) >= seq
    }

    /// Begins to write everything that is waiting; gives the ordinal of the newest record among it.
    fn write_waiting(&self, store: Arc<dyn JournalStore>) -> BoxFuture<'static, io::Result<u64>> {
        let mut queue = self.queue();
        let lines = std::mem::take(&mut queue.waiting);
        let witness = Witness {
            seq: queue.next - 1,
            hash: queue.prev.clone(),
        };
        Box::pin(async move {
            store.append(&lines).await?;
            // The witness only helps to tell a torn tail from a lost one; a run does not end for want of it.
            drop(store.note_witness(&witness).await);
            Ok(witness.seq)
        })
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lost(&self, reason: &str) -> CallError {
        let failure = Failure::new(
            &crate::code::JOURNAL,
            "the journal could not be written, so nothing new was started",
        );
        // Without its first record there is no run that could be gone on with.
        let begun = self.durable.load(Ordering::SeqCst) > 0;
        let (state, then) = match begun {
            true => (
                "what was done stays; the journal has all of it but what came of the actions under way",
                format!("then: pb resume {}", self.run),
            ),
            false => ("nothing was touched", "then run it again".to_owned()),
        };
        CallError::Fatal(Box::new(failure.because(reason).state(state).hint(
            format!("make room on the disk of the state directory, {then}"),
        )))
    }
}

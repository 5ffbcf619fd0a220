//! A journal in a file: appended, synced, and locked for as long as its process lives.

use futures_util::future::BoxFuture;
use pb_core::journal::{History, JournalStore, Witness};
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

/// The journal file of a run that is going on.
pub(crate) struct JournalFile {
    journal: File,
    witness: File,
}

/// A witness is written over the one before, so all have the same length.
const WITNESS_BYTES: usize = 128;

impl JournalFile {
    /// Makes the files of a new run; fails when that run exists.
    pub(crate) fn create(journal: &Path, witness: &Path) -> io::Result<Self> {
        let mut new = OpenOptions::new();
        new.create_new(true).mode(0o600);
        let journal = new.clone().append(true).open(journal)?;
        journal.try_lock().map_err(io::Error::from)?;
        Ok(Self {
            journal,
            witness: new.write(true).open(witness)?,
        })
    }

    /// Opens the files of a run to go on with it, and gives its bytes and its witness; `WouldBlock` while its process
    /// lives. A line that a crash left without its end is cut off.
    pub(crate) fn open(journal: &Path, witness: &Path) -> io::Result<(History, Self)> {
        let mut ours = OpenOptions::new();
        ours.read(true).mode(0o600);
        let mut journal = ours.clone().append(true).open(journal)?;
        journal.try_lock().map_err(io::Error::from)?;
        let mut witness = ours
            .write(true)
            .create(true)
            .truncate(false)
            .open(witness)?;
        let (mut bytes, mut noted) = (vec![], vec![]);
        journal.read_to_end(&mut bytes)?;
        witness.read_to_end(&mut noted)?;
        let history = History::read_beside(&bytes, &noted);
        if history.torn > 0 && history.damage.is_none() {
            journal.set_len((bytes.len() - history.torn) as u64)?;
            journal.sync_all()?;
        }
        Ok((history, Self { journal, witness }))
    }
}

impl Drop for JournalFile {
    fn drop(&mut self) {
        // Closing is not enough while a process that another thread has just forked holds the same file.
        drop(self.journal.unlock());
    }
}

impl JournalStore for JournalFile {
    fn append<'a>(&'a self, lines: &'a [u8]) -> BoxFuture<'a, io::Result<()>> {
        // Done at once, on the thread that asks: a hand-over costs more than the write, and nothing can be given up half-way.
        let result = (&self.journal)
            .write_all(lines)
            .and_then(|()| self.journal.sync_data());
        Box::pin(std::future::ready(result))
    }

    fn note_witness<'a>(&'a self, witness: &'a Witness) -> BoxFuture<'a, io::Result<()>> {
        let text = format!("{{\"seq\":{},\"hash\":\"{}\"}}", witness.seq, witness.hash);
        let line = format!("{text:<width$}\n", width = WITNESS_BYTES - 1);
        Box::pin(std::future::ready(
            self.witness.write_all_at(line.as_bytes(), 0),
        ))
    }
}

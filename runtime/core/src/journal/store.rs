//! Where the bytes of a journal go. The kernel knows no files; the runtime and the stdlib bring the stores.

use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use std::io;

/// Keeps the bytes of one journal.
pub trait JournalStore: Send + Sync {
    /// Appends whole lines; they are durable when it returns.
    fn append<'a>(&'a self, lines: &'a [u8]) -> BoxFuture<'a, io::Result<()>>;

    /// Notes the newest record at a second place, without waiting for the disk.
    fn note_witness<'a>(&'a self, witness: &'a Witness) -> BoxFuture<'a, io::Result<()>>;
}

/// The newest record that was known to be durable, kept apart from the journal: it tells a torn tail from a lost one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Witness {
    /// Ordinal of the record.
    pub seq: u64,
    /// Its hash.
    pub hash: String,
}

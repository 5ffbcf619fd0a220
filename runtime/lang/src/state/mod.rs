//! The state directory: one journal and one witness per run, and the key of fingerprints.

mod directory;
mod journal_file;
mod lock;

pub use directory::StateDir;
pub(crate) use journal_file::JournalFile;
pub(crate) use lock::Lock;

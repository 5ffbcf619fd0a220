//! What a run writes down: one record per line, each chained to the one before by its hash.

mod history;
mod record;
mod runs;
mod store;
mod writer;

pub use history::{Damage, History};
pub(crate) use record::hash;
pub use record::{Body, Edited, Ended, FORMAT, Recorded, TransactionStep};
pub use runs::{EnvLock, RunStore, run_id};
pub use store::{JournalStore, Witness};
pub(crate) use writer::Journal;

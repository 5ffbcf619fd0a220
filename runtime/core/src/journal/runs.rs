//! Where runs are kept: a directory, or tables that several machines reach. Both keep the same records.

use super::{History, JournalStore};
use crate::clock::Random;
use crate::failure::Result;

/// Keeps runs, each with its journal, and says which of them go on.
///
/// Its functions wait for their end on the thread that calls them.
pub trait RunStore: Send + Sync {
    /// Where that is, as people find it.
    fn place(&self) -> String;

    /// The ids of all runs, oldest first. A place that does not exist yet has none.
    ///
    /// # Errors
    /// `PB0007` when it cannot be read.
    fn runs(&self) -> Result<Vec<String>>;

    /// What is recorded of a run; `None` when there is no such run.
    ///
    /// # Errors
    /// `PB0007` when it cannot be read.
    fn read(&self, run: &str) -> Result<Option<History>>;

    /// Whether a process works on the run now.
    ///
    /// # Errors
    /// `PB0007` when it cannot be told.
    fn is_running(&self, run: &str) -> Result<bool>;

    /// A new run, which this process works on: its id and where its journal goes.
    ///
    /// # Errors
    /// `PB0007` when it cannot be written.
    fn new_run(&self, now: u64, random: &dyn Random) -> Result<(String, Box<dyn JournalStore>)>;

    /// Takes a run up: what is recorded of it, and where its journal goes on.
    ///
    /// # Errors
    /// `PB0019` while another process works on it, `PB0101` when there is no such run.
    fn open_run(&self, run: &str) -> Result<(History, Box<dyn JournalStore>)>;

    /// Takes the environment for this process: one run at a time works on it.
    ///
    /// # Errors
    /// `PB0019` while another process has it.
    fn lock(&self, env: &str) -> Result<Box<dyn EnvLock>>;

    /// The key of fingerprints: made once, kept outside of every journal.
    ///
    /// # Errors
    /// `PB0007` when it can neither be read nor written.
    fn key(&self, random: &dyn Random) -> Result<[u8; 32]>;
}

/// The lock on an environment; it goes with its process.
pub trait EnvLock: Send + Sync {
    /// The run that had it last, or has it now.
    fn run(&self) -> Option<String>;

    /// Writes down which run has it.
    ///
    /// # Errors
    /// `PB0007` when that cannot be written.
    fn name(&self, run: &str) -> Result<()>;
}

/// A new id, ten letters and digits: nine tell the millisecond, one is chance. They sort by age.
pub fn run_id(now: u64, random: &dyn Random) -> String {
    const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let mut chance = [0];
    random.fill(&mut chance);
    let time = (0..9).rev().map(|place| (now >> (5 * place)) as usize);
    let chance = chance.into_iter().map(usize::from);
    time.chain(chance)
        .map(|n| char::from(DIGITS[n % 32]))
        .collect()
}

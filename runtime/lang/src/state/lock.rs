//! One run at a time works on an environment: a file that is locked for as long as the process lives, and names the run.

use pb_core::journal::EnvLock;
use pb_core::{Failure, Result, code};
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::Path;

/// The lock on an environment; it goes with the process.
pub(crate) struct Lock(File);

impl Lock {
    /// Takes it.
    pub(crate) fn take(state: &Path, env: &str) -> Result<Self> {
        let folder = state.join("locks");
        let open = || {
            DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(&folder)?;
            OpenOptions::new()
                .create(true)
                .truncate(false)
                .read(true)
                .write(true)
                .mode(0o600)
                .open(folder.join(env.replace('/', "%2F") + ".lock"))
        };
        let refused = |error: io::Error| {
            let message = format!("the lock on the environment `{env}` could not be taken");
            Failure::new(&code::JOURNAL, message).because(error.to_string())
        };
        let file = open().map_err(refused)?;
        match file.try_lock() {
            Ok(()) => Ok(Self(file)),
            Err(TryLockError::Error(error)) => Err(refused(error)),
            Err(TryLockError::WouldBlock) => {
                let message = format!("another run works on the environment `{env}`");
                let run = named(&file).unwrap_or_default();
                Err(Failure::new(&code::LOCKED, message)
                    .with("run", run.clone())
                    .state("nothing was touched")
                    .hint(format!("pb show {run}; wait for it with --wait 10m")))
            }
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing is not enough while a process that another thread has just forked holds the same file.
        drop(self.0.unlock());
    }
}

impl EnvLock for Lock {
    fn run(&self) -> Option<String> {
        named(&self.0)
    }

    fn name(&self, run: &str) -> Result<()> {
        let written = || {
            // Written over the name before, which is as long, and never taken away first: who dies in between, or finds the
            // disk full, must not make the run before forgotten.
            self.0.write_all_at(run.as_bytes(), 0)?;
            self.0.set_len(run.len() as u64)?;
            self.0.sync_data()
        };
        written().map_err(|error: io::Error| {
            Failure::new(&code::JOURNAL, "the state directory could not be written")
                .because(error.to_string())
        })
    }
}

fn named(mut file: &File) -> Option<String> {
    let mut text = String::new();
    file.seek(SeekFrom::Start(0)).ok()?;
    file.read_to_string(&mut text).ok()?;
    Some(text.trim().to_owned()).filter(|run| !run.is_empty())
}

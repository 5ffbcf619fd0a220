//! Finds and makes the files of runs.

use super::{JournalFile, Lock};
use pb_core::clock::Random;
use pb_core::journal::{EnvLock, History, JournalStore, RunStore, run_id};
use pb_core::{Failure, Result, code};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::PathBuf;

const JOURNAL: &str = "ndjson";
const WITNESS: &str = "witness";

/// Where runs are kept: `.pb` beside `pb.toml`, unless told otherwise.
#[derive(Debug, Clone)]
pub struct StateDir {
    path: PathBuf,
}

impl StateDir {
    /// The directory; nothing is made yet.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    fn file(&self, run: &str, extension: &str) -> PathBuf {
        self.runs_path().join(run).with_extension(extension)
    }

    fn runs_path(&self) -> PathBuf {
        self.path.join("runs")
    }

    fn make(&self) -> Result<()> {
        for path in [self.path.clone(), self.runs_path()] {
            DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(&path)
                .map_err(|error| self.refused("made", &error))?;
            let mode = fs::metadata(&path)
                .map_err(|error| self.refused("read", &error))?
                .permissions()
                .mode();
            if mode & 0o022 != 0 {
                let message = format!(
                    "the state directory `{}` was refused: others can write to it",
                    path.display()
                );
                return Err(Failure::new(&code::JOURNAL, message)
                    .hint(format!("chmod 700 {}", path.display())));
            }
        }
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        File::open(self.runs_path())?.sync_all()
    }

    fn refused(&self, what: &str, error: &io::Error) -> Failure {
        let message = format!(
            "the state directory `{}` could not be {what}",
            self.path.display()
        );
        let failure = Failure::new(&code::JOURNAL, message).because(error.to_string());
        match error.kind() {
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                failure.hint("name another one with `--state DIR` or `PB_STATE`")
            }
            io::ErrorKind::StorageFull
            | io::ErrorKind::QuotaExceeded
            | io::ErrorKind::FileTooLarge => {
                failure.hint("make room on its disk, then call this again")
            }
            _ => failure,
        }
    }
}

impl RunStore for StateDir {
    fn place(&self) -> String {
        self.path.display().to_string()
    }

    fn runs(&self) -> Result<Vec<String>> {
        let entries = match fs::read_dir(self.runs_path()) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(vec![]),
            Err(error) => return Err(self.refused("read", &error)),
        };
        let mut runs = vec![];
        for entry in entries {
            let path = entry.map_err(|error| self.refused("read", &error))?.path();
            if path.extension().is_some_and(|e| e == JOURNAL)
                && let Some(id) = path.file_stem().and_then(|stem| stem.to_str())
            {
                runs.push(id.to_owned());
            }
        }
        runs.sort();
        Ok(runs)
    }

    fn read(&self, run: &str) -> Result<Option<History>> {
        // The witness first: it may be older than the journal, never newer.
        let witness = match fs::read(self.file(run, WITNESS)) {
            Ok(witness) => witness,
            Err(error) if error.kind() == io::ErrorKind::NotFound => vec![],
            Err(error) => return Err(unreadable("witness", run, &error)),
        };
        match fs::read(self.file(run, JOURNAL)) {
            Ok(bytes) => Ok(Some(History::read_beside(&bytes, &witness))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(unreadable("journal", run, &error)),
        }
    }

    fn is_running(&self, run: &str) -> Result<bool> {
        // The lock on a journal goes with the process that holds it.
        let locked = match File::open(self.file(run, JOURNAL)) {
            Ok(file) => file.try_lock_shared(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(unreadable("journal", run, &error)),
        };
        match locked {
            Ok(()) => Ok(false),
            Err(fs::TryLockError::WouldBlock) => Ok(true),
            Err(fs::TryLockError::Error(error)) => Err(unreadable("journal", run, &error)),
        }
    }

    fn new_run(&self, now: u64, random: &dyn Random) -> Result<(String, Box<dyn JournalStore>)> {
        self.make()?;
        let mut now = now;
        loop {
            let id = run_id(now, random);
            match JournalFile::create(&self.file(&id, JOURNAL), &self.file(&id, WITNESS)) {
                Ok(journal) => {
                    self.sync()
                        .map_err(|error| self.refused("written", &error))?;
                    return Ok((id, Box::new(journal)));
                }
                // Another run began in the same millisecond.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => now += 1,
                Err(error) => return Err(self.refused("written", &error)),
            }
        }
    }

    fn open_run(&self, run: &str) -> Result<(History, Box<dyn JournalStore>)> {
        let opened = JournalFile::open(&self.file(run, JOURNAL), &self.file(run, WITNESS));
        let (history, journal) = opened.map_err(|error| match error.kind() {
            io::ErrorKind::WouldBlock => {
                Failure::new(&code::LOCKED, format!("run {run} is going on")).hint("pb runs")
            }
            io::ErrorKind::NotFound => {
                Failure::new(&code::USAGE, format!("there is no run {run}")).hint("pb runs")
            }
            _ => self.refused("opened", &error),
        })?;
        Ok((history, Box::new(journal)))
    }

    fn lock(&self, env: &str) -> Result<Box<dyn EnvLock>> {
        self.make()?;
        Ok(Box::new(Lock::take(&self.path, env)?))
    }

    fn key(&self, random: &dyn Random) -> Result<[u8; 32]> {
        self.make()?;
        let path = self.path.join("key");
        let mut key = [0; 32];
        match File::open(&path).and_then(|mut file| file.read_exact(&mut key)) {
            Ok(()) => return Ok(key),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(self.refused("read", &error)),
        }
        random.fill(&mut key);
        let draft = self.path.join(format!("key.{}", std::process::id()));
        let written = OpenOptions::new()
            .create(true)
            .truncate(true)
            .write(true)
            .mode(0o600)
            .open(&draft)
            .and_then(|mut file| file.write_all(&key).and_then(|()| file.sync_all()))
            // Linked, not renamed: of two processes that begin at once the first one's key stands.
            .and_then(|()| match fs::hard_link(&draft, &path) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
                _ => fs::remove_file(&draft),
            })
            .and_then(|()| File::open(&path)?.read_exact(&mut key));
        written
            .map(|()| key)
            .map_err(|error| self.refused("written", &error))
    }
}

fn unreadable(what: &str, run: &str, error: &io::Error) -> Failure {
    let message = format!("the {what} of run `{run}` could not be read");
    Failure::new(&code::JOURNAL, message).because(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Zero;

    impl Random for Zero {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(0);
        }
    }

    /// A run without a record, and its witness.
    fn run() -> (tempfile::TempDir, StateDir, String, PathBuf) {
        let folder = tempfile::tempdir().expect("a folder");
        let state = StateDir::at(folder.path());
        let (run, journal) = state.new_run(0, &Zero).expect("a run");
        drop(journal);
        let witness = state.file(&run, WITNESS);
        (folder, state, run, witness)
    }

    fn damage(history: &History) -> Option<&str> {
        history.damage.as_ref().map(|damage| damage.why.as_str())
    }

    #[test]
    fn a_witness_that_says_nothing_is_missing_and_one_that_is_none_is_damage() {
        let none = Some("whether it was lost cannot be told, for its witness names no record");
        for (text, missing, expect) in [
            (Some(""), true, None),
            (None, true, None),
            (Some("{\"seq\":0"), false, none),
            (Some("\0\0\0\0"), false, none),
        ] {
            let (_folder, state, run, witness) = run();
            match text {
                Some(text) => fs::write(&witness, text).expect("a file"),
                None => fs::remove_file(&witness).expect("it is there"),
            }
            let read = state.read(&run).expect("readable").expect("there");
            assert_eq!(
                (read.unwitnessed, damage(&read)),
                (missing, expect),
                "{text:?}"
            );
            let (opened, _) = state.open_run(&run).expect("it can be opened");
            assert_eq!(
                (opened.unwitnessed, damage(&opened)),
                (missing, expect),
                "{text:?}"
            );
        }
    }

    #[test]
    fn a_witness_that_cannot_be_read_is_no_missing_one() {
        let (_folder, state, run, witness) = run();
        fs::remove_file(&witness).expect("it is there");
        fs::create_dir(&witness).expect("something else of its name");
        let failure = state.read(&run).expect_err("it cannot be read");
        assert_eq!(
            (failure.message, failure.because),
            (
                format!("the witness of run `{run}` could not be read"),
                vec!["Is a directory (os error 21)".to_owned()]
            )
        );
        assert!(state.open_run(&run).is_err());
    }
}

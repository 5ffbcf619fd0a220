//! Finds and makes the files of runs.

use super::{JournalFile, Lock};
use pb_core::clock::Random;
use pb_core::journal::{History, Witness};
use pb_core::{Failure, Result, code};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

const JOURNAL: &str = "ndjson";
const WITNESS: &str = "witness";

/// Where runs are kept: `.pb` beside `pb.toml`, unless told otherwise.
#[derive(Debug, Clone)]
pub struct StateDir {
    path: PathBuf,
}

/// The journal of one run, going on or ended.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RunFile {
    /// Id of the run.
    pub id: String,
    path: PathBuf,
}

impl StateDir {
    /// The directory; nothing is made yet.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Every run, oldest first. A directory that does not exist has none.
    ///
    /// # Errors
    /// `PB0007` when it cannot be read.
    pub fn runs(&self) -> Result<Vec<RunFile>> {
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
                runs.push(RunFile {
                    id: id.to_owned(),
                    path,
                });
            }
        }
        runs.sort();
        Ok(runs)
    }

    /// A new run: its id and where its journal goes.
    pub(crate) fn new_run(&self, now: u64, random: &dyn Random) -> Result<(String, JournalFile)> {
        self.make()?;
        let mut now = now;
        loop {
            let id = run_id(now, random);
            let file = |extension| self.runs_path().join(&id).with_extension(extension);
            match JournalFile::create(&file(JOURNAL), &file(WITNESS)) {
                Ok(journal) => {
                    self.sync()
                        .map_err(|error| self.refused("written", &error))?;
                    return Ok((id, journal));
                }
                // Another run began in the same millisecond.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => now += 1,
                Err(error) => return Err(self.refused("written", &error)),
            }
        }
    }

    /// Takes a run up: what is recorded of it, and where its journal goes on.
    ///
    /// # Errors
    /// `PB0019` while its process lives, `PB0101` when there is no such run.
    pub(crate) fn open_run(&self, id: &str) -> Result<(History, JournalFile)> {
        let file = |extension| self.runs_path().join(id).with_extension(extension);
        JournalFile::open(&file(JOURNAL), &file(WITNESS)).map_err(|error| match error.kind() {
            io::ErrorKind::WouldBlock => {
                Failure::new(&code::LOCKED, format!("run {id} is going on")).hint("pb runs")
            }
            io::ErrorKind::NotFound => {
                Failure::new(&code::USAGE, format!("there is no run {id}")).hint("pb runs")
            }
            _ => self.refused("opened", &error),
        })
    }

    /// One of the runs.
    pub fn run(&self, id: &str) -> RunFile {
        let path = self.runs_path().join(id).with_extension(JOURNAL);
        RunFile {
            id: id.to_owned(),
            path,
        }
    }

    /// Takes the environment for this process: one run at a time works on it.
    ///
    /// # Errors
    /// `PB0019` while another process has it.
    pub(crate) fn lock(&self, env: &str) -> Result<Lock> {
        self.make()?;
        Lock::take(&self.path, env)
    }

    /// The key of fingerprints: made once, kept outside of every journal.
    pub(crate) fn key(&self, random: &dyn Random) -> Result<[u8; 32]> {
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

impl RunFile {
    /// Its journal as it stands.
    pub fn read(&self) -> io::Result<History> {
        // The witness first: it may be older than the journal, never newer.
        let witness = fs::read(self.path.with_extension(WITNESS)).ok();
        let witness: Option<Witness> =
            witness.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        Ok(History::read(&fs::read(&self.path)?, witness.as_ref()))
    }

    /// Whether its process lives: the lock on a journal goes with the process that holds it.
    pub fn is_running(&self) -> io::Result<bool> {
        match File::open(&self.path)?.try_lock_shared() {
            Ok(()) => Ok(false),
            Err(fs::TryLockError::WouldBlock) => Ok(true),
            Err(fs::TryLockError::Error(error)) => Err(error),
        }
    }

    /// How many bytes its journal has.
    pub fn size(&self) -> io::Result<u64> {
        Ok(fs::metadata(&self.path)?.size())
    }
}

/// Ten letters and digits: nine tell the millisecond, one is chance. They sort by age.
fn run_id(now: u64, random: &dyn Random) -> String {
    const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let mut chance = [0];
    random.fill(&mut chance);
    let time = (0..9).rev().map(|place| (now >> (5 * place)) as usize);
    let chance = chance.into_iter().map(usize::from);
    time.chain(chance)
        .map(|n| char::from(DIGITS[n % 32]))
        .collect()
}

//! The folder of one child: its lock, and what is written down of it, so that a crash at any moment leaves the truth.

use super::process::Process;
use crate::host::Output;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

const LOCK: &str = "lock";
const START: &str = "start.json";
const STDOUT: &str = "stdout";
const STDERR: &str = "stderr";
const EXIT: &str = "exit.json";
/// Has the room for the end before the program begins: it may be the program that fills the disk.
const EXIT_DRAFT: &str = "exit.new";
const ROOM: usize = 1024;

/// Where the files of one child lie.
#[derive(Debug, Clone)]
pub(super) struct Folder(PathBuf);

/// A program that was begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Start {
    #[serde(flatten)]
    pub(super) process: Process,
    /// Seconds since 1970.
    pub(super) since: i64,
    /// The program and its arguments as they could be typed, without secrets.
    pub(super) line: String,
}

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Exit {
    /// As an exit code tells; `lost` says why its output could not be kept.
    Ended {
        code: i32,
        signal: Option<i32>,
        lost: Option<String>,
    },
    /// The system refused to start it.
    Refused { errno: i32 },
    /// It was not started.
    NotStarted { why: String },
}

impl Folder {
    pub(super) fn at(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    pub(super) fn exists(&self) -> io::Result<bool> {
        self.0.try_exists()
    }

    /// What went wrong, and where.
    pub(super) fn named(&self, error: &io::Error) -> String {
        format!("`{}`: {error}", self.0.display())
    }

    /// Makes it anew. The lock belongs to the file: it is held until every process that has the file has ended.
    pub(super) fn make(&self) -> io::Result<File> {
        if let Some(run) = self.0.parent() {
            private().recursive(true).create(run)?;
        }
        match fs::remove_dir_all(&self.0) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => private().recursive(false).create(&self.0)?,
        }
        let lock = new().read(true).open(self.0.join(LOCK))?;
        lock.try_lock()?;
        new()
            .open(self.0.join(EXIT_DRAFT))?
            .write_all(&[b' '; ROOM])?;
        Ok(lock)
    }

    /// Whether its supervisor lives, or is about to.
    pub(super) fn is_held(&self) -> io::Result<bool> {
        let lock = match File::open(self.0.join(LOCK)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            lock => lock?,
        };
        // Shared: two that ask at the same time must not see each other.
        match lock.try_lock_shared() {
            Ok(()) => Ok(false),
            Err(TryLockError::WouldBlock) => Ok(true),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    pub(super) fn start(&self) -> io::Result<Option<Start>> {
        self.read(START)
    }

    pub(super) fn exit(&self) -> io::Result<Option<Exit>> {
        self.read(EXIT)
    }

    /// Durable when it returns, with all folders that lead here.
    pub(super) fn record_start(&self, start: &Start) -> io::Result<()> {
        self.replace(START, &serde_json::to_vec(start)?)?;
        // The folders of the child, of the run and of all children.
        for folder in self.0.ancestors().take(3) {
            File::open(folder)?.sync_all()?;
        }
        Ok(())
    }

    /// Durable when it returns.
    pub(super) fn record_exit(&self, exit: &Exit) -> io::Result<()> {
        let text = serde_json::to_vec(exit)?;
        let draft = self.0.join(EXIT_DRAFT);
        let file = OpenOptions::new().write(true).open(&draft)?;
        file.write_all_at(&text, 0)?;
        file.set_len(text.len() as u64)?;
        file.sync_all()?;
        fs::rename(draft, self.0.join(EXIT))?;
        File::open(&self.0)?.sync_all()
    }

    /// What the program has said: nothing of it is a secret. Durable when it returns.
    pub(super) fn keep(&self, [stdout, stderr]: [&str; 2]) -> io::Result<()> {
        for (name, text) in [(STDOUT, stdout), (STDERR, stderr)] {
            if !text.is_empty() {
                self.replace(name, text.as_bytes())?;
            }
        }
        Ok(())
    }

    /// How the program ended, with what was kept of its output.
    pub(super) fn output(&self, code: i32, signal: Option<i32>, lost: Option<String>) -> Output {
        let said = |name| fs::read_to_string(self.0.join(name)).unwrap_or_default();
        let (stdout, mut stderr) = (said(STDOUT), said(STDERR));
        if let Some(why) = lost {
            stderr += &format!("\nits output could not be kept: {why}\n");
        }
        Output {
            code,
            signal,
            stdout,
            stderr,
        }
    }

    fn replace(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let draft = self.0.join(format!("{name}.new"));
        let mut open = OpenOptions::new();
        open.create(true).truncate(true).write(true).mode(0o600);
        let mut file = open.open(&draft)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(draft, self.0.join(name))
    }

    fn read<T: DeserializeOwned>(&self, name: &str) -> io::Result<Option<T>> {
        let mut text = String::new();
        match File::open(self.0.join(name)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file?.read_to_string(&mut text)?,
        };
        Ok(Some(serde_json::from_str(&text)?))
    }
}

fn private() -> DirBuilder {
    let mut builder = DirBuilder::new();
    builder.mode(0o700);
    builder
}

fn new() -> OpenOptions {
    let mut new = OpenOptions::new();
    new.create_new(true).write(true).mode(0o600);
    new
}

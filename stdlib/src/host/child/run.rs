//! pb's side: starts a supervisor, listens to it, and reads what it has written down.

use super::CHILD;
use super::folder::{Exit, Folder, Start};
use super::order::Order;
use super::process::Process;
use super::state::State;
use crate::host::driver::Place;
use crate::host::{Output, Program};
use pb_core::{Failure, Readers, Result, World, code};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use sha2::{Digest, Sha256};
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::Command;

/// Between two looks at a program that is waited for.
pub(super) const PAUSE: Duration = Duration::from_millis(20);
/// A supervisor that was told to end its program does so within this, or is ended itself.
const GRACE: Duration = Duration::from_secs(1);

/// How programs are started so that they outlive pb, and where they are written down.
#[derive(Debug, Clone)]
pub struct Supervisor {
    program: PathBuf,
    /// As the list of processes shows it.
    name: OsString,
    args: Vec<OsString>,
    /// `children` in the state directory: a folder for each run, in it one for each step.
    children: PathBuf,
}

impl Supervisor {
    /// A program that calls `child` when it is started with those arguments. What its programs do is kept in `state`.
    pub fn new(program: impl Into<PathBuf>, args: &[&str], state: &Path) -> Self {
        let program = program.into();
        let state = std::path::absolute(state).unwrap_or_else(|_| state.to_owned());
        Self {
            name: program.clone().into(),
            program,
            args: args.iter().map(Into::into).collect(),
            children: state.join("children"),
        }
    }

    /// This program itself, which calls `child` when its first argument is `CHILD`. `None` on other systems than Linux,
    /// which do not tell when a process started.
    pub fn of_this_program(state: &Path) -> Option<Self> {
        // Not by its path: another version may be there by now.
        let this = Self::new("/proc/self/exe", &[CHILD], state);
        let name = std::env::args_os().next().unwrap_or_default();
        cfg!(target_os = "linux").then_some(Self { name, ..this })
    }

    /// Removes what is kept of the programs of a run that has ended: nobody will ask for it any more.
    pub fn forget(&self, run: &str) {
        // What cannot be removed stays; it is small.
        std::fs::remove_dir_all(self.children.join(run)).ok();
    }

    /// Where the program of a step is written down. Keys are as long as the path of their scopes, and hold slashes.
    pub(super) fn folder(&self, read: &Readers) -> Folder {
        let key = hex::encode(&Sha256::digest(read.key())[..8]);
        Folder::at(self.children.join(read.run()).join(key))
    }

    /// Runs a program to its end. When this is dropped it is killed, and when pb is, it goes on.
    pub(in crate::host) async fn run(
        &self,
        world: &World,
        place: &Place,
        program: &Program,
    ) -> Result<Output> {
        let read = world.read();
        let launch = program.launch(read, place)?;
        let line = read.vault().scrubber().text(&program.line()).into_owned();
        let refused = |error: io::Error| {
            let failure = Failure::new(&code::COMMAND, format!("`{line}` could not be started"));
            failure.because(error.to_string())
        };
        let folder = self.folder(read);
        if let State::Alive(start) = State::of(&folder).map_err(refused)? {
            return Err(runs_already(&line, start));
        }
        let lock = folder.make();
        let lock = lock.map_err(|error| refused(io::Error::other(folder.named(&error))))?;
        // From here on the folder tells whether it was started.
        world.keep_evidence(json!({ "supervised": true })).await?;
        let mut begin = vec![self.program.clone().into_os_string()];
        begin.extend(self.args.iter().cloned());
        let secrets = read.vault().fetched().into_iter();
        let order = Order {
            folder: folder.path().into(),
            begin,
            launch,
            line: line.clone(),
            secrets: secrets
                .map(|(value, name)| (value.to_string(), name.to_string()))
                .collect(),
        };
        let text = serde_json::to_vec(&order).map_err(|error| refused(error.into()))?;
        let supervisor = Watched::start(self, lock).map_err(refused)?;
        supervisor.follow(&text, read).await;
        match folder.exit().map_err(refused)? {
            Some(Exit::Ended { code, signal, lost }) => Ok(folder.output(code, signal, lost)),
            Some(Exit::Refused { errno }) => {
                let error = io::Error::from_raw_os_error(errno);
                Err(order.launch.unstartable(&error, place))
            }
            Some(Exit::NotStarted { why }) => Err(refused(io::Error::other(why))),
            None => match folder.start().map_err(refused)? {
                None => Err(refused(io::Error::other("its supervisor was killed"))),
                Some(start) => Err(lost(&start.process, &line).await),
            },
        }
    }
}

/// The supervisor was killed: the program dies with it, what that had started does not.
async fn lost(program: &Process, line: &str) -> Failure {
    let failure = Failure::new(&code::COMMAND, format!("`{line}` was lost from sight"));
    let failure = failure.because("its supervisor was killed").in_doubt();
    if let Err(error) = program.kill_group() {
        let pid = program.pid;
        return failure.because(format!("process {pid} could not be killed: {error}"));
    }
    while program.lives() {
        tokio::time::sleep(PAUSE).await;
    }
    failure.because("the program was killed with it")
}

fn runs_already(line: &str, start: Option<Start>) -> Failure {
    let message = format!("`{line}` was not started: an earlier attempt of this step still runs");
    let failure = Failure::new(&code::COMMAND, message).in_doubt();
    match start {
        Some(start) => {
            failure.because(format!("process {} is `{}`", start.process.pid, start.line))
        }
        None => failure.because("it is about to begin"),
    }
}

/// A supervisor that is told to end its program when nobody waits for it any more.
struct Watched(tokio::process::Child);

impl Watched {
    fn start(supervisor: &Supervisor, lock: File) -> io::Result<Self> {
        let child = Command::new(&supervisor.program)
            .arg0(&supervisor.name)
            .args(&supervisor.args)
            // What pb's own environment holds is often secret.
            .env_clear()
            // A Ctrl-C in the terminal is for pb.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // Held from before it lives to after it: nobody ever sees a child that is about to begin as one without a supervisor.
            .stderr(lock)
            .spawn();
        child.map(Self)
    }

    /// Gives it the order, and passes on what it says until it has ended.
    async fn follow(mut self, order: &[u8], read: &Readers) {
        if let Some(mut stdin) = self.0.stdin.take() {
            // One that has died does not read; what it has done is looked at later.
            drop(stdin.write_all(order).await);
        }
        if let Some(stdout) = self.0.stdout.take() {
            let mut lines = BufReader::new(stdout).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                read.progress(line);
            }
        }
        drop(self.0.wait().await);
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let id = self.0.id().and_then(|id| i32::try_from(id).ok());
        let Some(pid) = id.and_then(Pid::from_raw) else {
            return;
        };
        // It fails when it has ended, which is what is wanted.
        kill_process(pid, Signal::USR1).ok();
        // What undoes the work must not meet the program at work.
        let end = Instant::now() + GRACE;
        while matches!(self.0.try_wait(), Ok(None)) {
            if Instant::now() > end {
                self.0.start_kill().ok();
                return;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

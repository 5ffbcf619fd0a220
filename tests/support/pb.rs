//! The `pb` command in a project folder of its own: whole outputs, no mocks, nothing from our environment.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, LazyLock, mpsc};
use std::time::Duration;
use std::{env, fs, thread};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use super::keeper::{self, Keeper};
use super::outcome::Outcome;
use super::program;

/// Longer than any test takes; a hung command is killed and shown.
pub(crate) const DEADLINE: Duration = Duration::from_secs(180);

/// A command to be run in a project folder. Clones share the folder.
#[derive(Clone)]
pub(crate) struct Pb {
    project: Arc<Project>,
    arguments: Vec<OsString>,
    environment: BTreeMap<OsString, OsString>,
    stdin: String,
    file_size: Option<u64>,
}

struct Project {
    folder: PathBuf,
}

/// A `pb` that is under way; dropping it kills it.
pub(crate) struct Running {
    child: Child,
    stdout: mpsc::Receiver<Vec<u8>>,
    stderr: mpsc::Receiver<Vec<u8>>,
    project: Arc<Project>,
}

impl Pb {
    /// `pb` in an empty folder, with PATH, a home and a locale and no other variable.
    pub(crate) fn new() -> Pb {
        let pb = Pb {
            project: Arc::new(Project::new()),
            arguments: Vec::new(),
            environment: BTreeMap::new(),
            stdin: String::new(),
            file_size: None,
        };
        let home = pb.project.folder.with_file_name("home");
        fs::create_dir(&home).expect("our own folder can be written");
        let path = env::var_os("PATH").unwrap_or_default();
        pb.env("PATH", path)
            .env("HOME", home)
            .env("LANG", "C.UTF-8")
    }

    /// Adds arguments.
    pub(crate) fn args<A: Into<OsString>>(mut self, arguments: impl IntoIterator<Item = A>) -> Pb {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }

    /// The same project and environment with these arguments alone.
    pub(crate) fn with<A: Into<OsString>>(&self, arguments: impl IntoIterator<Item = A>) -> Pb {
        Pb {
            arguments: Vec::new(),
            ..self.clone()
        }
        .args(arguments)
    }

    pub(crate) fn env(mut self, name: &str, value: impl Into<OsString>) -> Pb {
        self.environment.insert(name.into(), value.into());
        self
    }

    pub(crate) fn stdin(mut self, text: &str) -> Pb {
        self.stdin = text.to_string();
        self
    }

    /// No file that it writes may have more bytes, as on a disk that is full.
    pub(crate) fn file_size(mut self, bytes: u64) -> Pb {
        self.file_size = Some(bytes);
        self
    }

    /// Writes a file of the project, and the folders that it needs.
    pub(crate) fn file(self, path: &str, text: &str) -> Pb {
        let file = self.project.folder.join(path);
        fs::create_dir_all(file.parent().expect("a file is in a folder"))
            .and_then(|()| fs::write(&file, text))
            .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        self
    }

    /// Writes a playbook and names it as an argument.
    pub(crate) fn playbook(self, name: &str, text: &str) -> Pb {
        self.file(name, text).args([name])
    }

    /// Writes `pb.toml`.
    pub(crate) fn toml(self, text: &str) -> Pb {
        self.file("pb.toml", text)
    }

    /// The project's folder: outputs show it as `<project>`.
    pub(crate) fn folder(&self) -> &Path {
        &self.project.folder
    }

    /// The command line, for a caller that wants the terminal to be `pb`'s.
    pub(crate) fn command(&self) -> Command {
        let command = match self.file_size {
            None => program::bound(binary()),
            Some(bytes) => {
                // Without its signal the limit is an error of the write, which is what a full disk is.
                let limited = "trap '' XFSZ; exec prlimit --fsize=\"$0:$0\" -- \"$@\"";
                let mut command = program::bound("sh");
                command
                    .args(["-c", limited, &bytes.to_string()])
                    .arg(binary());
                command
            }
        };
        self.started_by(command)
    }

    /// The same, started by a shell that first reads a line from stdin: until then it can be taken hold of.
    pub(crate) fn command_that_waits(&self) -> Command {
        let mut shell = Command::new("sh");
        shell.args(["-c", "read -r line; exec \"$@\"", "sh"]);
        shell.arg(binary());
        self.started_by(shell)
    }

    fn started_by(&self, mut command: Command) -> Command {
        command
            .args(&self.arguments)
            .env_clear()
            .envs(&self.environment)
            .current_dir(self.folder());
        command
    }

    /// Runs it to its end.
    #[track_caller]
    pub(crate) fn run(&self) -> Outcome {
        self.start().wait()
    }

    /// Runs it to its end on a terminal of its own, on which that is typed; both outputs are on it.
    pub(crate) fn run_on_a_terminal(&self, typed: &str) -> Outcome {
        let words = [binary().into_os_string()];
        let words = words.iter().chain(&self.arguments).map(keeper::quote);
        let line = words.collect::<Vec<_>>().join(" ");
        let mut command = program::bound("script");
        command
            .args(["--quiet", "--return", "--command", &line, "/dev/null"])
            .env_clear()
            .envs(&self.environment)
            .current_dir(self.folder());
        let mut outcome = Pb {
            stdin: typed.to_owned(),
            ..self.clone()
        }
        .start_as(command)
        .wait();
        outcome.stdout = outcome.stdout.replace('\r', "");
        outcome
    }

    pub(crate) fn start(&self) -> Running {
        self.start_as(self.command())
    }

    fn start_as(&self, mut command: Command) -> Running {
        command
            .process_group(0) // as a terminal starts it
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let mut stdin = child.stdin.take().expect("stdin is a pipe");
        let text = self.stdin.clone();
        // A command may end without having read it.
        thread::spawn(move || drop(stdin.write_all(text.as_bytes())));
        Running {
            stdout: collect(child.stdout.take().expect("stdout is a pipe")),
            stderr: collect(child.stderr.take().expect("stderr is a pipe")),
            project: self.project.clone(),
            child,
        }
    }
}

impl Running {
    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, signal).expect("it was not waited for yet");
    }

    /// As a terminal does.
    pub(crate) fn signal_group(&self, signal: Signal) {
        let pid = Pid::from_child(&self.child);
        kill_process_group(pid, signal).expect("it was not waited for yet");
    }

    /// As `ps` shows it.
    pub(crate) fn pid(&self) -> String {
        self.child.id().to_string()
    }

    /// Whether its process has ended.
    pub(crate) fn has_ended(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(Some(_)))
    }

    /// Returns when it has ended and closed its output.
    #[track_caller]
    pub(crate) fn wait(mut self) -> Outcome {
        let mut late = false;
        let [stdout, stderr] = [&self.stdout, &self.stderr].map(|pipe| {
            let bytes = pipe.recv_timeout(DEADLINE).unwrap_or_else(|_| {
                late = true;
                let _ = self.child.kill();
                let killed = pipe.recv_timeout(Duration::from_secs(5));
                killed.unwrap_or_default()
            });
            String::from_utf8_lossy(&bytes).into_owned()
        });
        let status = self.child.wait().expect("it is our child");
        let by_signal = || status.signal().map(|signal| 128 + signal);
        let code = status.code().or_else(by_signal);
        let code = code.expect("it exited or was killed");
        let seconds = DEADLINE.as_secs();
        let outcome = Outcome {
            code,
            stdout,
            stderr,
        };
        assert!(!late, "pb was killed after {seconds} s\n{outcome}");
        let project = &self.project.folder;
        outcome
            .hide(&project.display().to_string(), "<project>")
            .hide(
                &project.with_file_name("home").display().to_string(),
                "<home>",
            )
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Project {
    fn new() -> Project {
        static PROJECTS: LazyLock<Keeper> = LazyLock::new(|| Keeper::new(":"));
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let number = NEXT.fetch_add(1, Relaxed).to_string();
        let folder = PROJECTS.folder().join(number).join("project");
        fs::create_dir_all(&folder).expect("our own folder can be written");
        Project { folder }
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        let with_home = self.folder.parent().expect("it is in a folder of its own");
        let _ = fs::remove_dir_all(with_home);
    }
}

/// Cargo tells tests and benches; an example lies in a folder beside it.
pub(crate) fn binary() -> PathBuf {
    if let Some(binary) = option_env!("CARGO_BIN_EXE_pb") {
        return binary.into();
    }
    let exe = env::current_exe().expect("the path of this program is known");
    let beside = exe
        .ancestors()
        .nth(2)
        .expect("it is in a folder of the target directory");
    beside.join("pb")
}

pub(crate) fn collect(mut pipe: impl Read + Send + 'static) -> mpsc::Receiver<Vec<u8>> {
    let (done, bytes) = mpsc::channel();
    thread::spawn(move || {
        let mut all = Vec::new();
        let _ = pipe.read_to_end(&mut all);
        let _ = done.send(all);
    });
    bytes
}

//! A `pb` that runs a program which has begun and is not done.

use super::super::stage::pb;
use crate::support::outcome::Outcome;
use crate::support::pb::{Pb, Running};
use crate::support::wait;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// The value of the secret that the program has in its variable TOKEN; it may turn up nowhere else.
pub(super) const TOKEN: &str = "sentinel-5b1d77";

/// Longer than anything takes that is waited for.
const SOON: Duration = Duration::from_secs(20);

pub(super) struct Begun {
    pb: Pb,
    running: Option<Running>,
    /// The program's process.
    pub(super) program: u32,
    pub(super) supervisor: u32,
}

impl Begun {
    /// The shell code makes the file `begun` in the project's folder, and ends when that is gone or there is one `go`.
    pub(super) fn new(script: &str) -> Self {
        Self::with(script, "")
    }

    pub(super) fn with(script: &str, options: &str) -> Self {
        let script = Value::from(script);
        let playbook = format!(
            "let done = command([\"sh\", \"-c\", {script}], #{{ env: #{{ TOKEN: secret(\"env:TOKEN\") }}, {options} }});\n\
             print(`told ${{done.code}} ${{done.stdout}}`);\n"
        );
        let pb = pb().env("TOKEN", TOKEN).args(["run"]);
        let pb = pb.playbook("play.rhai", &playbook);
        let running = Some(pb.start());
        let begun = pb.folder().join("begun");
        until("its beginning", || begun.exists());
        let start = fs::read_to_string(child(pb.folder()).join("start.json")).unwrap();
        let start: Value = serde_json::from_str(&start).unwrap();
        let program = start["pid"].as_u64().unwrap() as u32;
        Self {
            pb,
            running,
            program,
            supervisor: parent(program),
        }
    }

    pub(super) fn project(&self) -> &Path {
        self.pb.folder()
    }

    pub(super) fn let_go(&self) {
        fs::write(self.project().join("go"), "").unwrap();
    }

    pub(super) fn pb(&self) -> &Running {
        self.running.as_ref().expect("it has not ended")
    }

    /// Once.
    pub(super) fn pb_ended(&mut self) -> Outcome {
        self.running.take().expect("it has not ended").wait()
    }

    pub(super) fn kill_pb(&mut self) {
        self.pb().signal(Signal::KILL);
        self.pb_ended().expect(137);
    }

    pub(super) fn kill_supervisor(&self) {
        let supervisor = Pid::from_raw(self.supervisor as i32).unwrap();
        kill_process(supervisor, Signal::KILL).unwrap();
        until("its end", || {
            !lives(self.program) && !lives(self.supervisor)
        });
    }

    /// Takes the run up.
    pub(super) fn resume(&mut self, args: &[&str]) {
        let pb = self.pb.with(["resume", "--yes"]).args(args.iter().copied());
        self.running = Some(pb.start());
    }

    pub(super) fn ran(&self) -> String {
        fs::read_to_string(self.project().join("ran")).unwrap_or_default()
    }

    /// Where the program is written down.
    pub(super) fn folder(&self) -> PathBuf {
        child(self.project())
    }

    /// Fails when the secret stands in any file of the project.
    pub(super) fn holds_no_secret(&self) {
        let found = Command::new("grep")
            .args(["-r", TOKEN, "."])
            .current_dir(self.project())
            .output()
            .unwrap();
        // 1: it has looked and found nothing.
        assert_eq!(found.status.code(), Some(1), "{found:?}");
    }
}

/// The one folder below `children` of a project.
fn child(project: &Path) -> PathBuf {
    let only = |folder: PathBuf| {
        let mut entries = fs::read_dir(&folder).unwrap().map(|e| e.unwrap().path());
        let first = entries.next().unwrap();
        assert_eq!(entries.next(), None, "in {}", folder.display());
        first
    };
    only(only(project.join(".pb/children")))
}

fn parent(pid: u32) -> u32 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let parent = status.lines().find_map(|line| line.strip_prefix("PPid:"));
    parent.unwrap().trim().parse().unwrap()
}

pub(super) fn lives(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"));
    stat.is_ok_and(|stat| !stat.contains(") Z "))
}

pub(super) fn until(what: &str, condition: impl Fn() -> bool) {
    wait::until(what, SOON, || condition().then_some(())).unwrap();
}

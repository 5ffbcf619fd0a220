//! What is run: its own process group, no shell, its output kept to the end.

use super::driver::Place;
use super::follow::{Said, follow};
use super::output::Output;
use super::unstartable::unstartable;
use pb_core::{Failure, Readers, Result, SecretText, code};
use rustix::process::{Pid, Signal, kill_process_group};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::process::Stdio;
use tokio::process::{Child, Command};

/// What is run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// The program and its arguments.
    pub argv: Vec<String>,
    /// Where it runs, relative to the base.
    pub dir: Option<String>,
    /// Added to the environment.
    pub env: BTreeMap<String, SecretText>,
    /// What it reads; nothing when it is left out.
    pub stdin: Option<SecretText>,
}

/// A program with everything looked up and exposed: what a process is started with.
#[derive(Serialize, Deserialize)]
pub(super) struct Launch {
    /// The file, or a name to be looked for in PATH.
    pub(super) path: OsString,
    /// Its own name first.
    pub(super) argv: Vec<String>,
    pub(super) dir: OsString,
    pub(super) env: Vec<(OsString, OsString)>,
    pub(super) stdin: Option<String>,
}

impl Program {
    /// The line as people read it.
    pub fn line(&self) -> String {
        line(&self.argv)
    }

    /// Runs it to its end; it dies with this process at the latest.
    pub(super) async fn run(&self, read: &Readers, place: &Place) -> Result<Output> {
        let launch = self.launch(read, place)?;
        let mut command = Command::new(&launch.path);
        command
            .args(&launch.argv[1..])
            .arg0(&launch.argv[0])
            .process_group(0);
        let child = launch.start(command);
        let mut child = child.map_err(|error| launch.unstartable(&error, place))?;
        let mut group = Group::of(&child);
        let (said, scrubber) = (Said::default(), read.vault().scrubber());
        let show = |line| read.progress(line);
        let status = follow(&mut child, launch.stdin, &said, scrubber, &show).await;
        group.has_ended();
        let status = status.map_err(|error| {
            let message = format!("`{}` was lost from sight", self.line());
            Failure::new(&code::COMMAND, message)
                .because(error.to_string())
                .in_doubt()
        })?;
        let (stdout, stderr) = said.texts(scrubber);
        Ok(Output::new(status, stdout, stderr))
    }

    pub(super) fn launch(&self, read: &Readers, place: &Place) -> Result<Launch> {
        let name = self.argv.first().ok_or_else(|| {
            let message = "no program was given: the list is empty";
            Failure::new(&code::WRONG_TYPE, message)
        })?;
        let mut env = place.variables.clone();
        for (name, value) in &self.env {
            env.insert(name.into(), read.vault().expose(value)?.into());
        }
        let stdin = self.stdin.as_ref().map(|text| read.vault().expose(text));
        Ok(Launch {
            // A name is looked for in PATH; anything with a slash is a file below the base.
            path: match name.contains('/') {
                true => place.base.join(name).into(),
                false => name.into(),
            },
            argv: self.argv.clone(),
            dir: match &self.dir {
                None => place.base.clone().into(),
                Some(dir) => place.base.join(dir).into(),
            },
            env: env.into_iter().collect(),
            stdin: stdin.transpose()?,
        })
    }
}

impl Launch {
    /// Starts a command in the folder, the environment and with the streams of this program.
    pub(super) fn start(&self, mut command: Command) -> io::Result<Child> {
        command
            .current_dir(&self.dir)
            .env_clear()
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .stdin(match self.stdin {
                Some(_) => Stdio::piped(),
                None => Stdio::null(),
            })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
    }

    pub(super) fn unstartable(&self, error: &io::Error, place: &Place) -> Failure {
        unstartable(error, place, &self.argv[0], Path::new(&self.dir))
    }
}

/// The line as a shell would take it.
pub(crate) fn line(argv: &[String]) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_@%+=:,./-".contains(c);
    let words = argv
        .iter()
        .map(|word| match word.is_empty() || !word.chars().all(plain) {
            true => format!("'{}'", word.replace('\'', r"'\''")),
            false => word.clone(),
        });
    words.collect::<Vec<_>>().join(" ")
}

/// A program and all that it started, killed together when nobody waits for it any more.
struct Group(Option<Pid>);

impl Group {
    fn of(child: &Child) -> Self {
        let id = child.id().and_then(|id| i32::try_from(id).ok());
        Self(id.and_then(Pid::from_raw))
    }

    /// From now on its number may belong to something else; what it left in the background stays.
    fn has_ended(&mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // It fails when all of them have ended, which is what is wanted.
            kill_process_group(group, Signal::KILL).ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_can_be_typed_again() {
        let check = |argv: &[&str], shown: &str| {
            let argv: Vec<_> = argv.iter().map(|word| (*word).to_owned()).collect();
            assert_eq!(line(&argv), shown);
        };
        check(
            &["python", "manage.py", "check", "--deploy"],
            "python manage.py check --deploy",
        );
        check(
            &["sh", "-c", "echo 'a b' $X", ""],
            r"sh -c 'echo '\''a b'\'' $X' ''",
        );
    }
}

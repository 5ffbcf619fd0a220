//! One run of a program: its own process group, no shell, its output kept to the end.

use super::driver::Place;
use super::output::{Output, Tail};
use super::unstartable::unstartable;
use crate::outside_text::one_line;
use pb_core::{Failure, Readers, Result, SecretText, code};
use rustix::process::{Pid, Signal, kill_process_group};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin, Command};

/// What a program in the background holds open is not waited for longer than this, once the program itself has ended.
const LAST_WORDS: Duration = Duration::from_millis(500);
/// Between two lines of output that are shown while it runs.
const SHOWN_EVERY: Duration = Duration::from_secs(1);
/// So much of such a line.
const SHOWN: usize = 120;

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

impl Program {
    /// The line as people read it.
    pub fn line(&self) -> String {
        line(&self.argv)
    }

    pub(super) async fn run(&self, read: &Readers, place: &Place) -> Result<Output> {
        let (name, args) = self.argv.split_first().ok_or_else(|| {
            let message = "no program was given: the list is empty";
            Failure::new(&code::WRONG_TYPE, message)
        })?;
        let stdin = self.stdin.as_ref().map(|text| read.vault().expose(text));
        let stdin = stdin.transpose()?;
        let dir = self.dir_in(place);
        let mut command = Command::new(self.path_in(place, name));
        command
            .args(args)
            .arg0(name)
            .current_dir(&dir)
            .env_clear()
            .envs(&place.variables)
            .stdin(if stdin.is_some() {
                Stdio::piped()
            } else {
                Stdio::null()
            })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true);
        for (name, value) in &self.env {
            command.env(name, read.vault().expose(value)?);
        }
        let child = command.spawn();
        let child = child.map_err(|error| unstartable(&error, place, name, &dir))?;
        self.follow(read, child, stdin).await
    }

    async fn follow(
        &self,
        read: &Readers,
        mut child: Child,
        stdin: Option<String>,
    ) -> Result<Output> {
        let mut group = Group::of(&child);
        let (mut out, mut err) = (Tail::default(), Tail::default());
        let status = {
            let streams = (child.stdin.take(), child.stdout.take(), child.stderr.take());
            let talk = async {
                tokio::join!(
                    tell(streams.0, stdin),
                    listen(streams.1, &mut out, read),
                    listen(streams.2, &mut err, read),
                );
            };
            tokio::pin!(talk);
            let ended = tokio::select! {
                biased;
                ended = child.wait() => Some(ended),
                () = &mut talk => None,
            };
            match ended {
                // It closed what it writes to, and goes on.
                None => child.wait().await,
                Some(ended) => {
                    drop(tokio::time::timeout(LAST_WORDS, talk).await);
                    ended
                }
            }
        };
        group.has_ended();
        let status = status.map_err(|error| {
            let message = format!("`{}` was lost from sight", self.line());
            Failure::new(&code::COMMAND, message)
                .because(error.to_string())
                .in_doubt()
        })?;
        let scrubber = read.vault().scrubber();
        Ok(Output::new(status, out.text(scrubber), err.text(scrubber)))
    }

    fn dir_in(&self, place: &Place) -> PathBuf {
        match &self.dir {
            None => place.base.clone(),
            Some(dir) => place.base.join(dir),
        }
    }

    /// A name is looked for in PATH; anything with a slash is a file below the base.
    fn path_in(&self, place: &Place, name: &str) -> PathBuf {
        match name.contains('/') {
            true => place.base.join(name),
            false => name.into(),
        }
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

async fn tell(stdin: Option<ChildStdin>, text: Option<String>) {
    if let (Some(mut stdin), Some(text)) = (stdin, text) {
        // A program need not read what it is given.
        drop(stdin.write_all(text.as_bytes()).await);
    }
}

/// Keeps what a program says, and shows a line of it now and then.
async fn listen(stream: Option<impl AsyncRead + Unpin>, tail: &mut Tail, read: &Readers) {
    let Some(mut stream) = stream else {
        return;
    };
    let mut next = read.clock().elapsed() + SHOWN_EVERY;
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(n @ 1..) = stream.read(&mut buffer).await {
        tail.push(&buffer[..n]);
        if read.clock().elapsed() < next {
            continue;
        }
        if let Some(line) = tail.last_line(read.vault().scrubber()) {
            read.progress(one_line(&line, SHOWN));
            next = read.clock().elapsed() + SHOWN_EVERY;
        }
    }
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

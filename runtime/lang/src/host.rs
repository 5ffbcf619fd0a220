//! The machine that pb runs on: its clock, its chance, its secrets.

use futures_util::future::BoxFuture;
use pb_core::clock::{Clock, Random};
use pb_core::{Failure, Result, SecretSource, code};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

/// The machine's clock.
pub(crate) struct SystemClock {
    began: Instant,
}

impl SystemClock {
    pub(crate) fn new() -> Self {
        Self {
            began: Instant::now(),
        }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> u64 {
        SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .map_or(0, |since| since.as_millis() as u64)
    }

    fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    fn sleep(&self, time: Duration) -> BoxFuture<'_, ()> {
        // Made when it is waited for: the script's thread, which asks for it, has no timer.
        Box::pin(async move { tokio::time::sleep(time).await })
    }
}

/// The machine's source of chance.
pub(crate) struct SystemRandom;

impl Random for SystemRandom {
    fn fill(&self, bytes: &mut [u8]) {
        getrandom::fill(bytes).expect("the kernel gives random bytes");
    }
}

/// `env:NAME`, `file:PATH` and `cmd:PROGRAM ARGS…`, run in the project's folder.
pub struct HostSecrets {
    base: PathBuf,
}

impl HostSecrets {
    /// Secrets of files and programs are found from that folder.
    pub fn at(base: impl Into<PathBuf>) -> Self {
        Self { base: base.into() }
    }
}

impl SecretSource for HostSecrets {
    fn fetch(&self, reference: &str) -> Result<String> {
        match reference.split_once(':') {
            Some(("env", name)) => std::env::var(name).map_err(|_| {
                missing(
                    reference,
                    format!("the environment variable `{name}` is not set"),
                )
                .hint(format!("export {name}=…"))
            }),
            Some(("file", path)) => std::fs::read_to_string(self.base.join(path))
                .map(|text| text.trim_end_matches(['\n', '\r']).to_owned())
                .map_err(|error| missing(reference, format!("`{path}`: {error}"))),
            Some(("cmd", line)) => self.ask(reference, line),
            _ => Err(missing(
                reference,
                "a reference begins with `env:`, `file:` or `cmd:`".into(),
            )),
        }
    }
}

impl HostSecrets {
    fn ask(&self, reference: &str, line: &str) -> Result<String> {
        let output = Command::new("/bin/sh")
            .args(["-c", line])
            .current_dir(&self.base)
            .stdin(Stdio::null())
            .output()
            .map_err(|error| missing(reference, error.to_string()))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            let last = said.lines().last().unwrap_or("it said nothing");
            return Err(missing(
                reference,
                format!("the command ended with {}: {last}", output.status),
            ));
        }
        String::from_utf8(output.stdout)
            .map(|text| text.trim_end_matches(['\n', '\r']).to_owned())
            .map_err(|_| {
                missing(
                    reference,
                    "the command wrote something that is no text".into(),
                )
            })
    }
}

fn missing(reference: &str, because: String) -> Failure {
    Failure::new(
        &code::SECRET,
        format!("the secret `{reference}` could not be fetched"),
    )
    .because(because)
}

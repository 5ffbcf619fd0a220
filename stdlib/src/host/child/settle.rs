//! What became of a program whose pb was killed: waits for one that still runs.

use super::folder::Start;
use super::run::{PAUSE, Supervisor};
use super::state::State;
use pb_core::{Failure, Readers, Result, Settled, code};
use rustix::process::Signal;

impl Supervisor {
    /// Whoever drops this gives the program up: it is killed with all that it started.
    ///
    /// # Errors
    /// `PB0012` when what is written down of it cannot be read.
    pub(in crate::host) async fn settle(&self, read: &Readers) -> Result<Settled> {
        let folder = self.folder(read);
        let mut waits_for: Option<Waiting> = None;
        loop {
            let state = State::of(&folder).map_err(|error| {
                let message = "what became of a program could not be read";
                Failure::new(&code::FILE, message).because(error.to_string())
            })?;
            let settled = match state {
                State::Alive(start) => {
                    if let (None, Some(start)) = (&waits_for, start) {
                        read.progress(waiting(&start));
                        waits_for = Some(Waiting(Some(start)));
                    }
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
                State::Unrecorded => {
                    let place = folder.path().display();
                    Settled::Unknown(format!("`{place}` is gone, where it was written down"))
                }
                State::NeverStarted => Settled::NotApplied,
                // As pb does itself when it gives a program up.
                State::Ended(output) if output.signal == Some(Signal::KILL.as_raw()) => {
                    let why = "it was ended by SIGKILL: how far it came is not known";
                    Settled::Unknown(why.into())
                }
                State::Ended(output) => {
                    Settled::Applied(serde_json::to_value(output).unwrap_or_default())
                }
                State::Gone(start) => Settled::Unknown(format!(
                    "process {} was killed with its supervisor: how far it came is not known",
                    start.process.pid
                )),
            };
            if let Some(waiting) = &mut waits_for {
                waiting.0 = None;
            }
            return Ok(settled);
        }
    }
}

fn waiting(start: &Start) -> String {
    let since = jiff::Timestamp::from_second(start.since).map(|since| since.to_string());
    let (pid, since) = (start.process.pid, since.unwrap_or_default());
    format!("waiting for process {pid}, which runs since {since}")
}

/// A program that is killed when nobody waits for it any more.
struct Waiting(Option<Start>);

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some(start) = &self.0 {
            // Nobody could be told; that it is in doubt is said anyway.
            start.process.kill_group().ok();
        }
    }
}

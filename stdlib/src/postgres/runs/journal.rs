//! The journal of a run that this process works on. Its session holds the run's lock: both go together.

use super::{Place, lock_of_run, tables};
use crate::postgres::session::Session;
use crate::postgres::trouble::Trouble;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use pb_core::journal::{JournalStore, Witness};
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// So long a server that is away is tried again; one that restarts is back by then.
const TRYING: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(250);

pub(super) struct Journal {
    place: Arc<Place>,
    run: String,
    state: Mutex<State>,
}

struct State {
    session: Session,
    /// How many lines are durable.
    done: u64,
}

impl Journal {
    pub(super) fn new(place: Arc<Place>, run: &str, session: Session, done: u64) -> Self {
        Self {
            place,
            run: run.to_owned(),
            state: Mutex::new(State { session, done }),
        }
    }

    /// Adds lines, also over a connection that breaks.
    async fn add(&self, lines: &[&str]) -> io::Result<()> {
        let mut state = self.state.lock().await;
        let began = Instant::now();
        let mut added = tables::append(&state.session, &self.run, state.done, lines).await;
        while let Err(trouble) = &added
            && (trouble.is_lost() || matches!(trouble, Trouble::NoSession(_)))
            && began.elapsed() < TRYING
        {
            tokio::time::sleep(PAUSE).await;
            added = self.again(&mut state, lines).await;
        }
        added
            .map_err(|trouble| io::Error::other(self.place.refused(trouble).because.join(": ")))?;
        state.done += lines.len() as u64;
        Ok(())
    }

    /// A new session, with the lock; the lines may have come in with the last one, whole or not at all.
    async fn again(&self, state: &mut State, lines: &[&str]) -> Result<(), Trouble> {
        let session = self.place.session("journal").await?;
        if !lock_of_run(&self.run).take(&session).await? {
            // The server may not have noticed yet that the last session is gone.
            return Err(Trouble::Lost {
                why: "another process has the run".into(),
            });
        }
        let there = tables::lines(&session, &self.run, state.done).await?;
        if there.is_empty() {
            tables::append(&session, &self.run, state.done, lines).await?;
        } else if there != lines {
            return Err(Trouble::Ours(Box::new(pb_core::Failure::new(
                &pb_core::code::JOURNAL,
                "another process has written to the run",
            ))));
        }
        state.session = session;
        Ok(())
    }
}

impl JournalStore for Journal {
    fn append<'a>(&'a self, lines: &'a [u8]) -> BoxFuture<'a, io::Result<()>> {
        async move {
            let text = std::str::from_utf8(lines).map_err(io::Error::other)?;
            let lines: Vec<&str> = text.lines().collect();
            self.add(&lines).await
        }
        .boxed()
    }

    fn note_witness<'a>(&'a self, witness: &'a Witness) -> BoxFuture<'a, io::Result<()>> {
        async move {
            let state = self.state.lock().await;
            let noted = tables::note(&state.session, &self.run, witness).await;
            noted.map_err(|trouble| io::Error::other(self.place.refused(trouble).message))
        }
        .boxed()
    }
}

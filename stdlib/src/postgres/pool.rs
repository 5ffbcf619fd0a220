//! Sessions that nobody uses at the moment, by handle.

use super::config::PostgresConfig;
use super::connect::connect;
use super::endpoint::Endpoint;
use super::obstacle::Obstacle;
use super::session::{Limits, Session};
use super::trouble::Trouble;
use pb_core::{Handle, Readers};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// So many wait for their next use; a fan-out makes more while it runs, and closes them.
const KEPT: usize = 4;
/// PostgreSQL cuts longer names, and with them the step.
const LONGEST_NAME: usize = 63;

#[derive(Default)]
pub(crate) struct Pool {
    idle: Mutex<HashMap<String, Vec<Session>>>,
}

impl Pool {
    /// A session on the handle's database, in the name of the step that is running.
    pub(crate) async fn take(
        &self,
        read: &Readers,
        handle: &Handle,
        limits: Limits,
    ) -> Result<Session, Trouble> {
        let name = session_name(read);
        while let Some(mut session) = self.pop(handle) {
            match session.prepare_for(&name, limits).await {
                Ok(()) => return Ok(session),
                // The server went away while nobody used it: all that were made before are as dead.
                Err(trouble) if trouble.is_lost() => {}
                Err(trouble) => return Err(trouble),
            }
        }
        self.fresh(read, handle, limits, Duration::MAX).await
    }

    /// A session that was just made, within `limit`.
    pub(crate) async fn fresh(
        &self,
        read: &Readers,
        handle: &Handle,
        limits: Limits,
        limit: Duration,
    ) -> Result<Session, Trouble> {
        let config = |failure| Obstacle::Config(Box::new(failure));
        let table = PostgresConfig::of(&handle.config).map_err(config)?;
        let endpoint = Endpoint::of(&table, read.vault()).map_err(config)?;
        let connected = connect(&endpoint, limit).await?;
        Session::begin(connected, &session_name(read), limits).await
    }

    /// Takes back a session that stands outside of any transaction.
    pub(crate) fn give_back(&self, handle: &Handle, session: Session) {
        if !session.is_usable() {
            return;
        }
        let mut idle = self.idle();
        let kept = idle.entry(key(handle)).or_default();
        if kept.len() < KEPT {
            kept.push(session);
        }
    }

    fn pop(&self, handle: &Handle) -> Option<Session> {
        let mut idle = self.idle();
        let sessions = idle.get_mut(&key(handle))?;
        sessions.retain(Session::is_usable);
        sessions.pop()
    }

    fn idle(&self) -> MutexGuard<'_, HashMap<String, Vec<Session>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The same table means the same database, whatever it is called.
pub(crate) fn key(handle: &Handle) -> String {
    serde_json::Value::Object(handle.config.clone()).to_string()
}

/// `pb/<run>/<step>`, by which the server's statements are found.
fn session_name(read: &Readers) -> String {
    let mut name = format!("pb/{}/{}", read.run(), read.seq());
    let mut end = name.len().min(LONGEST_NAME);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    name.truncate(end);
    name
}

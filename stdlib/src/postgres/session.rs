//! One connection in use: every wait on it ends, and what is given up half-way is cancelled on the server.

use super::connect::{Canceller, Connected};
use super::trouble::Trouble;
use futures_util::future::join;
use futures_util::{StreamExt, TryStreamExt, pin_mut};
use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::task::AbortHandle;
use tokio::time::timeout;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Row, SimpleQueryMessage};

/// What the server takes off its own limits before ours ends the wait.
const GRACE: Duration = Duration::from_secs(5);
/// How long a cancelled statement may take to end.
const LAST_WORD: Duration = Duration::from_secs(2);

/// How long the statements of a session may wait and run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    /// For a lock; zero is for ever.
    pub(crate) lock: Duration,
    /// In all.
    pub(crate) statement: Duration,
}

/// A connection that one caller at a time uses.
pub(crate) struct Session {
    client: Client,
    wire: AbortHandle,
    canceller: Canceller,
    /// Such as 15.
    pub(crate) version: u32,
    /// Of the server's process.
    pub(crate) pid: i32,
    name: String,
    limits: Limits,
    /// Statements that were sent and not answered; given up half-way, nobody can use the session again.
    unanswered: AtomicU32,
}

impl Session {
    /// Begins to use a connection that was just made.
    pub(crate) async fn begin(
        connected: Connected,
        name: &str,
        limits: Limits,
    ) -> Result<Self, Trouble> {
        let Connected {
            client,
            wire,
            version,
            canceller,
        } = connected;
        let wire = tokio::spawn(wire).abort_handle();
        let unanswered = AtomicU32::new(0);
        let mut session = Self {
            client,
            wire,
            canceller,
            version,
            pid: 0,
            name: String::new(),
            limits,
            unanswered,
        };
        session.prepare_for(name, limits).await?;
        let row = session.rows("SELECT pg_backend_pid()", &[]).await?;
        session.pid = row.first().map_or(0, |row| row.get(0));
        Ok(session)
    }

    /// Forgets what an earlier user of the session set and held, and takes a name and limits.
    pub(crate) async fn prepare_for(&mut self, name: &str, limits: Limits) -> Result<(), Trouble> {
        (self.name, self.limits) = (name.to_owned(), limits);
        // Not DISCARD ALL: it would take away statements that the library remembers.
        self.set("CLOSE ALL; DISCARD TEMP; SELECT pg_advisory_unlock_all()")
            .await
    }

    /// Takes other limits, which `reset` makes known to the server.
    pub(crate) fn limit(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// Forgets what was set, not what is held, and takes a search path.
    pub(crate) async fn reset(&self, search_path: &str) -> Result<(), Trouble> {
        self.set(&format!("SET search_path = {search_path}")).await
    }

    async fn set(&self, more: &str) -> Result<(), Trouble> {
        let settings = format!(
            "RESET SESSION AUTHORIZATION; RESET ALL; {more}; \
             SET application_name = '{}'; SET standard_conforming_strings = on; \
             SET lock_timeout = {}; SET statement_timeout = {}; \
             SET idle_in_transaction_session_timeout = 60000",
            self.name.replace('\'', "''"),
            self.limits.lock.as_millis(),
            self.limits.statement.as_millis(),
        );
        let noticing = self.notice_lost_clients(Some(Duration::from_secs(2)));
        let (set, noticed) = join(self.run(&settings), noticing).await;
        set?;
        noticed
    }

    /// Lets the server look every so often whether we are still there while it works; `None`: not at all.
    pub(crate) async fn notice_lost_clients(&self, every: Option<Duration>) -> Result<(), Trouble> {
        if self.version < 14 {
            return Ok(());
        }
        let millis = every.unwrap_or_default().as_millis();
        match self
            .run(&format!("SET client_connection_check_interval = {millis}"))
            .await
        {
            // Servers on some systems cannot look.
            Err(Trouble::Refused(_)) => Ok(()),
            other => other.map(drop),
        }
    }

    /// Sends a text as it is, with any number of statements in it; gives the sum of the rows affected.
    pub(crate) async fn run(&self, sql: &str) -> Result<u64, Trouble> {
        self.answered(async {
            let answers = self.client.simple_query_raw(sql).await?;
            pin_mut!(answers);
            let mut rows = 0;
            while let Some(answer) = answers.next().await {
                if let SimpleQueryMessage::CommandComplete(n) = answer? {
                    rows += n;
                }
            }
            Ok(rows)
        })
        .await
    }

    /// The rows of one statement of our own, with parameters of known types.
    pub(crate) async fn rows(
        &self,
        sql: &str,
        params: &[(&(dyn ToSql + Sync), Type)],
    ) -> Result<Vec<Row>, Trouble> {
        self.answered(self.client.query_typed(sql, params)).await
    }

    /// The types that the server finds for the parameters of a statement.
    pub(crate) async fn prepare(&self, sql: &str) -> Result<tokio_postgres::Statement, Trouble> {
        self.answered(self.client.prepare(sql)).await
    }

    /// The rows of a prepared statement.
    pub(crate) async fn rows_of(
        &self,
        statement: &tokio_postgres::Statement,
        params: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, Trouble> {
        self.answered(self.client.query(statement, params)).await
    }

    /// Runs a prepared statement; gives the rows affected.
    pub(crate) async fn execute(
        &self,
        statement: &tokio_postgres::Statement,
        params: &[&(dyn ToSql + Sync)],
    ) -> Result<u64, Trouble> {
        self.answered(async {
            let rows = self
                .client
                .query_raw(statement, params.iter().copied())
                .await?;
            pin_mut!(rows);
            while rows.try_next().await?.is_some() {}
            Ok(rows.rows_affected().unwrap_or(0))
        })
        .await
    }

    /// Whether another statement can be sent.
    pub(crate) fn is_usable(&self) -> bool {
        self.unanswered.load(Ordering::SeqCst) == 0 && !self.client.is_closed()
    }

    /// Waits for the answer within our own limit: the library has none, and a server may be gone without a word.
    async fn answered<T>(
        &self,
        work: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<T, Trouble> {
        let mut work = pin!(work);
        self.unanswered.fetch_add(1, Ordering::SeqCst);
        let limit = match self.limits.statement {
            Duration::ZERO => Duration::MAX,
            statement => statement + GRACE,
        };
        let result = match timeout(limit, &mut work).await {
            Ok(result) => result,
            Err(_) => {
                self.canceller.cancel().await;
                match timeout(LAST_WORD, &mut work).await {
                    Ok(result) => result,
                    // It stays counted as unanswered: nobody uses the session again.
                    Err(_) => return Err(Trouble::Silent { after: limit }),
                }
            }
        };
        let result = result.map_err(Trouble::of);
        // After anything but a refusal the two sides no longer agree on what comes next.
        if matches!(result, Ok(_) | Err(Trouble::Refused(_))) {
            self.unanswered.fetch_sub(1, Ordering::SeqCst);
        }
        result
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if self.unanswered.load(Ordering::SeqCst) == 0 {
            return;
        }
        // Closing the connection alone would leave the statement running until the server looks for us.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let canceller = self.canceller.clone();
            drop(runtime.spawn(async move { canceller.cancel().await }));
        }
        self.wire.abort();
    }
}

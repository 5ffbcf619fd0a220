//! Where a migration runs: the database, the schema and the limits.

use super::Args;
use super::action::Action;
use super::history::{self, OWN_ROLE, Row, RowState};
use super::lock;
use crate::postgres::commit::{Xid, commit, xid};
use crate::postgres::driver::Writer;
use crate::postgres::refusal::{Met, Sent};
use crate::postgres::session::{Limits, Session};
use crate::postgres::trouble::Trouble;
use futures_util::future::BoxFuture;
use pb_core::{Failure, Handle, Readers, Result, code};
use std::time::Duration;
use tokio_postgres::types::{ToSql, Type};

/// What errors name where no statement of a file is to blame.
pub(crate) const BOOKKEEPING: &str = "the bookkeeping of pb";
/// How often the server looks for us while it works.
pub(crate) const NOTICE: Duration = Duration::from_secs(2);
/// Longest pause before a file is tried again.
const LONGEST_PAUSE: Duration = Duration::from_secs(3);

/// What every part of a migration needs to know.
pub(crate) struct Site<'a> {
    pub(crate) writer: &'a Writer,
    pub(crate) read: &'a Readers,
    pub(crate) args: &'a Args,
}

impl<'a> Site<'a> {
    pub(crate) fn handle(&self) -> &'a Handle {
        &self.args.db.0
    }

    pub(crate) fn limits(&self) -> Limits {
        Limits {
            lock: self.args.lock_timeout.0,
            statement: self.args.statement_timeout.0,
        }
    }

    /// Where names without a schema are looked for while a file runs.
    pub(crate) fn search_path(&self) -> String {
        match self.args.schema.as_str() {
            "public" => "public".into(),
            _ => format!("{}, public", self.args.schema.quoted()),
        }
    }

    /// Time since the run began.
    pub(crate) fn elapsed(&self) -> Duration {
        self.read.clock().elapsed()
    }

    pub(crate) async fn sleep(&self, time: Duration) {
        self.read.clock().sleep(time).await;
    }

    /// Begins a transaction, and makes sure that the lock of the schema is ours in it.
    pub(crate) async fn begin(&self, session: &Session) -> std::result::Result<(), Trouble> {
        self.writer.begin(session, self.read, self.handle()).await?;
        if lock::lock(&self.args.schema).is_ours(session).await? {
            return Ok(());
        }
        let message = format!("the lock of the schema `{}` was lost", self.args.schema);
        let failure = Failure::new(&code::POOLER, message)
            .because("the server's process is another one than a moment ago")
            .hint("name the server itself in `pb.toml`, not a pooler in transaction mode");
        Err(Trouble::Ours(Box::new(failure)))
    }

    /// All rows of the schema; none before the first migration.
    pub(crate) async fn rows(
        &self,
        session: &Session,
    ) -> std::result::Result<Option<Vec<Row>>, Trouble> {
        let (schema, table) = (self.args.schema.quoted(), history::table(&self.args.schema));
        let found = session
            .rows(
                history::EXISTS,
                &[(&schema, Type::TEXT), (&table, Type::TEXT)],
            )
            .await?;
        if !found.first().is_some_and(|row| row.get(1)) {
            return Ok(None);
        }
        let rows = session
            .rows(&history::select(&self.args.schema), &[])
            .await?;
        let rows: Result<Vec<Row>> = rows.iter().map(Row::of).collect();
        rows.map(Some)
            .map_err(|failure| Trouble::Ours(Box::new(failure)))
    }

    /// Makes the table in the session's transaction.
    pub(crate) async fn create_table(&self, session: &Session) -> std::result::Result<(), Trouble> {
        session
            .run(&history::create(&self.args.schema))
            .await
            .map(drop)
    }

    /// Notes in the session's transaction how far a migration came.
    pub(crate) async fn note(
        &self,
        session: &Session,
        action: &Action,
        mark: Mark,
    ) -> std::result::Result<(), Trouble> {
        session.run(OWN_ROLE).await?;
        let Action {
            version,
            name,
            checksum,
            ..
        } = action;
        let key: [(&(dyn ToSql + Sync), Type); 2] = [(version, Type::TEXT), (name, Type::TEXT)];
        let (state, step, ms) = match mark {
            Mark::Gone => {
                let remove = history::remove(&self.args.schema);
                return session.rows(&remove, &key).await.map(drop);
            }
            Mark::At(state, step) => (state, step, None),
            Mark::Applied { steps, took } => (RowState::Applied, steps, Some(took.as_millis())),
        };
        let step = i32::try_from(step).unwrap_or(i32::MAX);
        let ms = ms.map(|ms| i64::try_from(ms).unwrap_or(i64::MAX));
        let (state, run) = (state.word(), self.read.run());
        let [version, name] = key;
        let params = [
            version,
            name,
            (checksum, Type::TEXT),
            (&state, Type::TEXT),
            (&step, Type::INT4),
            (&run, Type::TEXT),
            (&ms, Type::INT8),
        ];
        session
            .rows(&history::write(&self.args.schema), &params)
            .await
            .map(drop)
    }

    /// Does a transaction, again from its beginning while it loses against other sessions, until `retry_for` is spent.
    pub(crate) async fn transaction<'w, 't>(
        &self,
        session: &Session,
        what: &str,
        work: impl Fn() -> BoxFuture<'w, std::result::Result<(), Met<'t>>> + Send + Sync,
    ) -> Result<Attempts> {
        let began = self.elapsed();
        let mut attempts = 1;
        let mut holders = vec![];
        loop {
            let ran = async {
                work().await?;
                let sent = Sent::ours("COMMIT");
                xid(session)
                    .await
                    .map_err(|trouble| Met::new(trouble, sent))
            };
            let mut met = match ran.await {
                Ok(xid) => {
                    self.commit(session, &xid).await?;
                    return Ok(Attempts(attempts));
                }
                Err(met) => met,
            };
            if !met.trouble.is_lost() {
                // Where this fails the next statement tells.
                drop(session.run("ROLLBACK").await);
            }
            if !met.holders.is_empty() {
                holders = std::mem::take(&mut met.holders);
            }
            let spent = self.elapsed().saturating_sub(began);
            let may_pass = matches!(met.trouble.sqlstate(), Some("55P03" | "40P01" | "40001"))
                || met.trouble.is_catalogue_race();
            if !may_pass || spent >= self.args.retry_for.0 {
                met.holders = holders;
                let failure = met.into_failure();
                return Err(match may_pass {
                    true => failure
                        .because(format!(
                            "tried {attempts} times within {}",
                            self.args.retry_for
                        ))
                        .with("attempts", attempts),
                    false => failure,
                });
            }
            self.read
                .progress(format!("{what}: {}, trying again", short(&met)));
            self.sleep(self.pause(attempts)).await;
            attempts += 1;
        }
    }

    async fn commit(&self, session: &Session, xid: &Xid) -> Result<()> {
        commit(self.writer, self.read, self.handle(), session, xid).await
    }

    /// Longer each time, and never the same for two that met: full jitter.
    fn pause(&self, attempts: u32) -> Duration {
        let longest = Duration::from_millis(100 << attempts.min(6)).min(LONGEST_PAUSE);
        let millis = u64::try_from(longest.as_millis()).unwrap_or(u64::MAX);
        Duration::from_millis(10 + self.read.random_below(millis))
    }
}

fn short(met: &Met<'_>) -> &'static str {
    match met.trouble.sqlstate() {
        Some("55P03") => "a lock was not free",
        Some("40P01") => "a deadlock",
        _ => "another transaction came first",
    }
}

/// How often a transaction was begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Attempts(pub(crate) u32);

/// What a row says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    /// So many statements are done.
    At(RowState, usize),
    /// All is done.
    Applied { steps: usize, took: Duration },
    /// There is none.
    Gone,
}

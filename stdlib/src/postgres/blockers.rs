//! Who stands in the way of a statement that waits for a lock, seen from a second session.

use super::driver::{LOOK, Writer};
use super::session::Session;
use crate::outside_text::one_line;
use futures_util::future::{Either, select};
use pb_core::{Failure, Handle, Readers, Span};
use std::future::Future;
use std::pin::pin;
use std::time::Duration;
use tokio::time::{sleep, timeout};
use tokio_postgres::Row;
use tokio_postgres::types::Type;

/// Most statements wait for nobody; the others are looked at before a short `lock_timeout` ends them.
const FIRST_LOOK: Duration = Duration::from_millis(60);
const NEXT_LOOK: Duration = Duration::from_millis(150);
/// A look that takes longer is given up: it must not hold up the statement.
const LONGEST_LOOK: Duration = Duration::from_secs(1);
/// So much of what a holder runs is shown.
const LONGEST_QUERY: usize = 120;
/// So many are named.
const NAMED: usize = 5;

/// A session that holds what another one waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Holder {
    /// 0 for a prepared transaction, which has no session.
    pub(crate) pid: i32,
    pub(crate) application: String,
    user: String,
    query: String,
    state: String,
    /// Since its transaction began, in seconds.
    pub(crate) age: i64,
}

/// The columns of `Holder::of`, from `pg_stat_activity a`.
pub(crate) const COLUMNS: &str = "\
    coalesce(a.application_name, ''), coalesce(a.usename::text, ''), coalesce(left(a.query, 200), ''), \
    coalesce(a.state, ''), \
    coalesce(extract(epoch FROM clock_timestamp() - coalesce(a.xact_start, a.query_start)), 0)::int8";

impl Holder {
    /// Reads a process id and `COLUMNS`.
    pub(crate) fn of(row: &Row) -> Self {
        Self {
            pid: row.get(0),
            application: row.get(1),
            user: row.get(2),
            query: row.get(3),
            state: row.get(4),
            age: row.get(5),
        }
    }

    /// As errors name it.
    pub(crate) fn line(&self) -> String {
        let Self {
            pid,
            application,
            user,
            query,
            state,
            age,
        } = self;
        if *pid == 0 {
            return "a prepared transaction holds the lock; `pg_prepared_xacts` lists them".into();
        }
        let who = match application.as_str() {
            "" => user.clone(),
            application => format!("{application}, user {user}"),
        };
        let age = Span::seconds(u64::try_from(*age).unwrap_or(0));
        let query = one_line(query, LONGEST_QUERY);
        format!("process {pid} ({who}) has been at it for {age}, {state}: `{query}`")
    }
}

/// Adds to an error who stands in the way, and what ends it.
pub(crate) fn named(failure: Failure, holders: &[Holder]) -> Failure {
    let pids: Vec<i32> = holders.iter().map(|holder| holder.pid).collect();
    let failure = holders
        .iter()
        .take(NAMED)
        .fold(failure, |failure, holder| failure.because(holder.line()))
        .with("blockers", pids.clone());
    match pids.first() {
        Some(pid) if *pid != 0 => failure.hint(format!(
            "wait for it, or end it: `SELECT pg_terminate_backend({pid})`"
        )),
        _ => failure,
    }
}

/// Does the work of a session and looks meanwhile who blocks it; gives both, the latest holders seen.
pub(crate) async fn watched<T>(
    writer: &Writer,
    read: &Readers,
    handle: &Handle,
    pid: i32,
    work: impl Future<Output = T>,
) -> (T, Vec<Holder>) {
    let mut work = pin!(work);
    let mut seen = vec![];
    let mut second: Option<Session> = None;
    let mut pause = FIRST_LOOK;
    loop {
        let nap = pin!(sleep(pause));
        let done = match select(&mut work, nap).await {
            Either::Left((done, _)) => done,
            Either::Right(_) => {
                pause = NEXT_LOOK;
                let look = look(writer, read, handle, pid, second.take());
                if let Ok(Some((session, holders))) = timeout(LONGEST_LOOK, look).await {
                    second = Some(session);
                    if !holders.is_empty() {
                        read.progress(format!("waiting for a lock: {}", holders[0].line()));
                        seen = holders;
                    }
                }
                continue;
            }
        };
        if let Some(session) = second {
            writer.give_back(handle, session);
        }
        return (done, seen);
    }
}

async fn look(
    writer: &Writer,
    read: &Readers,
    handle: &Handle,
    pid: i32,
    second: Option<Session>,
) -> Option<(Session, Vec<Holder>)> {
    let session = match second {
        Some(session) => session,
        None => writer.session(read, handle, LOOK).await.ok()?,
    };
    let sql = format!(
        "SELECT b.pid, {COLUMNS} \
         FROM (SELECT DISTINCT unnest(pg_blocking_pids($1)) AS pid) b \
         LEFT JOIN pg_stat_activity a ON a.pid = b.pid ORDER BY a.xact_start NULLS LAST"
    );
    let rows = session.rows(&sql, &[(&pid, Type::INT4)]).await.ok()?;
    Some((session, rows.iter().map(Holder::of).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use pb_core::code;

    fn holder(pid: i32, application: &str) -> Holder {
        Holder {
            pid,
            application: application.into(),
            user: "shop".into(),
            query: "LOCK TABLE\n  orders".into(),
            state: "idle in transaction".into(),
            age: 90,
        }
    }

    #[test]
    fn holders_are_named_with_what_ends_them() {
        let failure = Failure::new(&code::LOCK_TIMEOUT, "a lock was not free in time");
        let failure = named(failure, &[holder(7, "psql"), holder(8, ""), holder(0, "")]);
        assert_eq!(
            failure.because,
            [
                "process 7 (psql, user shop) has been at it for 90s, idle in transaction: `LOCK TABLE orders`",
                "process 8 (shop) has been at it for 90s, idle in transaction: `LOCK TABLE orders`",
                "a prepared transaction holds the lock; `pg_prepared_xacts` lists them",
            ]
        );
        assert_eq!(
            failure.hint.as_deref(),
            Some("wait for it, or end it: `SELECT pg_terminate_backend(7)`")
        );
    }
}

//! The row that says which run has the database: `pb.lease`, one for each database.

use crate::outside_text::one_line;
use crate::postgres::advisory::{Advisory, HELD};
use crate::postgres::session::Session;
use crate::postgres::trouble::Trouble;
use pb_core::Holder;
use tokio_postgres::Row;
use tokio_postgres::types::Type;

/// Of the advisory lock that stands for the life of the process that has the row. An older pb must still exclude a newer
/// one: it never changes.
pub(super) const LOCK: Advisory = Advisory(i64::from_be_bytes(*b"pb lease"));

/// Made by whoever has the lock, so no two make it at the same time. `epoch` counts the takings.
pub(super) const CREATE: &str = "\
    CREATE SCHEMA IF NOT EXISTS pb; \
    CREATE TABLE IF NOT EXISTS pb.lease (\
        one boolean PRIMARY KEY DEFAULT true CHECK (one), \
        epoch bigint NOT NULL, \
        run text NOT NULL, \
        playbook text NOT NULL, \
        env text NOT NULL, \
        by text NOT NULL, \
        host text NOT NULL, \
        pid bigint NOT NULL, \
        journal text NOT NULL, \
        since timestamptz NOT NULL, \
        ended timestamptz)";

const EXISTS: &str = "SELECT to_regclass('pb.lease') IS NOT NULL";

const SELECT: &str = "\
    SELECT epoch, run, playbook, by, host, pid, journal, ended IS NOT NULL, \
           to_char(since AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') || ' UTC', \
           extract(epoch FROM clock_timestamp() - since)::int8 \
    FROM pb.lease";

const TAKE: &str = "\
    INSERT INTO pb.lease AS l (epoch, run, playbook, env, by, host, pid, journal, since) \
    VALUES (1, $1, $2, $3, $4, $5, $6, $7, clock_timestamp()) \
    ON CONFLICT (one) DO UPDATE SET epoch = l.epoch + 1, run = EXCLUDED.run, playbook = EXCLUDED.playbook, \
        env = EXCLUDED.env, by = EXCLUDED.by, host = EXCLUDED.host, pid = EXCLUDED.pid, journal = EXCLUDED.journal, \
        since = EXCLUDED.since, ended = NULL \
    RETURNING epoch";

const END_SESSIONS: &str = "\
    SELECT pid FROM pg_stat_activity \
    WHERE application_name LIKE $1 AND pid <> pg_backend_pid() AND datname = current_database() \
      AND pg_terminate_backend(pid)";

const ALIVE: &str = "SELECT FROM pg_stat_activity WHERE pid = ANY ($1) LIMIT 1";

/// A run that has the database, or had it last.
#[derive(Debug, Clone)]
pub(super) struct Lessee {
    pub(super) epoch: i64,
    pub(super) run: String,
    playbook: String,
    by: String,
    host: String,
    pid: i64,
    journal: String,
    pub(super) ended: bool,
    since: String,
    age: i64,
}

/// The session that stands for the life of a run.
#[derive(Debug, Clone)]
pub(super) struct Busy {
    pub(super) pid: i32,
    /// The run, as the session's name tells it.
    pub(super) run: Option<String>,
    /// What the run's sessions do.
    doing: Option<String>,
}

impl Lessee {
    fn of(row: &Row) -> Self {
        Self {
            epoch: row.get(0),
            run: row.get(1),
            playbook: row.get(2),
            by: row.get(3),
            host: row.get(4),
            pid: row.get(5),
            journal: row.get(6),
            ended: row.get(7),
            since: row.get(8),
            age: row.get(9),
        }
    }

    /// Who it is, in one line.
    pub(super) fn line(&self) -> String {
        let Self {
            run,
            playbook,
            by,
            host,
            pid,
            since,
            age,
            ..
        } = self;
        format!(
            "run {run} of {playbook}, by {by} on {host} (pid {pid}), since {since} ({age} s ago)"
        )
    }

    /// Where it goes on.
    pub(super) fn journal(&self) -> String {
        format!("its journal is on {} in {}", self.host, self.journal)
    }

    pub(super) fn host(&self) -> &str {
        &self.host
    }
}

impl Busy {
    fn of(row: &Row) -> Self {
        let part = |name: &str, n: usize| name.split('/').nth(n).map(ToOwned::to_owned);
        let name: String = row.get(1);
        let (query, worker): (Option<String>, Option<String>) = (row.get(3), row.get(4));
        let seconds: i64 = row.get(2);
        let doing = query.map(|query| {
            let step = worker.and_then(|name| part(&name, 2)).unwrap_or_default();
            format!("at step {step} for {seconds} s: {}", one_line(&query, 120))
        });
        let run = name.starts_with("pb/").then(|| part(&name, 1)).flatten();
        Self {
            pid: row.get(0),
            run,
            doing,
        }
    }

    /// What it does, where that can be seen.
    pub(super) fn doing(&self) -> Option<&str> {
        self.doing.as_deref()
    }
}

/// Whose lock it is, with what they do at the moment; nobody's when it was given up this moment.
pub(super) async fn busy(session: &Session) -> Result<Option<Busy>, Trouble> {
    let sql = format!(
        "SELECT l.pid, a.application_name, coalesce(extract(epoch FROM clock_timestamp() - w.query_start), 0)::int8, \
                w.query, w.application_name \
         FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid \
         LEFT JOIN LATERAL (SELECT * FROM pg_stat_activity s \
             WHERE s.datname = a.datname AND s.state <> 'idle' AND s.application_name LIKE \
                   split_part(a.application_name, '/', 1) || '/' || split_part(a.application_name, '/', 2) || '/%' \
             ORDER BY s.query_start LIMIT 1) w ON true \
         WHERE {HELD}"
    );
    let rows = session.rows(&sql, &LOCK.params()).await?;
    Ok(rows.first().map(Busy::of))
}

/// The run that has the database or had it last; none before the first.
pub(super) async fn lessee(session: &Session) -> Result<Option<Lessee>, Trouble> {
    let found = session.rows(EXISTS, &[]).await?;
    if !found.first().is_some_and(|row| row.get(0)) {
        return Ok(None);
    }
    Ok(session.rows(SELECT, &[]).await?.first().map(Lessee::of))
}

/// Whether the server is a standby: nobody can change anything there.
pub(super) async fn is_standby(session: &Session) -> Result<bool, Trouble> {
    let rows = session.rows("SELECT pg_is_in_recovery()", &[]).await?;
    Ok(rows.first().is_some_and(|row| row.get(0)))
}

/// Writes the run down, which makes every older epoch void.
pub(super) async fn take(session: &Session, run: &str, holder: &Holder) -> Result<i64, Trouble> {
    let pid = i64::from(holder.pid);
    let rows = session
        .rows(
            TAKE,
            &[
                (&run, Type::TEXT),
                (&holder.playbook, Type::TEXT),
                (&holder.env, Type::TEXT),
                (&holder.by, Type::TEXT),
                (&holder.host, Type::TEXT),
                (&pid, Type::INT8),
                (&holder.journal, Type::TEXT),
            ],
        )
        .await?;
    Ok(rows.first().map_or(0, |row| row.get(0)))
}

/// Whether the row is still of that epoch.
pub(super) async fn is_at(session: &Session, epoch: i64) -> Result<bool, Trouble> {
    let sql = "SELECT FROM pb.lease WHERE epoch = $1";
    let rows = session.rows(sql, &[(&epoch, Type::INT8)]).await?;
    Ok(!rows.is_empty())
}

/// The same, so that nobody takes the row before the session's transaction ends.
pub(super) async fn stays_at(session: &Session, epoch: i64) -> Result<bool, Trouble> {
    let sql = "SELECT FROM pb.lease WHERE epoch = $1 FOR SHARE";
    let rows = session.rows(sql, &[(&epoch, Type::INT8)]).await?;
    Ok(!rows.is_empty())
}

/// Notes that the run has ended, and frees the lock.
pub(super) async fn end(session: &Session, epoch: i64) -> Result<(), Trouble> {
    let sql = "UPDATE pb.lease SET ended = clock_timestamp() WHERE epoch = $1";
    session.rows(sql, &[(&epoch, Type::INT8)]).await?;
    LOCK.free(session).await
}

/// Tells the sessions of a run to end.
pub(super) async fn end_sessions(session: &Session, run: &str) -> Result<Vec<i32>, Trouble> {
    let sessions = format!("pb/{run}/%");
    let ended = session
        .rows(END_SESSIONS, &[(&sessions, Type::TEXT)])
        .await?;
    Ok(ended.iter().map(|row| row.get(0)).collect())
}

/// Whether one of the sessions is still there.
pub(super) async fn lives(session: &Session, pids: &[i32]) -> Result<bool, Trouble> {
    let rows = session.rows(ALIVE, &[(&pids, Type::INT4_ARRAY)]).await?;
    Ok(!rows.is_empty())
}

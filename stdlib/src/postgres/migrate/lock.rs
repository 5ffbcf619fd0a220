//! One migration of a schema at a time: an advisory lock on the very session that runs the statements.
//!
//! It is polled. Whoever waits in `pg_advisory_lock` keeps a snapshot, CREATE INDEX CONCURRENTLY waits for the snapshot,
//! and PostgreSQL ends one of the two as a deadlock.

use super::Args;
use super::site::Site;
use crate::postgres::advisory::{Advisory, HELD};
use crate::postgres::blockers::{COLUMNS, Holder, named};
use crate::postgres::driver::{LOOK, Postgres};
use crate::postgres::ident::Ident;
use crate::postgres::pool;
use crate::postgres::refusal::Sent;
use crate::postgres::session::Session;
use crate::postgres::trouble::Trouble;
use pb_core::{Failure, Handle, Readers, Result, code};
use std::sync::PoisonError;
use std::time::Duration;

/// Between two tries, and as much again by chance.
const PAUSE: Duration = Duration::from_millis(100);

/// A session that holds the lock of the schema: the one that this process kept since its last file, or a new one.
///
/// # Errors
/// `PB0333` when it is not free within `retry_for`, with who holds it.
pub(crate) async fn acquire(site: &Site<'_>) -> Result<Session> {
    if let Some(session) = kept(site)
        && lock(&site.args.schema)
            .is_ours(&session)
            .await
            .unwrap_or(false)
    {
        return Ok(session);
    }
    let told =
        |trouble: Trouble| trouble.into_failure(&Sent::ours("SELECT pg_try_advisory_lock($1)"));
    let session = site
        .writer
        .session(site.read, site.handle(), site.limits())
        .await;
    let session = session.map_err(told)?;
    let lock = lock(&site.args.schema);
    let began = site.elapsed();
    loop {
        if lock.take(&session).await.map_err(told)? {
            return Ok(session);
        }
        let holders = holders(&session, lock).await.map_err(told)?;
        let spent = site.elapsed().saturating_sub(began);
        // Another pb may have died over an index that the server goes on building: it is worth the wait.
        let builds = holders.iter().any(|(_, builds)| *builds);
        let limit = match builds {
            true => site.args.statement_timeout.0.max(site.args.retry_for.0),
            false => site.args.retry_for.0,
        };
        let holders: Vec<Holder> = holders.into_iter().map(|(holder, _)| holder).collect();
        // Nobody holds what was freed between the two looks: a build that was waited for may have ended this moment.
        if spent >= limit && !holders.is_empty() {
            return Err(locked(site.args, &holders));
        }
        if let Some(holder) = holders.first() {
            site.read
                .progress(format!("waiting for another migration: {}", holder.line()));
        }
        let pause = u64::try_from(PAUSE.as_millis()).unwrap_or(u64::MAX);
        site.sleep(PAUSE + Duration::from_millis(site.read.random_below(pause)))
            .await;
    }
}

/// Waits until nothing holds the lock that this run began and gave up: it may yet commit, after whoever undoes it has
/// looked.
///
/// # Errors
/// `PB0333` when it is not over within `retry_for`.
pub(crate) async fn quiet(read: &Readers, args: &Args) -> Result<()> {
    let reader = read.of::<Postgres>();
    let ours = format!("pb/{}/", read.run());
    let began = read.clock().elapsed();
    loop {
        // Each look begins anew: who is connected is seen as of the beginning of a transaction.
        let reading = reader.begin(read, &args.db.0, LOOK).await?;
        let rows = reading
            .rows(&select_holders(), &lock(&args.schema).params())
            .await;
        reading.end().await;
        let kept = reader.locked_pid(&place(&args.schema, &args.db.0));
        let holders: Vec<Holder> = rows?.iter().map(Holder::of).collect();
        let given_up =
            |holder: &&Holder| holder.application.starts_with(&ours) && Some(holder.pid) != kept;
        let Some(holder) = holders.iter().find(given_up) else {
            return Ok(());
        };
        if read.clock().elapsed().saturating_sub(began) >= args.retry_for.0 {
            return Err(locked(args, std::slice::from_ref(holder)));
        }
        read.progress(format!("waiting for what was given up: {}", holder.line()));
        read.clock().sleep(PAUSE).await;
    }
}

/// Keeps the lock for the next file of the same step.
pub(crate) fn keep(site: &Site<'_>, session: Session) {
    if session.is_usable() {
        let mut locked = site
            .writer
            .0
            .locked
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        locked.insert(place(&site.args.schema, site.handle()), session);
    }
}

/// Frees the lock.
pub(crate) async fn release(site: &Site<'_>, session: Session) {
    // A session that cannot say so is closed, which frees it as well.
    if lock(&site.args.schema).free(&session).await.is_ok() {
        site.writer.give_back(site.handle(), session);
    }
}

/// Who has the lock, and whether it builds an index.
async fn holders(
    session: &Session,
    lock: Advisory,
) -> std::result::Result<Vec<(Holder, bool)>, Trouble> {
    let rows = session.rows(&select_holders(), &lock.params()).await?;
    Ok(rows
        .iter()
        .map(|row| (Holder::of(row), row.get(6)))
        .collect())
}

fn select_holders() -> String {
    format!(
        "SELECT l.pid, {COLUMNS}, EXISTS (SELECT FROM pg_stat_progress_create_index p WHERE p.pid = l.pid) \
         FROM pg_locks l LEFT JOIN pg_stat_activity a ON a.pid = l.pid WHERE {HELD}"
    )
}

fn locked(args: &Args, holders: &[Holder]) -> Failure {
    let schema = &args.schema;
    let message = format!("another session migrates the schema `{schema}`");
    let failure = Failure::new(&code::MIGRATION_LOCKED, message)
        .because(format!("its lock was not free within {}", args.retry_for))
        .with("schema", schema.as_str())
        .retryable();
    named(failure, holders)
}

/// The lock of a schema.
pub(crate) fn lock(schema: &Ident) -> Advisory {
    Advisory::of(&format!("migrate {}", schema.as_str()))
}

fn kept(site: &Site<'_>) -> Option<Session> {
    let mut locked = site
        .writer
        .0
        .locked
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    locked
        .remove(&place(&site.args.schema, site.handle()))
        .filter(Session::is_usable)
}

fn place(schema: &Ident, handle: &Handle) -> String {
    format!("{} {}", schema.quoted(), pool::key(handle))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_never_changes() {
        let public = Ident::try_from("public".to_owned()).expect("a name");
        let other = Ident::try_from("Public".to_owned()).expect("a name");
        // An older pb must still exclude a newer one.
        assert_eq!(lock(&public), PUBLIC);
        assert_ne!(lock(&public), lock(&other));
    }

    const PUBLIC: Advisory = Advisory(4_135_469_774_278_440_251);
}

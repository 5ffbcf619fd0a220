//! One run at a time works on a database: a session that holds an advisory lock is the sign of its life, a row says which
//! run it is, and every transaction that changes something makes sure of the row first.
//!
//! The lock goes with the process. The row stays: a run that died has neither ended nor been undone. Whoever takes the row
//! raises its epoch, and a holder that was only asleep is refused by the server when it goes on.

mod table;

use super::driver::{LOOK, Shared, Writer};
use super::pool;
use super::refusal::Sent;
use super::session::Session;
use super::trouble::Trouble;
use pb_core::{Failure, Handle, Holder, Readers, Result, code};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use table::{Busy, LOCK, Lessee};

/// Between two tries, and as much again by chance.
const PAUSE: Duration = Duration::from_millis(100);
/// So often the server is asked whether the row is still ours.
const FRESH: Duration = Duration::from_secs(1);
/// What was ended is gone within a few looks; after so many the server is in trouble.
const LOOKS: u32 = 1000;
const SOON: Duration = Duration::from_millis(5);
/// So long a run that lost its session gives way to one that took the lock from it on purpose.
const AFTER_YOU: Duration = Duration::from_millis(300);

/// A database that a run of this process has taken.
pub(crate) struct Lease {
    session: tokio::sync::Mutex<Session>,
    pid: i32,
    epoch: i64,
    /// When the server said so last; `None` where it has to be asked.
    seen: Mutex<Option<Instant>>,
}

/// A machine that loses its power frees the lock after half a minute; without this the server believes in it for hours.
const ALIVE: &str =
    "SET tcp_keepalives_idle = 15; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3";

type Met<T> = std::result::Result<T, Trouble>;

/// Takes the database of a handle; `None` on a standby, which nobody can change.
pub(super) async fn hold(
    shared: &Shared,
    read: &Readers,
    handle: &Handle,
    holder: &Holder,
) -> Result<Option<u64>> {
    let told = |trouble: Trouble| told(trouble, handle);
    let session = shared.pool.fresh(read, handle, LOOK, Duration::MAX).await;
    let session = session.map_err(|trouble| trouble.into_failure(&Sent::ours("SELECT 1")))?;
    if table::is_standby(&session).await.map_err(told)? {
        return Ok(None);
    }
    session.run(ALIVE).await.map_err(told)?;
    let other = shared.pool.take(read, handle, LOOK).await.map_err(told)?;
    if other.pid == session.pid {
        return Err(pooled(handle));
    }
    shared.pool.give_back(handle, other);
    let began = read.clock().elapsed();
    let stolen = |busy: &Busy| busy.run.is_some() && busy.run == holder.steal;
    while !LOCK.take(&session).await.map_err(told)? {
        let Some(busy) = table::busy(&session).await.map_err(told)? else {
            continue;
        };
        // Another handle of the same database.
        if let Some(lease) = shared.leases.of_session(read.run(), &busy) {
            let epoch = lease.epoch;
            shared.leases.insert(read.run(), handle, lease);
            return Ok(u64::try_from(epoch).ok());
        }
        if stolen(&busy) {
            let run = busy.run.as_deref().unwrap_or_default();
            end_sessions(&session, read, run).await.map_err(told)?;
            continue;
        }
        let lessee = table::lessee(&session).await.map_err(told)?;
        let waited = read.clock().elapsed().saturating_sub(began);
        if waited >= holder.wait {
            return Err(locked(handle, lessee.as_ref(), &busy));
        }
        if let Some(lessee) = &lessee {
            read.progress(format!("waiting for {}", lessee.line()));
        }
        let chance = u64::try_from(PAUSE.as_millis()).unwrap_or(u64::MAX);
        let pause = PAUSE + Duration::from_millis(read.random_below(chance));
        read.clock().sleep(pause).await;
    }
    let epoch = take(&session, read, handle, holder).await?;
    let lease = Arc::new(Lease {
        pid: session.pid,
        session: tokio::sync::Mutex::new(session),
        epoch,
        seen: Mutex::new(Some(Instant::now())),
    });
    shared.leases.insert(read.run(), handle, lease);
    Ok(u64::try_from(epoch).ok())
}

/// Writes the run into the row, unless another one has yet to end.
async fn take(session: &Session, read: &Readers, handle: &Handle, holder: &Holder) -> Result<i64> {
    let told = |trouble: Trouble| told(trouble, handle);
    let run = read.run();
    match table::lessee(session).await.map_err(told)? {
        Some(lessee) if lessee.run == run => {}
        Some(lessee) if holder.had.contains(&handle.name) => {
            return Err(superseded(run, handle, &lessee));
        }
        Some(lessee) if !lessee.ended && !holder.takes_over(&lessee.run) => {
            return Err(unfinished(handle, &lessee));
        }
        // A session of it may have outlived its process, and would go on under our feet.
        Some(lessee) => end_sessions(session, read, &lessee.run)
            .await
            .map_err(told)?,
        None => session.run(table::CREATE).await.map(drop).map_err(told)?,
    }
    table::take(session, run, holder).await.map_err(told)
}

/// Ends the sessions that a run has now, and returns when they are gone. Its process may make new ones.
async fn end_sessions(session: &Session, read: &Readers, run: &str) -> Met<()> {
    let pids = table::end_sessions(session, run).await?;
    for _ in 0..LOOKS {
        if pids.is_empty() || !table::lives(session, &pids).await? {
            break;
        }
        read.progress(format!("ending what run {run} left on the server"));
        read.clock().sleep(SOON).await;
    }
    Ok(())
}

impl Lease {
    /// Makes sure that nobody has taken the row: asks when it was last asked a while ago, or when the session broke.
    ///
    /// # Errors
    /// `PB0022` when another run has.
    async fn check(&self, shared: &Shared, read: &Readers, handle: &Handle) -> Result<()> {
        let mut session = self.session.lock().await;
        if session.is_usable() && self.seen().is_some_and(|seen| seen.elapsed() < FRESH) {
            return Ok(());
        }
        let asked = match table::is_at(&session, self.epoch).await {
            Err(trouble) if trouble.is_lost() => match self.again(shared, read, handle).await {
                Ok(Some(fresh)) => {
                    *session = fresh;
                    Ok(true)
                }
                Ok(None) => Ok(false),
                Err(trouble) => Err(trouble),
            },
            asked => asked,
        };
        match asked {
            Ok(true) => {
                *self.seen() = Some(Instant::now());
                Ok(())
            }
            Ok(false) => Err(self.lost(&session, handle).await),
            // A server that is away takes no other run either; effects on itself are refused anyway.
            Err(_) => Ok(()),
        }
    }

    /// A new session with the lock; `None` when it is another run's by now.
    async fn again(
        &self,
        shared: &Shared,
        read: &Readers,
        handle: &Handle,
    ) -> Met<Option<Session>> {
        read.clock().sleep(AFTER_YOU).await;
        let session = shared.pool.fresh(read, handle, LOOK, LOOK.lock).await?;
        session.run(ALIVE).await?;
        let ours = LOCK.take(&session).await? && table::is_at(&session, self.epoch).await?;
        Ok(ours.then_some(session))
    }

    fn seen(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn lost(&self, session: &Session, handle: &Handle) -> Failure {
        let by = table::lessee(session).await.ok().flatten();
        lost(handle, by.as_ref().filter(|by| by.epoch > self.epoch))
    }
}

/// See `Lease::check`.
pub(super) async fn check(shared: &Shared, read: &Readers, handle: &Handle) -> Result<()> {
    match shared.leases.of(read.run(), handle) {
        Some(lease) => lease.check(shared, read, handle).await,
        None => Ok(()),
    }
}

/// Notes that the run has ended. Where that cannot be said the next run finds it unfinished, and a person lets it pass.
pub(super) async fn release(shared: &Shared, read: &Readers, handle: &Handle) {
    if let Some(lease) = shared.leases.remove(read.run(), handle) {
        let session = lease.session.lock().await;
        drop(table::end(&session, lease.epoch).await);
    }
}

impl Writer {
    /// Begins a transaction that the server refuses once another run has the database.
    pub(crate) async fn begin(
        &self,
        session: &Session,
        read: &Readers,
        handle: &Handle,
    ) -> Met<()> {
        session.run("BEGIN").await?;
        self.fence(session, read, handle).await
    }

    /// Makes sure that no other run has the database: until the end of the transaction, or for this moment outside of one.
    pub(crate) async fn fence(
        &self,
        session: &Session,
        read: &Readers,
        handle: &Handle,
    ) -> Met<()> {
        let Some(lease) = self.0.leases.of(read.run(), handle) else {
            return Ok(());
        };
        match table::stays_at(session, lease.epoch).await? {
            true => Ok(()),
            false => {
                *lease.seen() = None;
                Err(Trouble::Ours(Box::new(lost(handle, None))))
            }
        }
    }
}

/// Leases by run and database.
#[derive(Default)]
pub(crate) struct Leases(Mutex<Vec<(String, String, Arc<Lease>)>>);

impl Leases {
    fn all(&self) -> std::sync::MutexGuard<'_, Vec<(String, String, Arc<Lease>)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn of(&self, run: &str, handle: &Handle) -> Option<Arc<Lease>> {
        let place = pool::key(handle);
        let all = self.all();
        let found = all.iter().find(|(by, at, _)| by == run && *at == place);
        found.map(|(_, _, lease)| lease.clone())
    }

    /// The one that the run holds by that session.
    fn of_session(&self, run: &str, busy: &Busy) -> Option<Arc<Lease>> {
        let all = self.all();
        let found = all
            .iter()
            .find(|(by, _, lease)| by == run && lease.pid == busy.pid);
        found
            .filter(|_| busy.run.as_deref() == Some(run))
            .map(|(_, _, lease)| lease.clone())
    }

    fn insert(&self, run: &str, handle: &Handle, lease: Arc<Lease>) {
        self.all().push((run.to_owned(), pool::key(handle), lease));
    }

    fn remove(&self, run: &str, handle: &Handle) -> Option<Arc<Lease>> {
        let place = pool::key(handle);
        let mut all = self.all();
        let at = all
            .iter()
            .position(|(by, at, _)| by == run && *at == place)?;
        Some(all.remove(at).2)
    }
}

fn told(trouble: Trouble, handle: &Handle) -> Failure {
    let denied = trouble.sqlstate() == Some("42501");
    let failure = trouble.into_failure(&Sent::ours("the row of pb.lease"));
    match denied {
        true => failure.hint(format!(
            "let the role of `{}` keep the row that excludes other runs: CREATE SCHEMA pb AUTHORIZATION …, or, where it is \
             there: GRANT USAGE ON SCHEMA pb TO …; GRANT SELECT, INSERT, UPDATE ON pb.lease TO …",
            handle.name
        )),
        false => failure,
    }
}

fn pooled(handle: &Handle) -> Failure {
    let message = format!(
        "`{}` is reached through a pooler in transaction mode",
        handle.name
    );
    Failure::new(&code::POOLER, message)
        .because("two connections were given the same session of the server, so no lock would be ours alone")
        .state("nothing was touched")
        .hint("name the server itself in `pb.toml`, or let the pooler keep sessions for this user")
}

fn locked(handle: &Handle, lessee: Option<&Lessee>, busy: &Busy) -> Failure {
    let message = format!("another run works on `{}`", handle.name);
    let run = busy.run.clone().unwrap_or_default();
    let mut failure = Failure::new(&code::LOCKED, message).with("run", run.clone());
    if let Some(lessee) = lessee.filter(|lessee| lessee.run == run) {
        failure = failure.because(lessee.line());
    }
    if let Some(doing) = busy.doing() {
        failure = failure.because(doing.to_owned());
    }
    failure.state("nothing was touched").hint(format!(
        "wait for it with --wait 10m; where its machine is lost: --steal {run}"
    ))
}

fn unfinished(handle: &Handle, lessee: &Lessee) -> Failure {
    let run = &lessee.run;
    let message = format!(
        "run {run} on `{}` has neither ended nor been undone",
        handle.name
    );
    Failure::new(&code::UNFINISHED, message)
        .with("run", run.clone())
        .because(lessee.line())
        .because(lessee.journal())
        .state("nothing was touched by this one")
        .hint(format!(
            "on {}: pb resume {run}, or: pb rollback {run}; where its journal is lost: pb run … --supersede {run}",
            lessee.host()
        ))
}

fn superseded(run: &str, handle: &Handle, by: &Lessee) -> Failure {
    let message = format!(
        "another run has taken `{}` since run {run} died",
        handle.name
    );
    Failure::new(&code::UNFINISHED, message)
        .with("run", by.run.clone())
        .because(by.line())
        .state(format!("run {run} is left as it is for good"))
        .hint(by.journal())
}

fn lost(handle: &Handle, by: Option<&Lessee>) -> Failure {
    let message = format!("another run has taken `{}`", handle.name);
    let failure = Failure::new(&code::LEASE_LOST, message);
    let failure = match by {
        Some(by) => failure.because(by.line()),
        None => failure,
    };
    failure
        .state("nothing more was done by this one")
        .hint("pb runs tells who works on the environment")
}

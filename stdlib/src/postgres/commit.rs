//! The end of a transaction, and whether it took effect: also when nobody answered.

use super::driver::{LOOK, Postgres, Writer};
use super::refusal::Sent;
use super::session::Session;
use super::trouble::Trouble;
use pb_core::{Failure, Handle, Readers, Result, Settled, code};
use serde_json::Value;
use std::time::{Duration, Instant};
use tokio::time::sleep;
use tokio_postgres::types::Type;

/// So long is asked what became of a COMMIT without an answer; a server that restarts is back by then.
const ASKING: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(250);

/// What tells one transaction from all others, as text; `None` when it has written nothing.
pub(crate) type Xid = Option<String>;

/// Asks for the id of the session's transaction. It fails in a transaction that has failed.
pub(crate) async fn xid(session: &Session) -> std::result::Result<Xid, Trouble> {
    let rows = session
        .rows("SELECT txid_current_if_assigned()::text", &[])
        .await?;
    Ok(rows.first().and_then(|row| row.get(0)))
}

/// Commits, and returns when the transaction is known to be committed.
///
/// # Errors
/// What the server refused, the transaction rolled back; `PB0309` when the connection broke and nothing was done;
/// `PB0335`, in doubt, when nobody can tell.
pub(crate) async fn commit(
    writer: &Writer,
    read: &Readers,
    handle: &Handle,
    session: &Session,
    xid: &Xid,
) -> Result<()> {
    match session.run("COMMIT").await {
        Ok(_) => match status(session, xid).await {
            Ok(Status::Aborted) => Err(rolled_back("the server answered COMMIT with ROLLBACK")),
            // The answer itself said that it is done.
            Ok(_) | Err(_) => Ok(()),
        },
        Err(Trouble::Refused(error)) => {
            let failure = Trouble::Refused(error).into_failure(&Sent::ours("COMMIT"));
            Err(failure.state("the transaction was rolled back"))
        }
        Err(trouble) => settle(writer, read, handle, session.pid, xid, trouble).await,
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Status {
    Committed,
    Aborted,
    InProgress,
    /// Too long ago, or of another server.
    Unknown,
}

impl Status {
    /// What `txid_status` says.
    fn of(word: Option<&str>) -> Self {
        match word {
            Some("committed") => Self::Committed,
            Some("aborted") => Self::Aborted,
            Some("in progress") => Self::InProgress,
            _ => Self::Unknown,
        }
    }
}

async fn status(session: &Session, xid: &Xid) -> std::result::Result<Status, Trouble> {
    let Some(xid) = xid else {
        // Without an id nothing was written, and there is nothing to lose.
        return Ok(Status::Committed);
    };
    let sql = "SELECT txid_status($1::text::bigint)";
    let rows = session.rows(sql, &[(xid, Type::TEXT)]).await?;
    let word: Option<String> = rows.first().and_then(|row| row.get(0));
    Ok(Status::of(word.as_deref()))
}

/// Finds out from a new session what became of a COMMIT without an answer.
async fn settle(
    writer: &Writer,
    read: &Readers,
    handle: &Handle,
    pid: i32,
    xid: &Xid,
    trouble: Trouble,
) -> Result<()> {
    read.progress("the connection broke during COMMIT; asking what became of it");
    let lost = trouble.into_failure(&Sent::ours("COMMIT"));
    let began = Instant::now();
    let mut last = lost.because.first().cloned().unwrap_or_default();
    while began.elapsed() < ASKING {
        match look(writer, read, handle, pid, xid).await {
            Ok(Status::Committed) => return Ok(()),
            Ok(Status::Aborted) => {
                let why = lost.because.first().cloned().unwrap_or_default();
                return Err(rolled_back(&why).retryable());
            }
            Ok(Status::InProgress) => last = "the server is still at it".into(),
            Ok(Status::Unknown) => {
                last = "the server knows nothing of the transaction".into();
                break;
            }
            Err(trouble) => {
                let failure = trouble.into_failure(&Sent::ours("COMMIT"));
                last = failure.because.first().cloned().unwrap_or(failure.message);
            }
        }
        sleep(PAUSE).await;
    }
    let message = "nobody could tell whether the transaction was committed";
    let id = xid.clone().unwrap_or_default();
    Err(Failure::new(&code::TRANSACTION_LOST, message)
        .because("the connection broke between COMMIT and its answer")
        .because(last)
        .hint(format!("SELECT txid_status({id})"))
        .with("xid", id)
        .in_doubt())
}

/// What became of a transaction whose process died between the moment that its evidence, `xid`, was durable and the
/// answer to COMMIT. Its session is gone by now, or about to be.
pub(crate) async fn after_death(
    read: &Readers,
    handle: &Handle,
    evidence: &Value,
) -> Result<Settled> {
    let Some(xid) = evidence["xid"].as_str() else {
        // It had written nothing.
        return Ok(Settled::NotApplied);
    };
    let reader = read.of::<Postgres>();
    let began = Instant::now();
    loop {
        let sql = "SELECT txid_status($1::text::bigint) AS status";
        let rows = reader.query(read, handle, sql, &[xid.into()]).await?;
        match Status::of(rows.first().and_then(|row| row["status"].as_str())) {
            Status::Committed => return Ok(Settled::Applied(evidence.clone())),
            Status::Aborted => return Ok(Settled::NotApplied),
            Status::InProgress if began.elapsed() < ASKING => {
                read.progress("its transaction is still in progress");
            }
            Status::InProgress => {
                let why = format!("transaction {xid} is still in progress");
                return Ok(Settled::Unknown(why));
            }
            Status::Unknown => {
                let why = format!("the server knows nothing of transaction {xid} any more");
                return Ok(Settled::Unknown(why));
            }
        }
        sleep(PAUSE).await;
    }
}

async fn look(
    writer: &Writer,
    read: &Readers,
    handle: &Handle,
    pid: i32,
    xid: &Xid,
) -> std::result::Result<Status, Trouble> {
    let session = writer.session(read, handle, LOOK).await?;
    let status = status(&session, xid).await?;
    if status == Status::InProgress {
        // Ours, and nobody listens to it any more: without this it would hold its locks until it notices.
        let sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                   WHERE pid = $1 AND backend_xid = ($2::text::numeric % 4294967296)::text::xid";
        let id = xid.clone().unwrap_or_default();
        drop(
            session
                .rows(sql, &[(&pid, Type::INT4), (&id, Type::TEXT)])
                .await,
        );
    }
    writer.give_back(handle, session);
    Ok(status)
}

fn rolled_back(why: &str) -> Failure {
    Failure::new(&code::CONNECTION_LOST, "the transaction was not committed")
        .because(why)
        .state("the transaction was rolled back")
}

//! Runs the statements of `sql`: together in a transaction, or the one that no transaction takes.

use super::Args;
use crate::postgres::blockers::watched;
use crate::postgres::commit::{commit, xid};
use crate::postgres::driver::{USUAL, Writer, borrowed, bound};
use crate::postgres::refusal::{Met, Sent};
use crate::postgres::session::Session;
use crate::postgres::split::Statement;
use crate::postgres::trouble::Trouble;
use pb_core::{Readers, Result, World};
use serde_json::{Value, json};

/// All statements in a transaction of their own.
pub(super) async fn own_transaction(
    world: &World,
    writer: &Writer,
    args: &Args,
    statements: &[Statement<'_>],
) -> Result<u64> {
    let (read, handle) = (world.read(), &args.db.0);
    let begin = |trouble: Trouble| trouble.into_failure(&Sent::ours("BEGIN"));
    let session = writer.session(read, handle, USUAL).await.map_err(begin)?;
    writer.begin(&session, read, handle).await.map_err(begin)?;
    let ran = async {
        let rows = all(writer, read, args, &session, statements).await;
        let rows = rows.map_err(Met::into_failure)?;
        let xid = xid(&session).await;
        let xid = xid.map_err(|trouble| trouble.into_failure(&Sent::ours("COMMIT")))?;
        world
            .keep_evidence(json!({ "xid": xid, "rows": rows }))
            .await?;
        commit(writer, read, handle, &session, &xid).await?;
        Ok(rows)
    };
    let ran = ran.await;
    if ran.is_ok() || session.run("ROLLBACK").await.is_ok() {
        writer.give_back(handle, session);
    }
    ran
}

/// One statement, committed by itself.
pub(super) async fn alone(
    writer: &Writer,
    read: &Readers,
    args: &Args,
    statement: &Statement<'_>,
) -> Result<u64> {
    let handle = &args.db.0;
    let sent = Sent::part(&args.text, statement.range.clone());
    let session = writer.session(read, handle, USUAL).await;
    let session = session.map_err(|trouble| trouble.into_failure(&sent))?;
    let fenced = writer.fence(&session, read, handle).await;
    fenced.map_err(|trouble| trouble.into_failure(&sent))?;
    let work = session.run(statement.text);
    let (ran, holders) = watched(writer, read, handle, session.pid, work).await;
    match ran {
        Ok(rows) => {
            writer.give_back(handle, session);
            Ok(rows)
        }
        Err(trouble) if trouble.is_lost() => Err(trouble.into_failure(&sent).in_doubt()),
        // What such a statement does is not taken back when it fails: an index is left invalid.
        Err(trouble) => Err(Met {
            trouble,
            sent,
            holders,
        }
        .into_failure()
        .partial()),
    }
}

/// Every statement in the session's transaction; gives the rows affected.
pub(super) async fn all<'a>(
    writer: &Writer,
    read: &Readers,
    args: &'a Args,
    session: &Session,
    statements: &[Statement<'a>],
) -> std::result::Result<u64, Met<'a>> {
    let mut rows = 0;
    for statement in statements {
        let sent = Sent::part(&args.text, statement.range.clone());
        let work = one(read, session, statement.text, &args.params);
        let (ran, holders) = watched(writer, read, &args.db.0, session.pid, work).await;
        rows += ran.map_err(|trouble| Met {
            trouble,
            sent,
            holders,
        })?;
    }
    Ok(rows)
}

async fn one(
    read: &Readers,
    session: &Session,
    text: &str,
    params: &[Value],
) -> std::result::Result<u64, Trouble> {
    if params.is_empty() {
        return session.run(text).await;
    }
    let prepared = session.prepare(text).await?;
    let params = bound(read, &prepared, params).map_err(|failure| Trouble::Ours(failure.into()))?;
    session.execute(&prepared, &borrowed(&params)).await
}

//! `transaction`: everything that a closure does to one database, or nothing of it.

use super::commit::{after_death, commit, xid};
use super::database::{Database, place};
use super::driver::{Postgres, USUAL};
use super::refusal::Sent;
use super::transactions::Transaction as Open;
use super::trouble::Trouble;
use pb_core::run::{Bracket, End};
use pb_core::{Failure, Handle, HandleOf, Permit, Readers, Result, Settled, World, code};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Begins, and commits or rolls back.
pub(crate) struct Transaction;

/// The arguments of `transaction`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Args {
    /// The database.
    #[schemars(transform = pb_core::spec::position::<0>)]
    db: HandleOf<Database>,
}

impl Bracket for Transaction {
    type Args = Args;

    const NAME: &'static str = "transaction";
    const DOC: &'static str = "\
Runs a function whose calls on the database are done all together or not at all.

The function gets a handle; `sql`, `query`, `row_counts` and `savepoint` on it take part. It commits when the function
ends, and rolls back when it throws. Where PostgreSQL asks for it, because another transaction came first, the function
runs again from its beginning. An error within spoils the rest of the transaction, unless it was within `savepoint`. A
transaction that does nothing for a minute is ended by the server.

# Shape
The value of the function.

# Errors
What the function throws; PB0304 when it caught an error that had spoiled the transaction; PB0309 when the connection
broke before it was committed; PB0335 when nobody can tell whether it was committed.

# Effect
One transaction. What was done is undone by the `undo` of each call, after the commit.

# Source
PostgreSQL manual, BEGIN, COMMIT and txid_status.";
    const EXAMPLE: &'static str = r#"transaction(target.database, |tx| {
    sql(tx, "UPDATE accounts SET balance = balance - 10 WHERE id = 1");
    sql(tx, "UPDATE accounts SET balance = balance + 10 WHERE id = 2");
});"#;

    async fn enter(&self, world: &World, permit: &Permit, args: &Args) -> Result<Value> {
        let handle = &args.db.0;
        if handle.transaction.is_some() {
            let message = "`transaction` was called on a transaction";
            return Err(Failure::new(&code::NOT_ALLOWED_HERE, message)
                .hint("use `savepoint(tx, name, || …)` within it"));
        }
        let (writer, read) = (world.of::<Postgres>(permit), world.read());
        let begin = |trouble: Trouble| trouble.into_failure(&Sent::ours("BEGIN"));
        let session = writer.session(read, handle, USUAL).await.map_err(begin)?;
        writer.begin(&session, read, handle).await.map_err(begin)?;
        let id = writer.0.transactions.add(session);
        let inside = Handle {
            transaction: Some(id),
            ..handle.clone()
        };
        Ok(inside.to_value())
    }

    async fn evidence(&self, world: &World, permit: &Permit, entered: &Value) -> Result<Value> {
        let writer = world.of::<Postgres>(permit);
        let (_, handle) = opened(entered)?;
        let Some(mut open) = writer.0.transactions.of(&handle).await? else {
            return Err(lost());
        };
        match xid(&open.session).await {
            Ok(xid) => {
                let evidence = json!({ "xid": xid, "pid": open.session.pid });
                open.xid = xid;
                Ok(evidence)
            }
            Err(trouble) => match open.failed().map(spoilt) {
                Some(spoilt) => Err(spoilt),
                None => Err(open.refused(trouble, &Sent::ours("COMMIT"))),
            },
        }
    }

    async fn settle(&self, read: &Readers, args: &Args, evidence: &Value) -> Result<Settled> {
        after_death(read, &args.db.0, evidence).await
    }

    async fn leave(&self, world: &World, permit: &Permit, entered: &Value, end: End) -> Result<()> {
        let (writer, read) = (world.of::<Postgres>(permit), world.read());
        let (id, handle) = opened(entered)?;
        let open = writer.0.transactions.take(&id).await?;
        if end == End::Error {
            return roll_back(world, permit, &handle, open).await;
        }
        let handle = handle.without_transaction();
        let Open { session, xid, .. } = open;
        commit(writer, read, &handle, &session, &xid).await?;
        writer.give_back(&handle, session);
        Ok(())
    }

    fn place(&self, args: &Args) -> String {
        place(&args.db)
    }
}

/// The id and the handle of a transaction, as `enter` gave them.
pub(crate) fn opened(entered: &Value) -> Result<(String, Handle)> {
    let handle = Handle::of_value(entered).ok_or_else(lost)?;
    let id = handle.transaction.clone().ok_or_else(lost)?;
    Ok((id, handle))
}

async fn roll_back(world: &World, permit: &Permit, handle: &Handle, open: Open) -> Result<()> {
    let told = |trouble: Trouble| trouble.into_failure(&Sent::ours("ROLLBACK"));
    open.session.run("ROLLBACK").await.map_err(told)?;
    let writer = world.of::<Postgres>(permit);
    writer.give_back(&handle.without_transaction(), open.session);
    Ok(())
}

/// A function that caught the error which spoilt its transaction.
fn spoilt(first: &Failure) -> Failure {
    let message = "the transaction was rolled back: an error that the script caught had spoilt it";
    let failure = Failure::new(&code::SQL, message)
        .because(first.message.clone())
        .state("the transaction was rolled back")
        .hint("put what may fail into `savepoint(tx, name, || …)`");
    match first.data.get("sqlstate") {
        Some(sqlstate) => failure.with("sqlstate", sqlstate.clone()),
        None => failure,
    }
}

fn lost() -> Failure {
    Failure::new(&code::NOT_ALLOWED_HERE, "the handle is of no transaction")
}

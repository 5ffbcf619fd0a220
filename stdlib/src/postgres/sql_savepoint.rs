//! `savepoint` within a transaction: a part of it that may fail.

use super::database::Database;
use super::driver::Postgres;
use super::refusal::Sent;
use super::transaction::opened;
use pb_core::run::{Bracket, End};
use pb_core::{Failure, HandleKind, HandleOf, Permit, Readers, Result, Settled, World, code};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Keeps an error within from spoiling the transaction.
pub(crate) struct SqlSavepoint;

/// The arguments of `savepoint` on a transaction.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Args {
    /// The transaction.
    #[schemars(transform = pb_core::spec::position::<0>)]
    tx: HandleOf<Open>,
    /// What it is called in the story of the run.
    #[schemars(transform = pb_core::spec::position::<1>)]
    name: String,
}

/// A transaction: nothing stands for it where it is left out.
struct Open;

impl HandleKind for Open {
    const DRIVERS: &'static [&'static str] = Database::DRIVERS;
    const DEFAULT: Option<&'static str> = None;
}

/// Beside the handle: what the server calls the savepoint.
const KEY: &str = "savepoint";

impl Bracket for SqlSavepoint {
    type Args = Args;

    const NAME: &'static str = "sql_savepoint";
    const WORD: &'static str = "savepoint";
    const DOC: &'static str = "\
Runs a function within a transaction, so that the transaction goes on when it throws.

What the function did is rolled back when it throws, and the error goes on to whoever catches it; the transaction is
then as it was before.

# Shape
The value of the function.

# Errors
What the function throws; PB0304 when it caught an error of the database itself.

# Effect
A part of the transaction around it.

# Source
PostgreSQL manual, SAVEPOINT and ROLLBACK TO SAVEPOINT.";
    const EXAMPLE: &'static str = r#"transaction(target.database, |tx| {
    try {
        savepoint(tx, "rename", || { sql(tx, "ALTER INDEX orders_idx RENAME TO orders_by_day"); });
    } catch (err) {
        if err.kind != "permission" { throw err; }
    }
});"#;

    async fn enter(&self, world: &World, permit: &Permit, args: &Args) -> Result<Value> {
        let writer = world.of::<Postgres>(permit);
        let Some(mut open) = writer.0.transactions.of(&args.tx.0).await? else {
            let message = "`savepoint` was given a database that is in no transaction";
            return Err(Failure::new(&code::NOT_ALLOWED_HERE, message)
                .hint("call it within `transaction(db, |tx| …)` with `tx`"));
        };
        let name = open.next_savepoint();
        let text = format!("SAVEPOINT {name}");
        if let Err(trouble) = open.session.run(&text).await {
            return Err(open.refused(trouble, &Sent::ours(&text)));
        }
        let mut value = args.tx.0.to_value();
        value[KEY] = name.into();
        Ok(value)
    }

    async fn evidence(&self, _: &World, _: &Permit, _: &Value) -> Result<Value> {
        // The transaction around it has its own.
        Ok(Value::Null)
    }

    async fn settle(&self, _: &Readers, _: &Args, _: &Value) -> Result<Settled> {
        Ok(Settled::Unknown("the transaction around it decides".into()))
    }

    async fn leave(&self, world: &World, permit: &Permit, entered: &Value, end: End) -> Result<()> {
        let writer = world.of::<Postgres>(permit);
        let (_, handle) = opened(entered)?;
        let Some(mut open) = writer.0.transactions.of(&handle).await? else {
            return Ok(());
        };
        let name = entered[KEY].as_str().unwrap_or_default();
        let release = format!("RELEASE SAVEPOINT {name}");
        let caught = match (end, open.failed()) {
            (End::Ok, None) => match open.session.run(&release).await {
                Ok(_) => return Ok(()),
                Err(trouble) => Some(open.refused(trouble, &Sent::ours(&release))),
            },
            (End::Ok, Some(first)) => Some(first.clone()),
            (End::Error, _) => None,
        };
        let back = format!("ROLLBACK TO SAVEPOINT {name}; {release}");
        if let Err(trouble) = open.session.run(&back).await {
            return Err(open.refused(trouble, &Sent::ours(&back)));
        }
        open.recovered();
        match caught {
            None => Ok(()),
            Some(first) => Err(first),
        }
    }

    fn place(&self, args: &Args) -> String {
        args.name.clone()
    }
}

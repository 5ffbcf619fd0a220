//! A transaction and a savepoint in it, over the fake world.

use crate::driver::{Database, Fake, handle};
use pb_core::run::{Bracket, End};
use pb_core::{HandleOf, Permit, Readers, Result, Settled, World};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Args {
    db: HandleOf<Database>,
}

/// Begins, commits or rolls back.
pub(crate) struct Transaction;

impl Bracket for Transaction {
    type Args = Args;
    const NAME: &'static str = "transaction";
    const DOC: &'static str = "Runs calls in a transaction.";
    const EXAMPLE: &'static str = "transaction(db, |tx| ())";

    async fn enter(&self, world: &World, permit: &Permit, args: &Args) -> Result<Value> {
        let id = world.of::<Fake>(permit).begin().await?;
        Ok(handle(&args.db.0.name, Some(&id)))
    }
    async fn evidence(&self, world: &World, permit: &Permit, entered: &Value) -> Result<Value> {
        let id = id(entered);
        Ok(json!(world.of::<Fake>(permit).evidence(id).await?))
    }
    async fn settle(&self, read: &Readers, _: &Args, evidence: &Value) -> Result<Settled> {
        let id = evidence.as_str().unwrap_or_default();
        Ok(match read.of::<Fake>().committed(id) {
            true => Settled::Applied(Value::Null),
            false => Settled::NotApplied,
        })
    }
    async fn leave(&self, world: &World, permit: &Permit, entered: &Value, end: End) -> Result<()> {
        let hands = world.of::<Fake>(permit);
        let id = id(entered);
        match end {
            End::Ok => hands.commit(id).await,
            End::Error => hands.roll_back(id).await,
        }
    }
    fn place(&self, args: &Args) -> String {
        args.db.0.name.clone()
    }
}

fn id(entered: &Value) -> &str {
    entered["$handle"]["transaction"]
        .as_str()
        .expect("an open transaction")
}

/// A part of a transaction that may fail; the fake world has nothing to do for it.
pub(crate) struct Part;

impl Bracket for Part {
    type Args = Args;
    const NAME: &'static str = "part";
    const DOC: &'static str = "A part of a transaction.";
    const EXAMPLE: &'static str = "part(tx, || ())";

    async fn enter(&self, _: &World, _: &Permit, args: &Args) -> Result<Value> {
        Ok(args.db.0.to_value())
    }
    async fn evidence(&self, _: &World, _: &Permit, _: &Value) -> Result<Value> {
        panic!("the transaction around it decides")
    }
    async fn settle(&self, _: &Readers, _: &Args, _: &Value) -> Result<Settled> {
        panic!("the transaction around it decides")
    }
    async fn leave(&self, _: &World, _: &Permit, _: &Value, _: End) -> Result<()> {
        Ok(())
    }
    fn place(&self, _: &Args) -> String {
        "part".into()
    }
}

//! Class Every, as an undo.

use super::add::{Add, AddArgs, AddOne, AddOut};
use crate::driver::Fake;
use pb_core::{Class, Decision, Effect, Permit, Primitive, Readers, Result, Subject, Undo, World};
use serde_json::{Value, json};

/// Class Every: takes back what `add` added.
pub(crate) struct TakeBack;

impl Primitive for TakeBack {
    type Args = AddArgs;
    type Facts = ();
    type Action = AddOne;
    type Out = AddOut;
    const NAME: &'static str = "take_back";
    const CLASS: Class = Class::Every;
    const DOC: &'static str = "Takes back what was added.";
    const EXAMPLE: &'static str = "take_back(\"log\", \"x\")";

    async fn observe(&self, _: &Readers, _: &AddArgs) -> Result<()> {
        Ok(())
    }
    fn decide(&self, args: &AddArgs, (): &()) -> Result<Decision<AddOne>> {
        Add.decide(args, &())
    }
    fn effect(&self, args: &AddArgs, one: &AddOne) -> Effect {
        Add.effect(args, one)
    }
    async fn act(
        &self,
        world: &World,
        permit: &Permit,
        args: &AddArgs,
        one: &AddOne,
    ) -> Result<Value> {
        let over = args.db.as_ref().is_none_or(|db| db.0.transaction.is_none());
        assert!(over, "the transaction is over when its steps are undone");
        world.of::<Fake>(permit).take_back(&one.0, &one.1).await?;
        Ok(json!(one.1))
    }
    fn result(&self, args: &AddArgs, (): &(), (): &(), done: &[Value]) -> Result<AddOut> {
        Add.result(args, &(), &(), done)
    }
    fn undo(&self, _: &AddArgs, (): &()) -> Undo {
        Undo::none("it is an undo itself")
    }
    fn subjects(&self, args: &AddArgs) -> Vec<Subject> {
        Add.subjects(args)
    }
}

//! Class Every, with any effect.

use super::take_back::TakeBack;
use crate::driver::{Database, Fake};
use pb_core::finding::{Complaint, Standing};
use pb_core::{
    Class, Decision, Effect, HandleOf, Permit, Primitive, Readers, Result, Settled, Subject, Undo,
    World, code,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::fmt;

/// Class Every: adds to a thing, with any effect; undone by `take_back` when asked for.
pub(crate) struct Add;

#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AddArgs {
    name: String,
    what: String,
    /// The word of an `Effect`.
    effect: String,
    /// Whether there is a way back.
    #[serde(default)]
    undo: bool,
    /// The result is more than a script may hold.
    #[serde(default)]
    large: bool,
    /// Leaves word of itself, by which it is settled.
    #[serde(default)]
    tells: bool,
    #[serde(default)]
    pub(super) db: Option<HandleOf<Database>>,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct AddOne(pub(super) String, pub(super) String);

impl fmt::Display for AddOne {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "add {} to {}", self.1, self.0)
    }
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct AddOut {
    added: String,
}

impl Primitive for Add {
    type Args = AddArgs;
    type Facts = ();
    type Action = AddOne;
    type Out = AddOut;
    const NAME: &'static str = "add";
    const CLASS: Class = Class::Every;
    const DOC: &'static str = "Adds to a thing.";
    const EXAMPLE: &'static str = "add(\"log\", \"x\")";

    async fn observe(&self, _: &Readers, _: &AddArgs) -> Result<()> {
        Ok(())
    }
    fn decide(&self, args: &AddArgs, (): &()) -> Result<Decision<AddOne>> {
        Ok(Decision::in_order(vec![AddOne(
            args.name.clone(),
            args.what.clone(),
        )]))
    }
    fn effect(&self, args: &AddArgs, _: &AddOne) -> Effect {
        serde_json::from_value(json!(args.effect)).expect("the word of an effect")
    }
    async fn act(
        &self,
        world: &World,
        permit: &Permit,
        args: &AddArgs,
        one: &AddOne,
    ) -> Result<Value> {
        if args.tells {
            world.keep_evidence(json!(one.1)).await?;
        }
        let hands = world.of::<Fake>(permit);
        match args.db.as_ref().and_then(|db| db.0.transaction.as_ref()) {
            Some(id) => hands.add_in(id, &one.0, &one.1).await?,
            None => hands.add(&one.0, &one.1).await?,
        }
        Ok(json!(one.1))
    }
    async fn settle(
        &self,
        read: &Readers,
        args: &AddArgs,
        one: &AddOne,
        evidence: Option<&Value>,
    ) -> Result<Settled> {
        if !args.tells {
            return Ok(Settled::Unknown(String::new()));
        }
        let is = read.of::<Fake>().thing(&one.0).await?;
        let told = evidence.and_then(Value::as_str);
        Ok(match told.is_some_and(|what| is.contains(what)) {
            true => Settled::Applied(json!(one.1)),
            false => Settled::NotApplied,
        })
    }
    fn result(&self, args: &AddArgs, (): &(), (): &(), done: &[Value]) -> Result<AddOut> {
        let added = done.first().and_then(Value::as_str).unwrap_or_default();
        let added = if args.large {
            "x".repeat(2 << 20)
        } else {
            added.into()
        };
        Ok(AddOut { added })
    }
    fn undo(&self, args: &AddArgs, (): &()) -> Undo {
        if args.undo {
            Undo::call::<TakeBack>(&AddArgs {
                large: false,
                ..args.clone()
            })
        } else {
            Undo::none("it was given no `undo`")
        }
    }
    /// Adding to `ruin` destroys.
    fn inspect(&self, known: &Map<String, Value>, stands: &Standing<'_>) -> Vec<Complaint> {
        if known.get("name") != Some(&json!("ruin")) {
            return vec![];
        }
        let complain = |code, lacks: bool, message: &str| {
            let complaint = Complaint::error(code, message).because("it is gone then");
            lacks.then(|| complaint.hint("say so before it"))
        };
        let note = Complaint::note(&code::OPAQUE, "nobody can tell");
        let errors = [
            complain(&code::DESTRUCTIVE, !stands.allowed, "`ruin` is destroyed"),
            complain(&code::NO_UNDO, !stands.committed, "`ruin` stays destroyed"),
        ];
        [note]
            .into_iter()
            .chain(errors.into_iter().flatten())
            .collect()
    }
    fn subjects(&self, args: &AddArgs) -> Vec<Subject> {
        vec![Subject::new("thing", &args.name)]
    }
}

//! Class Read.

use crate::driver::Fake;
use pb_core::{
    Class, Decision, Effect, NoAction, Permit, Primitive, Readers, Result, Subject, Undo, World,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Class Read: what a thing is.
pub(crate) struct Look;

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LookArgs {
    name: String,
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct Is {
    pub(super) is: String,
}

impl Primitive for Look {
    type Args = LookArgs;
    type Facts = String;
    type Action = NoAction;
    type Out = Is;
    const NAME: &'static str = "look";
    const CLASS: Class = Class::Read;
    const DOC: &'static str = "Reads a thing.";
    const EXAMPLE: &'static str = "look(\"web\")";

    async fn observe(&self, read: &Readers, args: &LookArgs) -> Result<String> {
        read.of::<Fake>().thing(&args.name).await
    }
    fn decide(&self, _: &LookArgs, _: &String) -> Result<Decision<NoAction>> {
        Ok(Decision::Nothing)
    }
    fn effect(&self, _: &LookArgs, action: &NoAction) -> Effect {
        match *action {}
    }
    async fn act(&self, _: &World, _: &Permit, _: &LookArgs, action: &NoAction) -> Result<Value> {
        match *action {}
    }
    fn result(&self, _: &LookArgs, _: &String, after: &String, _: &[Value]) -> Result<Is> {
        Ok(Is { is: after.clone() })
    }
    fn undo(&self, _: &LookArgs, _: &String) -> Undo {
        Undo::none("it only reads")
    }
    fn subjects(&self, args: &LookArgs) -> Vec<Subject> {
        vec![Subject::new("thing", &args.name)]
    }
}

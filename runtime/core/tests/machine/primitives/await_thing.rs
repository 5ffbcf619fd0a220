//! Class Gate.

use super::look::Is;
use crate::driver::Fake;
use pb_core::wait::Pace;
use pb_core::{
    Class, Decision, Effect, NoAction, Permit, Primitive, Readers, Result, Span, Subject, Undo,
    World, code,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Class Gate: until a thing is so.
pub(crate) struct Await;

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AwaitArgs {
    name: String,
    is: String,
    deadline: Span,
}

impl Primitive for Await {
    type Args = AwaitArgs;
    type Facts = String;
    type Action = NoAction;
    type Out = Is;
    const NAME: &'static str = "await";
    const CLASS: Class = Class::Gate;
    const DOC: &'static str = "Waits for a thing.";
    const EXAMPLE: &'static str = "await(\"web\", \"up\")";

    async fn observe(&self, read: &Readers, args: &AwaitArgs) -> Result<String> {
        read.of::<Fake>().thing(&args.name).await
    }
    fn decide(&self, args: &AwaitArgs, is: &String) -> Result<Decision<NoAction>> {
        Ok(if *is == args.is {
            Decision::Nothing
        } else {
            Decision::Wait(format!("{} is `{is}`", args.name))
        })
    }
    fn effect(&self, _: &AwaitArgs, action: &NoAction) -> Effect {
        match *action {}
    }
    async fn act(&self, _: &World, _: &Permit, _: &AwaitArgs, action: &NoAction) -> Result<Value> {
        match *action {}
    }
    fn result(&self, _: &AwaitArgs, _: &String, after: &String, _: &[Value]) -> Result<Is> {
        Ok(Is { is: after.clone() })
    }
    fn undo(&self, _: &AwaitArgs, _: &String) -> Undo {
        Undo::none("it only waits")
    }
    fn subjects(&self, args: &AwaitArgs) -> Vec<Subject> {
        vec![Subject::new("thing", &args.name)]
    }
    fn pace(&self, args: &AwaitArgs) -> Option<Pace> {
        let (deadline, second) = (Some(args.deadline), Span::seconds(1));
        Some(Pace::new(&code::WAIT, deadline, None, second, 1, second))
    }
}

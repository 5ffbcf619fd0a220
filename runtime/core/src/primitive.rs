//! What a primitive is: one job in the world, in the five moves observe, decide, act, result, undo.

use crate::driver::{Permit, Readers, World};
use crate::effect::{Class, Effect};
use crate::erased::to_value;
use crate::failure::{Failure, Result};
use crate::finding::{Complaint, Standing};
use crate::subject::Subject;
use crate::wait::Pace;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::fmt::Display;
use std::future::Future;

/// One job in the world. It knows nothing of scripts, journals or screens.
pub trait Primitive: Send + Sync + 'static {
    /// Parsed once, at the border. Its doc comments are the reference page, unknown keys are errors.
    type Args: Serialize + DeserializeOwned + JsonSchema + Send + Sync;
    /// What was seen: the whole of what `decide` needs.
    type Facts: Serialize + DeserializeOwned + Send + Sync;
    /// One atomic change; its `Display` is the line of the plan.
    type Action: Serialize + DeserializeOwned + Display + Send + Sync;
    /// What the script gets. `changed`, `took` and, for gates, `attempts` are added to it.
    type Out: Serialize + JsonSchema;

    /// As scripts call it: verb_noun.
    const NAME: &'static str;
    /// What it is as a whole.
    const CLASS: Class;
    /// The reference text: first line what it does, then shape, errors, effect and source.
    const DOC: &'static str;
    /// A call that works on its own, for the reference page.
    const EXAMPLE: &'static str;

    /// Looks at the world; cannot change it.
    fn observe(
        &self,
        read: &Readers,
        args: &Self::Args,
    ) -> impl Future<Output = Result<Self::Facts>> + Send;

    /// What remains to be done, given the world as it is now. Pure.
    fn decide(&self, args: &Self::Args, facts: &Self::Facts) -> Result<Decision<Self::Action>>;

    /// How doubt about an action is settled. Reads and gates have no actions.
    fn effect(&self, args: &Self::Args, action: &Self::Action) -> Effect;

    /// Does one action. The value goes to the journal and to `result`.
    fn act(
        &self,
        world: &World,
        permit: &Permit,
        args: &Self::Args,
        action: &Self::Action,
    ) -> impl Future<Output = Result<Value>> + Send;

    /// Whether an action took effect whose process died while it was under way: looks, and changes nothing. `evidence` is
    /// what the action had recorded of itself. Asked for what is not settled by observing and deciding again.
    fn settle(
        &self,
        _read: &Readers,
        _args: &Self::Args,
        _action: &Self::Action,
        _evidence: Option<&Value>,
    ) -> impl Future<Output = Result<Settled>> + Send {
        async { Ok(Settled::Unknown(String::new())) }
    }

    /// What the script gets. `outcomes` are the values of the actions, in the order of their stages and lanes.
    fn result(
        &self,
        args: &Self::Args,
        before: &Self::Facts,
        after: &Self::Facts,
        outcomes: &[Value],
    ) -> Result<Self::Out>;

    /// The call that brings back what was before. Asked only for steps that acted.
    fn undo(&self, args: &Self::Args, before: &Self::Facts) -> Undo;

    /// What it touches, such as `container web-1`; the first one is shown beside the step.
    fn subjects(&self, args: &Self::Args) -> Vec<Subject>;

    /// What it says about itself when it is done, such as the versions applied.
    fn summary(&self, _args: &Self::Args, _out: &Value) -> String {
        String::new()
    }

    /// What is true of its subject, as a sentence without full stop: `web-1 runs shop:1.9`.
    fn state(&self, _args: &Self::Args, _facts: &Self::Facts) -> Option<String> {
        None
    }

    /// How a gate polls; `None` for everything else.
    fn pace(&self, _args: &Self::Args) -> Option<Pace> {
        None
    }

    /// Whether it has nothing to converge on with these arguments: then a plan does not count it among pending changes.
    fn runs_every_time(&self, _args: &Self::Args) -> bool {
        Self::CLASS == Class::Every
    }

    /// What speaks against a call before it runs. `known` holds the arguments that are known by then; one that is given
    /// and not known is there as null, which a check alone does. While a call runs, errors refuse it. Asks no server.
    fn inspect(&self, _known: &Map<String, Value>, _stands: &Standing<'_>) -> Vec<Complaint> {
        vec![]
    }

    /// What the script would get after these actions, as far as that is certain; a plan takes the other keys for unknown.
    fn foresee(
        &self,
        _args: &Self::Args,
        _before: &Self::Facts,
        _actions: &[&Self::Action],
    ) -> Map<String, Value> {
        Map::new()
    }

    /// What a plan shows beside the actions: what they lock and how large that is, what stands in their way. Reads only.
    fn survey(
        &self,
        _read: &Readers,
        _args: &Self::Args,
        _before: &Self::Facts,
        _actions: &[&Self::Action],
    ) -> impl Future<Output = Result<Survey>> + Send {
        async { Ok(Survey::default()) }
    }

    /// What a gate adds to its failure when the deadline has passed, such as a hint; `last` is what it saw last.
    fn too_late(&self, _args: &Self::Args, _last: &Self::Facts, failure: Failure) -> Failure {
        failure
    }
}

/// What `decide` found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Decision<A> {
    /// The world is as wanted.
    Nothing,
    /// Only time can help: why it is not as wanted yet.
    Wait(String),
    /// Stages one after the other; the lanes of a stage at the same time, the actions of a lane in order.
    Act(Vec<Vec<Vec<A>>>),
}

impl<A> Decision<A> {
    /// One action after the other; nothing when there is none.
    pub fn in_order(actions: Vec<A>) -> Self {
        if actions.is_empty() {
            Self::Nothing
        } else {
            Self::Act(vec![vec![actions]])
        }
    }
}

/// What a plan shows of a step beside its actions.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Survey {
    /// What happens to the things that it touches: locks, sizes, rewrites, traffic, images from and to, waits.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<String>,
    /// What would probably keep it from succeeding: sessions that hold a lock, tables of another owner, a full disk.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub obstacles: Vec<String>,
}

/// What became of an action whose process died.
#[derive(Debug, Clone, PartialEq)]
pub enum Settled {
    /// It took effect, and gave this.
    Applied(Value),
    /// It did not, and will not.
    NotApplied,
    /// Nobody can tell: why, or nothing where there is no more to say.
    Unknown(String),
}

/// How a step is undone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Undo {
    /// By this call, run through observe, decide, act.
    Call {
        /// Name of the primitive.
        primitive: String,
        /// Its arguments.
        args: Value,
    },
    /// Not at all.
    None {
        /// Why, such as `a message cannot be taken back`.
        why: String,
    },
}

impl Undo {
    /// A call of another primitive, or of the same with other arguments.
    pub fn call<P: Primitive>(args: &P::Args) -> Self {
        Self::Call {
            primitive: P::NAME.into(),
            args: to_value(args),
        }
    }

    /// Nothing was changed.
    pub(crate) fn unchanged() -> Self {
        Self::none("it changed nothing")
    }

    /// No way back.
    pub fn none(why: impl Into<String>) -> Self {
        Self::None { why: why.into() }
    }
}

/// For primitives without actions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum NoAction {}

impl Display for NoAction {
    fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match *self {}
    }
}

//! What a primitive is: one job in the world, in the five moves observe, decide, act, result, undo.

use crate::driver::{Permit, Readers, World};
use crate::effect::{Class, Effect};
use crate::failure::{Failure, Result};
use crate::finding::{Complaint, Standing};
use crate::spec::{self, Field};
use crate::wait::Pace;
use futures_util::future::{BoxFuture, FutureExt};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::fmt::Display;
use std::future::Future;
use std::marker::PhantomData;

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

/// A thing that a step touches.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Subject {
    /// Such as `container`, `schema`, `url`.
    pub kind: String,
    /// Its name, unique within the kind; a part of another thing begins with that one's name and `/`.
    pub name: String,
    /// Whether nobody can tell what it reaches: a program, a URL.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub vague: bool,
}

impl Subject {
    /// A thing of that kind.
    pub fn new(kind: &str, name: impl Into<String>) -> Self {
        Self {
            kind: kind.into(),
            name: name.into(),
            vague: false,
        }
    }

    /// A thing of which nobody can tell what it reaches.
    pub fn vague(kind: &str, name: impl Into<String>) -> Self {
        Self {
            vague: true,
            ..Self::new(kind, name)
        }
    }

    /// Whether a change of the other may be one of it.
    pub(crate) fn may_be(&self, other: &Self) -> bool {
        self.vague || other.vague || self.is_part_of(other)
    }

    /// Whether one of the two is the other, or a part of it; of one kind nothing is a part of another.
    pub(crate) fn is_part_of(&self, other: &Self) -> bool {
        if self.kind == other.kind {
            return self.name == other.name;
        }
        let part = |of: &Self, whole: &Self| {
            let rest = of.name.strip_prefix(whole.name.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        part(self, other) || part(other, self)
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

/// What front ends need to know of a primitive: read off its declaration once.
#[derive(Debug, Clone)]
pub struct Spec {
    /// As scripts call it.
    pub name: &'static str,
    /// What it is as a whole.
    pub class: Class,
    /// The reference text.
    pub doc: &'static str,
    /// A call that works on its own.
    pub example: &'static str,
    /// Its own arguments: positional ones first.
    pub fields: Vec<Field>,
    /// What the script gets.
    pub result: Vec<Field>,
    /// Whether the script gets anything at all.
    pub gives: bool,
}

/// An action without its type.
#[derive(Debug, Clone, PartialEq)]
pub struct AnyAction {
    /// The action.
    pub value: Value,
    /// Its line in the plan.
    pub text: String,
    /// How doubt about it is settled.
    pub effect: Effect,
}

/// A primitive without its types; made from `Primitive` by `erase`, and by nothing else.
pub trait DynPrimitive: Send + Sync {
    /// What front ends need to know.
    fn spec(&self) -> &Spec;
    /// Whether the arguments can be read.
    fn parse(&self, args: &Value) -> Result<()>;
    /// See `Primitive::observe`.
    fn observe<'a>(&'a self, read: &'a Readers, args: &'a Value) -> BoxFuture<'a, Result<Value>>;
    /// See `Primitive::decide`.
    fn decide(&self, args: &Value, facts: &Value) -> Result<Decision<AnyAction>>;
    /// See `Primitive::act`.
    fn act<'a>(
        &'a self,
        world: &'a World,
        permit: &'a Permit,
        args: &'a Value,
        action: &'a Value,
    ) -> BoxFuture<'a, Result<Value>>;
    /// See `Primitive::settle`.
    fn settle<'a>(
        &'a self,
        read: &'a Readers,
        args: &'a Value,
        action: &'a Value,
        evidence: Option<&'a Value>,
    ) -> BoxFuture<'a, Result<Settled>>;
    /// See `Primitive::result`.
    fn result(
        &self,
        args: &Value,
        before: &Value,
        after: &Value,
        outcomes: &[Value],
    ) -> Result<Value>;
    /// See `Primitive::undo`.
    fn undo(&self, args: &Value, before: &Value) -> Result<Undo>;
    /// See `Primitive::subjects`.
    fn subjects(&self, args: &Value) -> Result<Vec<Subject>>;
    /// See `Primitive::summary`.
    fn summary(&self, args: &Value, out: &Value) -> Result<String>;
    /// See `Primitive::state`.
    fn state(&self, args: &Value, facts: &Value) -> Result<Option<String>>;
    /// See `Primitive::pace`.
    fn pace(&self, args: &Value) -> Result<Option<Pace>>;
    /// See `Primitive::too_late`.
    fn too_late(&self, args: &Value, last: &Value, failure: Failure) -> Result<Failure>;
    /// Which of the known arguments cannot be read, each looked at by itself, and why.
    fn unreadable(&self, known: &Map<String, Value>) -> Vec<(String, String)>;
    /// See `Primitive::runs_every_time`.
    fn runs_every_time(&self, args: &Value) -> Result<bool>;
    /// See `Primitive::inspect`.
    fn inspect(&self, known: &Map<String, Value>, stands: &Standing<'_>) -> Vec<Complaint>;
    /// See `Primitive::foresee`.
    fn foresee(
        &self,
        args: &Value,
        before: &Value,
        actions: &[Value],
    ) -> Result<Map<String, Value>>;
    /// See `Primitive::survey`.
    fn survey<'a>(
        &'a self,
        read: &'a Readers,
        args: &'a Value,
        before: &'a Value,
        actions: &'a [Value],
    ) -> BoxFuture<'a, Result<Survey>>;
}

/// The primitive behind its untyped face.
pub fn erase<P: Primitive>(primitive: P) -> Box<dyn DynPrimitive> {
    let spec = Spec {
        name: P::NAME,
        class: P::CLASS,
        doc: P::DOC,
        example: P::EXAMPLE,
        fields: Field::all_of::<P::Args>(),
        result: Field::all_of::<P::Out>(),
        gives: spec::gives::<P::Out>(),
    };
    Box::new(Erased {
        primitive,
        spec,
        types: PhantomData::<fn() -> P>,
    })
}

struct Erased<P> {
    primitive: P,
    spec: Spec,
    types: PhantomData<fn() -> P>,
}

impl<P: Primitive> Erased<P> {
    fn args(&self, args: &Value) -> Result<P::Args> {
        P::Args::deserialize(args).map_err(|error| {
            Failure::new(
                &crate::code::WRONG_TYPE,
                format!("the arguments of `{}` were refused: {error}", P::NAME),
            )
        })
    }
}

fn facts<T: DeserializeOwned>(value: &Value) -> Result<T> {
    T::deserialize(value).map_err(|error| Failure::broken("facts", error))
}

pub(crate) fn to_value(value: &impl Serialize) -> Value {
    serde_json::to_value(value)
        .expect("arguments, facts and results have text keys and finite numbers")
}

impl<P: Primitive> DynPrimitive for Erased<P> {
    fn spec(&self) -> &Spec {
        &self.spec
    }

    fn parse(&self, args: &Value) -> Result<()> {
        let none = Map::new();
        spec::check(
            P::NAME,
            &self.spec.fields,
            args.as_object().unwrap_or(&none),
        )?;
        self.args(args).map(drop)
    }

    fn observe<'a>(&'a self, read: &'a Readers, args: &'a Value) -> BoxFuture<'a, Result<Value>> {
        async move {
            Ok(to_value(
                &self.primitive.observe(read, &self.args(args)?).await?,
            ))
        }
        .boxed()
    }

    fn decide(&self, args: &Value, seen: &Value) -> Result<Decision<AnyAction>> {
        let args = self.args(args)?;
        let any = |action: P::Action| AnyAction {
            value: to_value(&action),
            text: action.to_string(),
            effect: self.primitive.effect(&args, &action),
        };
        Ok(match self.primitive.decide(&args, &facts(seen)?)? {
            Decision::Nothing => Decision::Nothing,
            Decision::Wait(why) => Decision::Wait(why),
            Decision::Act(stages) => Decision::Act(
                stages
                    .into_iter()
                    .map(|lanes| {
                        lanes
                            .into_iter()
                            .map(|lane| lane.into_iter().map(any).collect())
                            .collect()
                    })
                    .collect(),
            ),
        })
    }

    fn act<'a>(
        &'a self,
        world: &'a World,
        permit: &'a Permit,
        args: &'a Value,
        action: &'a Value,
    ) -> BoxFuture<'a, Result<Value>> {
        async move {
            let action = read_action::<P>(action)?;
            self.primitive
                .act(world, permit, &self.args(args)?, &action)
                .await
        }
        .boxed()
    }

    fn settle<'a>(
        &'a self,
        read: &'a Readers,
        args: &'a Value,
        action: &'a Value,
        evidence: Option<&'a Value>,
    ) -> BoxFuture<'a, Result<Settled>> {
        async move {
            let action = read_action::<P>(action)?;
            self.primitive
                .settle(read, &self.args(args)?, &action, evidence)
                .await
        }
        .boxed()
    }

    fn result(
        &self,
        args: &Value,
        before: &Value,
        after: &Value,
        outcomes: &[Value],
    ) -> Result<Value> {
        let out =
            self.primitive
                .result(&self.args(args)?, &facts(before)?, &facts(after)?, outcomes)?;
        Ok(to_value(&out))
    }

    fn undo(&self, args: &Value, before: &Value) -> Result<Undo> {
        Ok(self.primitive.undo(&self.args(args)?, &facts(before)?))
    }

    fn subjects(&self, args: &Value) -> Result<Vec<Subject>> {
        Ok(self.primitive.subjects(&self.args(args)?))
    }

    fn summary(&self, args: &Value, out: &Value) -> Result<String> {
        Ok(self.primitive.summary(&self.args(args)?, out))
    }

    fn state(&self, args: &Value, seen: &Value) -> Result<Option<String>> {
        Ok(self.primitive.state(&self.args(args)?, &facts(seen)?))
    }

    fn pace(&self, args: &Value) -> Result<Option<Pace>> {
        Ok(self.primitive.pace(&self.args(args)?))
    }

    fn too_late(&self, args: &Value, last: &Value, failure: Failure) -> Result<Failure> {
        Ok(self
            .primitive
            .too_late(&self.args(args)?, &facts(last)?, failure))
    }

    fn unreadable(&self, known: &Map<String, Value>) -> Vec<(String, String)> {
        let alone = |(name, value): (&String, &Value)| {
            let one = Value::Object(Map::from_iter([(name.clone(), value.clone())]));
            let error = P::Args::deserialize(&one).err()?.to_string();
            // That the others are missing says nothing: the value is read before they are missed.
            (!error.starts_with("missing field")).then(|| (name.clone(), error))
        };
        known.iter().filter_map(alone).collect()
    }

    fn runs_every_time(&self, args: &Value) -> Result<bool> {
        Ok(self.primitive.runs_every_time(&self.args(args)?))
    }

    fn inspect(&self, known: &Map<String, Value>, stands: &Standing<'_>) -> Vec<Complaint> {
        self.primitive.inspect(known, stands)
    }

    fn foresee(
        &self,
        args: &Value,
        before: &Value,
        actions: &[Value],
    ) -> Result<Map<String, Value>> {
        let actions = read_actions::<P>(actions)?;
        let actions: Vec<&P::Action> = actions.iter().collect();
        let (args, before) = (self.args(args)?, facts(before)?);
        Ok(self.primitive.foresee(&args, &before, &actions))
    }

    fn survey<'a>(
        &'a self,
        read: &'a Readers,
        args: &'a Value,
        before: &'a Value,
        actions: &'a [Value],
    ) -> BoxFuture<'a, Result<Survey>> {
        async move {
            let actions = read_actions::<P>(actions)?;
            let actions: Vec<&P::Action> = actions.iter().collect();
            let (args, before) = (self.args(args)?, facts(before)?);
            self.primitive.survey(read, &args, &before, &actions).await
        }
        .boxed()
    }
}

fn read_action<P: Primitive>(action: &Value) -> Result<P::Action> {
    P::Action::deserialize(action).map_err(|error| Failure::broken("action", error))
}

fn read_actions<P: Primitive>(actions: &[Value]) -> Result<Vec<P::Action>> {
    actions.iter().map(read_action::<P>).collect()
}

//! A primitive without its types: what the kernel, front ends and checks work with.

use crate::driver::{Permit, Readers, World};
use crate::effect::{Class, Effect};
use crate::failure::{Failure, Result};
use crate::finding::{Complaint, Standing};
use crate::primitive::{Decision, Primitive, Settled, Survey, Undo};
use crate::spec::{self, Field};
use crate::subject::Subject;
use crate::wait::Pace;
use futures_util::future::{BoxFuture, FutureExt};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::marker::PhantomData;

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

//! Brackets stand around a closure: a transaction begins, the closure runs, the transaction commits or not.

use crate::code;
use crate::driver::{Permit, Readers, World};
use crate::failure::{Failure, Result};
use crate::primitive::Settled;
use crate::spec::{self, Field};
use futures_util::future::{BoxFuture, FutureExt};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::future::Future;

/// How the closure ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// It gave a value.
    Ok,
    /// It threw.
    Error,
}

/// Something that stands around a closure. Both ends are journalled; `leave` runs on errors too.
pub trait Bracket: Send + Sync + 'static {
    /// Parsed once, at the border.
    type Args: Serialize + DeserializeOwned + JsonSchema + Send + Sync;

    /// What the registry and the journal call it.
    const NAME: &'static str;
    /// As scripts call it.
    const WORD: &'static str = Self::NAME;
    /// The reference text.
    const DOC: &'static str;
    /// A call that works on its own.
    const EXAMPLE: &'static str;

    /// Begins; gives the argument of the closure.
    fn enter(
        &self,
        world: &World,
        permit: &Permit,
        args: &Self::Args,
    ) -> impl Future<Output = Result<Value>> + Send;

    /// What tells later whether `leave` took effect; recorded before it.
    fn evidence(
        &self,
        world: &World,
        permit: &Permit,
        entered: &Value,
    ) -> impl Future<Output = Result<Value>> + Send;

    /// Whether `leave` took effect in a process that died in the middle of it: looks, and changes nothing.
    fn settle(
        &self,
        read: &Readers,
        args: &Self::Args,
        evidence: &Value,
    ) -> impl Future<Output = Result<Settled>> + Send;

    /// Ends.
    fn leave(
        &self,
        world: &World,
        permit: &Permit,
        entered: &Value,
        end: End,
    ) -> impl Future<Output = Result<()>> + Send;

    /// What is shown beside the step.
    fn place(&self, args: &Self::Args) -> String;
}

/// A bracket without its types; made by `erase_bracket`.
pub trait DynBracket: Send + Sync {
    /// What the registry and the journal call it.
    fn name(&self) -> &'static str;
    /// As scripts call it.
    fn word(&self) -> &'static str;
    /// The reference text.
    fn doc(&self) -> &'static str;
    /// A call that works on its own.
    fn example(&self) -> &'static str;
    /// Its arguments.
    fn fields(&self) -> &[Field];
    /// See `Bracket::place`; refuses what cannot be read.
    fn place(&self, args: &Value) -> Result<String>;
    /// See `Bracket::enter`.
    fn enter<'a>(
        &'a self,
        world: &'a World,
        permit: &'a Permit,
        args: &'a Value,
    ) -> BoxFuture<'a, Result<Value>>;
    /// See `Bracket::evidence`.
    fn evidence<'a>(
        &'a self,
        world: &'a World,
        permit: &'a Permit,
        entered: &'a Value,
    ) -> BoxFuture<'a, Result<Value>>;
    /// See `Bracket::settle`.
    fn settle<'a>(
        &'a self,
        read: &'a Readers,
        args: &'a Value,
        evidence: &'a Value,
    ) -> BoxFuture<'a, Result<Settled>>;
    /// See `Bracket::leave`.
    fn leave<'a>(
        &'a self,
        world: &'a World,
        permit: &'a Permit,
        entered: &'a Value,
        end: End,
    ) -> BoxFuture<'a, Result<()>>;
}

struct Erased<B> {
    bracket: B,
    fields: Vec<Field>,
}

/// The bracket behind its untyped face.
pub fn erase_bracket<B: Bracket>(bracket: B) -> Box<dyn DynBracket> {
    Box::new(Erased {
        bracket,
        fields: Field::all_of::<B::Args>(),
    })
}

impl<B: Bracket> Erased<B> {
    fn args(args: &Value) -> Result<B::Args> {
        B::Args::deserialize(args).map_err(|error| {
            Failure::new(
                &code::WRONG_TYPE,
                format!("the arguments of `{}` were refused: {error}", B::WORD),
            )
        })
    }
}

impl<B: Bracket> DynBracket for Erased<B> {
    fn name(&self) -> &'static str {
        B::NAME
    }
    fn word(&self) -> &'static str {
        B::WORD
    }
    fn doc(&self) -> &'static str {
        B::DOC
    }
    fn example(&self) -> &'static str {
        B::EXAMPLE
    }
    fn fields(&self) -> &[Field] {
        &self.fields
    }
    fn place(&self, args: &Value) -> Result<String> {
        spec::check(
            B::WORD,
            &self.fields,
            args.as_object().unwrap_or(&Map::new()),
        )?;
        Ok(self.bracket.place(&Self::args(args)?))
    }
    fn enter<'a>(
        &'a self,
        world: &'a World,
        permit: &'a Permit,
        args: &'a Value,
    ) -> BoxFuture<'a, Result<Value>> {
        async move { self.bracket.enter(world, permit, &Self::args(args)?).await }.boxed()
    }
    fn evidence<'a>(
        &'a self,
        world: &'a World,
        permit: &'a Permit,
        entered: &'a Value,
    ) -> BoxFuture<'a, Result<Value>> {
        self.bracket.evidence(world, permit, entered).boxed()
    }
    fn settle<'a>(
        &'a self,
        read: &'a Readers,
        args: &'a Value,
        evidence: &'a Value,
    ) -> BoxFuture<'a, Result<Settled>> {
        async move {
            let args = Self::args(args)?;
            self.bracket.settle(read, &args, evidence).await
        }
        .boxed()
    }
    fn leave<'a>(
        &'a self,
        world: &'a World,
        permit: &'a Permit,
        entered: &'a Value,
        end: End,
    ) -> BoxFuture<'a, Result<()>> {
        self.bracket.leave(world, permit, entered, end).boxed()
    }
}

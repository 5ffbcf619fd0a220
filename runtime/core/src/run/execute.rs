//! Observe, decide, act, observe again: one attempt of a step, and what it remembers over all of them.

use super::past::PastStep;
use super::scope::Scope;
use super::setup::Run;
use super::step::{Common, OnDoubt, UndoWish};
use crate::code;
use crate::driver::Readers;
use crate::effect::Class;
use crate::erased::DynPrimitive;
use crate::event::Step;
use crate::failure::{CallError, Failure, Site};
use crate::primitive::{Decision, Undo};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A result above this does not belong in a script.
const LARGEST_RESULT: usize = 1 << 20;

/// One step while it runs.
pub(super) struct Execution<'a> {
    pub(super) run: &'a Run,
    pub(super) primitive: &'a dyn DynPrimitive,
    pub(super) step: &'a Step,
    pub(super) args: &'a Value,
    pub(super) readers: Readers,
    /// Where it was called; what is undone belongs to the run.
    pub(super) scope: &'a Scope,
    /// Whether the script wants it undone.
    pub(super) wish: Option<UndoWish>,
    /// What the script says of an action in doubt.
    pub(super) on_doubt: Option<OnDoubt>,
    /// Where the script called it; `None` for what undoes.
    pub(super) site: Option<&'a Site>,
    /// What an earlier process did of it.
    pub(super) past: Option<&'a PastStep>,
    /// That of the first attempt.
    pub(super) generation: u32,
    /// Whether any action had an effect, or may have had one.
    pub(super) acted: AtomicBool,
    /// Actions that were begun and have not answered; given up half-way, they may have had their effect.
    pub(super) under_way: AtomicU32,
    /// Whether an action is in doubt that must not be tried again.
    pub(super) in_doubt: AtomicBool,
    seen: Mutex<Seen>,
}

/// What a step remembers over its attempts.
#[derive(Default)]
pub(super) struct Seen {
    /// The world before the first action of any attempt, and the way back to it.
    pub(super) first: Option<(Value, Undo)>,
    /// What the actions gave that succeeded.
    pub(super) outcomes: Vec<Value>,
    /// Actions that an earlier process did, by their ordinal, with what they gave where that is known.
    pub(super) recalled: BTreeMap<u32, Option<Value>>,
    /// Why the last attempt failed.
    failure: Option<Failure>,
}

/// A step that has its result.
pub(super) struct Done {
    pub(super) value: Value,
    pub(super) changed: bool,
    pub(super) after: Value,
    pub(super) attempts: Option<u32>,
}

/// A step without one.
pub(super) enum Broken {
    Failed(Box<Failure>),
    Stopped,
    Fatal(Box<Failure>),
}

impl From<Failure> for Broken {
    fn from(failure: Failure) -> Self {
        CallError::from(failure).into()
    }
}

impl From<CallError> for Broken {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Failed(failure) => Self::Failed(failure),
            CallError::Stopped => Self::Stopped,
            CallError::Fatal(failure) => Self::Fatal(failure),
        }
    }
}

impl Broken {
    /// Of two lanes that broke: what is worse decides, and every failure is told.
    pub(super) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Fatal(failure), _) | (_, Self::Fatal(failure)) => Self::Fatal(failure),
            (Self::Failed(mut failure), Self::Failed(other)) => {
                failure.doubt |= other.doubt;
                failure.partial |= other.partial;
                failure.retryable &= other.retryable;
                let told = format!("another action failed too: {}", other.message);
                failure.because.push(told);
                Self::Failed(failure)
            }
            (Self::Failed(failure), Self::Stopped) | (Self::Stopped, Self::Failed(failure)) => {
                Self::Failed(failure)
            }
            (Self::Stopped, Self::Stopped) => Self::Stopped,
        }
    }
}

impl<'a> Execution<'a> {
    pub(super) fn new(
        run: &'a Run,
        primitive: &'a dyn DynPrimitive,
        step: &'a Step,
        args: &'a Value,
        scope: &'a Scope,
        common: &Common,
    ) -> Self {
        let readers = run.readers(step);
        let (acted, under_way) = (AtomicBool::new(false), AtomicU32::new(0));
        let past = run.0.past.step(&step.key);
        Self {
            run,
            primitive,
            step,
            args,
            readers,
            scope,
            wish: common.undo,
            on_doubt: common.on_doubt,
            site: None,
            past,
            generation: run.0.past.next_generation(&step.key),
            acted,
            under_way,
            in_doubt: AtomicBool::new(false),
            seen: Mutex::default(),
        }
    }

    /// Whether any action had an effect, or may have had one.
    pub(super) fn acted(&self) -> bool {
        self.acted.load(Ordering::SeqCst) || self.is_under_way()
    }

    /// Whether an action was begun and has not answered.
    pub(super) fn is_under_way(&self) -> bool {
        self.under_way.load(Ordering::SeqCst) > 0
    }

    /// How the step is undone; `None` when there is nothing to undo.
    pub(super) fn undo(&self) -> Option<Undo> {
        let first = self.seen().first.clone();
        first.filter(|_| self.acted()).map(|(_, undo)| undo)
    }

    /// Whether another attempt does nothing twice. What converges looks first; of everything else nothing may have
    /// been done yet, for nothing would keep it from being done again.
    pub(super) fn may_be_repeated(&self) -> bool {
        let every = self.primitive.spec().class == Class::Every;
        !(self.in_doubt.load(Ordering::SeqCst) || every && !self.seen().outcomes.is_empty())
    }

    pub(super) fn remember(&self, failure: Failure) {
        self.seen().failure = Some(failure);
    }

    pub(super) fn remembered(&self) -> Option<Failure> {
        self.seen().failure.clone()
    }

    pub(super) fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the next action may begin.
    pub(super) fn may_go_on(&self) -> Result<(), CallError> {
        self.run.may_start(self.scope)
    }

    /// Within a transaction nothing is written down action by action: it happens as a whole or not at all.
    pub(super) fn is_journalled(&self) -> bool {
        !self.scope.in_transaction()
    }

    /// One attempt.
    pub(super) async fn run(&self, generation: u32) -> Result<Done, Broken> {
        if let Some(pace) = self.primitive.pace(self.args)? {
            return self.wait(pace).await;
        }
        let before = match self.before_the_rest() {
            Some(before) => before,
            None => self.observe().await?,
        };
        match self.primitive.decide(self.args, &before)? {
            Decision::Nothing => self.done(false, &before, before.clone(), None),
            Decision::Wait(why) => Err(Failure::new(&code::WAIT, why).into()),
            Decision::Act(stages) => {
                self.run.is_approved(self.step, self.site, &stages)?;
                self.act(generation, &before, &stages).await?;
                let after = self.observe().await?;
                self.converged(&after)?;
                self.done(true, &before, after, None)
            }
        }
    }

    pub(super) async fn observe(&self) -> Result<Value, Broken> {
        let facts = self.primitive.observe(&self.readers, self.args).await?;
        Ok(self.readers.vault().scrubber().value(facts))
    }

    /// An ensure step that acted must find nothing left to do.
    fn converged(&self, after: &Value) -> Result<(), Failure> {
        if self.primitive.spec().class != Class::Ensure {
            return Ok(());
        }
        let left: Vec<String> = match self.primitive.decide(self.args, after)? {
            Decision::Nothing => return Ok(()),
            Decision::Wait(why) => vec![why],
            Decision::Act(stages) => stages
                .into_iter()
                .flatten()
                .flatten()
                .map(|action| action.text)
                .collect(),
        };
        let message = format!(
            "`{}` acted, but the world is not as it wanted",
            self.step.name
        );
        let failure = Failure::new(&code::NOT_CONVERGED, message);
        Err(left.into_iter().fold(failure, |failure, text| {
            failure.because(format!("still to do: {text}"))
        }))
    }

    pub(super) fn done(
        &self,
        changed: bool,
        before: &Value,
        after: Value,
        attempts: Option<u32>,
    ) -> Result<Done, Broken> {
        // With retries, an earlier attempt may have acted: the result is about the whole of it.
        let changed = changed || self.acted();
        let value = {
            let seen = self.seen();
            let before = seen.first.as_ref().map_or(before, |(before, _)| before);
            let told = self
                .primitive
                .result(self.args, before, &after, &seen.outcomes);
            match told {
                // Taken for done by a person's word: what it gave is lost.
                Err(_) if seen.recalled.values().any(Option::is_none) => Map::new().into(),
                told => told?,
            }
        };
        let value = self.readers.vault().scrubber().value(value);
        let size = value.to_string().len();
        if size > LARGEST_RESULT {
            let message = format!(
                "the result of `{}` was refused: it has {size} bytes",
                self.step.name
            );
            return Err(Failure::new(&code::SCRIPT, message)
                .because("a result may have 1 MiB")
                .into());
        }
        Ok(Done {
            value,
            changed,
            after,
            attempts,
        })
    }
}

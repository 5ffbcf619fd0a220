//! One call of a primitive: from the request of the script to its result, with retries, timeout and undo of halves.

use super::attempts::Retry;
use super::doubt::NOBODY_KNOWS;
use super::execute::{Broken, Execution};
use super::scope::{Scope, StepEntry};
use super::setup::Run;
use crate::cancel::Level;
use crate::code;
use crate::effect::Class;
use crate::erased::DynPrimitive;
use crate::event::{Step, What};
use crate::failure::{CallError, Failure, Site};
use crate::journal::{Body, TransactionStep};
use crate::primitive::Undo;
use crate::{Handle, Span, unknown};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::atomic::Ordering;

/// What a script asked for.
#[derive(Debug, Clone)]
pub struct Request {
    /// Name of the primitive.
    pub name: String,
    /// Its own arguments.
    pub args: Value,
    /// What every call takes.
    pub common: Common,
    /// Where in the script, innermost first.
    pub site: Vec<Site>,
}

/// Options that every call takes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Common {
    /// A stable name for the step's key, unique in its scope.
    pub id: Option<String>,
    /// The longest that the whole call may take, retries and lock waits included.
    pub timeout: Option<Span>,
    /// How often and when the call is made again after it failed.
    pub retry: Option<Retry>,
    /// Whether the step is undone when its scope fails; `"none"` leaves it as it is.
    pub undo: Option<UndoWish>,
    /// What a resumed run does when it had died in the middle of the step and nobody can tell whether that took effect:
    /// `"ask"` a person, do it `"again"`, or `"skip"` it.
    pub on_doubt: Option<OnDoubt>,
}

/// What is done about an action of which nobody can tell whether it took effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnDoubt {
    /// The run stops until a person has said.
    Ask,
    /// It is done, at the risk of doing it twice.
    Again,
    /// It is not done, at the risk of its never being done.
    Skip,
}

/// Whether a step is undone when its scope fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UndoWish {
    /// As its primitive does.
    Auto,
    /// Not at all.
    None,
}

impl Request {
    /// Tells its arguments from others.
    pub(super) fn hash(&self) -> String {
        crate::journal::hash(self.args.to_string().as_bytes())
    }
}

impl Run {
    /// Runs one step, or says why it gave no value.
    ///
    /// # Errors
    /// `Failed` with what it had done by halves undone already; `Stopped`; `Fatal` when the journal is lost.
    pub async fn call(&self, scope: &Scope, request: Request) -> Result<Value, CallError> {
        let registry = self.0.registry.clone();
        let Some(primitive) = registry.primitives.get(request.name.as_str()) else {
            let message = format!("there is no primitive `{}`", request.name);
            return Err(Failure::new(&code::UNKNOWN_FUNCTION, message).into());
        };
        let located = |mut failure: Failure| {
            failure.chain = request.site.clone();
            CallError::from(self.scrubbed(failure))
        };
        if let Some(planning) = self.planning()
            && let Some(origin) = unknown::origin_in(&request.args)
        {
            return self.plan_unknown(planning, scope, &**primitive, &request, origin);
        }
        primitive.parse(&request.args).map_err(located)?;
        self.allowed_here(scope, &request.name, &request.args)
            .map_err(located)?;
        if let Some(planning) = self.planning() {
            self.unobjectionable(scope, &**primitive, &request)
                .map_err(located)?;
            return self
                .plan_call(planning, scope, &**primitive, &request)
                .await;
        }
        let key = scope
            .next_key(&request.name, request.common.id.as_deref())
            .map_err(located)?;
        if self.begins(scope, &key) {
            self.unobjectionable(scope, &**primitive, &request)
                .map_err(located)?;
        }
        let subjects = primitive.subjects(&request.args)?;
        let place = subjects
            .first()
            .map(|s| self.clean(&s.name))
            .unwrap_or_default();
        let step = Step {
            key,
            n: self.next_step(),
            name: request.name.clone(),
            place,
        };
        self.meet(&step.key);
        if let Some(value) = self.recall(scope, &**primitive, &step, &request).await? {
            return Ok(value);
        }
        self.stop_rehearsing(&step, &request)?;
        if !self.0.past.is_under_way(&step.key) {
            self.may_start(scope)?;
        }
        self.emit(What::StepStarted(step.clone()));

        let began = self.0.clock.elapsed();
        let mut execution = Execution::new(
            self,
            &**primitive,
            &step,
            &request.args,
            scope,
            &request.common,
        );
        execution.site = request.site.first();
        let result = self.bounded(&execution, &request.common).await;
        let took = self.since(began);
        // Until its transaction commits, nothing has happened.
        if execution.acted() && !scope.in_transaction() {
            self.0.acted.store(true, Ordering::SeqCst);
        }
        let done = match result {
            Ok(done) => done,
            Err(broken) => {
                return Err(self.broken(scope, &execution, &request, broken, took).await);
            }
        };

        let changed = match primitive.spec().class {
            Class::Read | Class::Gate => None,
            Class::Ensure | Class::Every => Some(done.changed),
        };
        let value = finished(done.value.clone(), changed, took, done.attempts);
        let told = if execution.is_assumed() {
            Ok(("taken for done".to_owned(), None))
        } else {
            let summary = primitive.summary(&request.args, &value);
            summary.and_then(|summary| {
                let state = primitive.state(&request.args, &done.after)?;
                Ok((summary, state))
            })
        };
        let (summary, state) = match told {
            Ok(told) => told,
            Err(failure) => {
                let broken = failure.into();
                return Err(self.broken(scope, &execution, &request, broken, took).await);
            }
        };
        let undo = execution.undo();
        self.enter_step(scope, &**primitive, &step, &request, undo.clone())?;
        if let Some(transaction) = scope.transaction() {
            let undo = undo.clone().unwrap_or_else(Undo::unchanged);
            transaction.add_result(self.tx_step(&step, &request, value.clone(), None, undo));
        } else {
            self.write_result(
                &step,
                &request,
                &execution,
                Outcome {
                    changed: done.changed,
                    value: &value,
                    failure: None,
                    stopped: false,
                    summary: &summary,
                    state,
                    took,
                },
            );
        }
        self.emit(What::StepFinished {
            step,
            changed,
            summary,
            took,
        });
        Ok(value)
    }

    /// Adds a step that has its result to its scope.
    pub(super) fn enter_step(
        &self,
        scope: &Scope,
        primitive: &dyn DynPrimitive,
        step: &Step,
        request: &Request,
        undo: Option<Undo>,
    ) -> Result<(), Failure> {
        let converges = primitive.spec().class == Class::Ensure;
        if converges || undo.is_some() {
            scope.add_step(StepEntry {
                step: step.clone(),
                args: outside_transactions(&request.args),
                subjects: primitive.subjects(&request.args)?,
                converges,
                undo,
            });
        }
        Ok(())
    }

    /// Writes down a failed step, and undoes what it had done by halves.
    async fn broken(
        &self,
        scope: &Scope,
        execution: &Execution<'_>,
        request: &Request,
        broken: Broken,
        took: u64,
    ) -> CallError {
        let stopped = matches!(broken, Broken::Stopped);
        let mut failure = match broken {
            Broken::Failed(failure) => *failure,
            Broken::Fatal(failure) => return CallError::Fatal(failure),
            // A sibling failed: the branch is undone, and so is the half of this step. Told to stop, it is resumed.
            Broken::Stopped if execution.acted() && self.goes_on() && !scope.in_transaction() => {
                Failure::new(&code::SCRIPT, "stopped, because another branch failed")
            }
            Broken::Stopped => return CallError::Stopped,
        };
        let step = execution.step;
        failure.step = Some(step.key.clone());
        failure.chain = request.site.clone();
        // Looking at the world again settles everything but what nobody can observe; a transaction rolls back.
        failure.doubt &= execution.acted()
            && execution.primitive.spec().class == Class::Every
            && !scope.in_transaction();
        let mut failure = self.scrubbed(failure);
        let half = execution.undo().filter(|_| !scope.in_transaction());
        let named = format!("{} {}", step.name, step.place);
        let named = named.trim_end();
        let half = if half.is_none() {
            None
        } else if failure.doubt {
            // Undoing what may not have happened is as wrong as doing twice what may have.
            let line = format!("{NOBODY_KNOWS}, so it was not undone: {named}");
            failure.state.push(line);
            None
        } else if scope.freezes() {
            failure.state.push(format!("left as it is: {named}"));
            None
        } else {
            half
        };
        if let Some(transaction) = scope.transaction() {
            let undo = Undo::none("it failed");
            transaction.add_result(self.tx_step(
                step,
                request,
                Value::Null,
                Some(failure.clone()),
                undo,
            ));
        } else {
            let outcome = Outcome {
                changed: execution.acted(),
                value: &Value::Null,
                failure: Some(failure.clone()),
                stopped,
                summary: "",
                state: None,
                took,
            };
            self.write_result(step, request, execution, outcome);
        }
        self.emit(What::StepFailed {
            step: step.clone(),
            failure: failure.clone(),
            took,
        });
        self.raise_half(scope, step, half, failure, stopped).await
    }

    /// Undoes the half of a failed step and gives the error that the script gets.
    pub(super) async fn raise_half(
        &self,
        scope: &Scope,
        step: &Step,
        half: Option<Undo>,
        mut failure: Failure,
        stopped: bool,
    ) -> CallError {
        if let Some(undo) = half
            && let Err(error) = self.undo_half(scope, step, undo, &mut failure).await
        {
            return error;
        }
        if stopped && !failure.frozen {
            return CallError::Stopped;
        }
        CallError::Failed(Box::new(failure))
    }

    fn write_result(
        &self,
        step: &Step,
        request: &Request,
        execution: &Execution<'_>,
        outcome: Outcome<'_>,
    ) {
        let body = Body::Result {
            primitive: request.name.clone(),
            class: execution.primitive.spec().class,
            args: request.hash(),
            place: step.place.clone(),
            site: request.site.clone(),
            changed: outcome.changed,
            value: outcome.value.clone(),
            failure: outcome.failure,
            stopped: outcome.stopped,
            summary: outcome.summary.to_owned(),
            state: outcome.state,
            took: outcome.took,
        };
        self.0.journal.write(&step.key, execution.generation, body);
    }

    fn tx_step(
        &self,
        step: &Step,
        request: &Request,
        value: Value,
        failure: Option<Failure>,
        undo: Undo,
    ) -> TransactionStep {
        TransactionStep {
            key: step.key.clone(),
            n: step.n,
            primitive: request.name.clone(),
            args: request.hash(),
            value,
            failure,
            undo: self.written_undo(undo),
        }
    }

    /// Within a transaction only calls on that transaction have a place.
    pub(super) fn allowed_here(
        &self,
        scope: &Scope,
        name: &str,
        args: &Value,
    ) -> Result<(), Failure> {
        let mut handles = vec![];
        find_handles(args, &mut handles);
        let inside = handles.iter().any(|handle| handle.transaction.is_some());
        if inside == scope.in_transaction() {
            return Ok(());
        }
        Err(if inside {
            Failure::new(
                &code::NOT_ALLOWED_HERE,
                format!("`{name}` was given the handle of a transaction that has ended"),
            )
        } else {
            Failure::new(
                &code::NOT_ALLOWED_HERE,
                format!("`{name}` was called within a transaction, but not on it"),
            )
            .because("what it does could not be rolled back together with the transaction")
            .hint("give it the transaction's handle, or move the call out of `transaction`")
        })
    }

    fn goes_on(&self) -> bool {
        self.0.cancel.level() == Level::Go
    }

    pub(super) fn clean(&self, text: &str) -> String {
        self.0.vault.scrubber().text(text).into_owned()
    }
}

struct Outcome<'a> {
    changed: bool,
    value: &'a Value,
    failure: Option<Failure>,
    stopped: bool,
    summary: &'a str,
    state: Option<String>,
    took: u64,
}

/// Adds to a map of results what every call tells.
pub(super) fn finished(
    value: Value,
    changed: Option<bool>,
    took: u64,
    attempts: Option<u32>,
) -> Value {
    let Value::Object(mut map) = value else {
        return value;
    };
    if let Some(changed) = changed {
        map.insert("changed".into(), changed.into());
    }
    if let Some(attempts) = attempts {
        map.insert("attempts".into(), attempts.into());
    }
    map.insert("took".into(), (took as f64 / 1000.0).into());
    map.into()
}

/// The arguments as they are meant once the transaction that they were made in is over.
pub(super) fn outside_transactions(value: &Value) -> Value {
    match value {
        Value::Object(map) => match Handle::of_value(value) {
            Some(handle) => handle.without_transaction().to_value(),
            None => map
                .iter()
                .map(|(key, value)| (key.clone(), outside_transactions(value)))
                .collect(),
        },
        Value::Array(items) => items.iter().map(outside_transactions).collect(),
        plain => plain.clone(),
    }
}

/// Every handle in a value.
pub(super) fn find_handles(value: &Value, found: &mut Vec<Handle>) {
    match value {
        Value::Object(map) => match Handle::of_value(value) {
            Some(handle) => found.push(handle),
            None => map.values().for_each(|v| find_handles(v, found)),
        },
        Value::Array(items) => items.iter().for_each(|v| find_handles(v, found)),
        _ => {}
    }
}

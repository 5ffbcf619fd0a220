//! Enters and leaves brackets: what tells later how one ended is durable before its end.

use super::bracket::{DynBracket, End};
use super::planning::Met;
use super::scope::{Scope, ScopeKind};
use super::setup::Run;
use super::step::find_handles;
use crate::code;
use crate::driver::{Permit, World};
use crate::effect::Effect;
use crate::event::{Step, What};
use crate::failure::{CallError, Failure, Result, Site};
use crate::handle::Handle;
use crate::journal::Body;
use crate::plan::Remark;
use serde_json::Value;
use std::sync::atomic::Ordering;

/// A bracket that was entered and not left yet.
pub struct Entered {
    /// The scope of the closure.
    pub scope: Scope,
    /// The argument of the closure.
    pub value: Value,
    /// Whether it stands within another bracket, whose end decides about both.
    nested: bool,
    bracket: String,
    step: Step,
    site: Vec<Site>,
    began: std::time::Duration,
    generation: u32,
    /// How an earlier process ended it: then nothing of it is done again.
    over: Option<Result<(), Failure>>,
}

impl Run {
    /// Begins a bracket.
    ///
    /// # Errors
    /// Whatever its arguments or its beginning fail with.
    pub async fn enter(
        &self,
        scope: &Scope,
        name: &str,
        args: Value,
        site: Vec<Site>,
    ) -> Result<Entered, CallError> {
        let registry = self.0.registry.clone();
        let bracket = registry.brackets.get(name).ok_or_else(|| {
            Failure::new(
                &code::UNKNOWN_FUNCTION,
                format!("there is no bracket `{name}`"),
            )
        })?;
        let located = |mut failure: Failure| {
            failure.chain = site.clone();
            CallError::from(self.scrubbed(failure))
        };
        let place = bracket.place(&args).map_err(located)?;
        self.allowed_here(scope, name, &args).map_err(located)?;
        let nested = scope.in_transaction();
        let inner = scope.child(name, "", ScopeKind::Transaction);
        let step = Step {
            key: inner.path().to_owned(),
            n: self.next_step(),
            name: name.into(),
            place,
        };
        let began = self.0.clock.elapsed();
        let generation = self.0.past.next_generation(&step.key);
        if self.is_plan() {
            if let Some(site) = site.first() {
                self.met(Met::Remark(Remark {
                    word: bracket.word().into(),
                    text: format!("{}, step {}", step.place, step.n),
                    site: site.clone(),
                }));
            }
            return Ok(Entered {
                scope: inner,
                value: inside(&args),
                nested,
                bracket: name.into(),
                step,
                site,
                began,
                generation,
                over: Some(Ok(())),
            });
        }
        let readers = self.readers(&step);
        self.meet(&step.key);
        let over = self
            .recall_bracket(&inner, &**bracket, &readers, &args)
            .await?;
        if let Some((value, over)) = over {
            return Ok(Entered {
                scope: inner,
                value,
                nested,
                bracket: name.into(),
                step,
                site,
                began,
                generation,
                over: Some(over),
            });
        }
        self.may_start(scope)?;
        self.emit(What::StepStarted(step.clone()));
        let world = World {
            readers,
            evidence: None,
        };
        let begun = async {
            if !nested {
                self.bind(world.read(), &args).await?;
                let body = Body::Intent {
                    action: 0,
                    what: args.clone(),
                    effect: Effect::Transaction,
                };
                self.0.journal.commit(&step.key, generation, body).await?;
            }
            let permit = permit();
            let enter = bracket.enter(&world, &permit, &args);
            Ok::<_, CallError>(self.unless_aborted(enter).await??)
        };
        match begun.await {
            Ok(value) => Ok(Entered {
                scope: inner,
                value,
                nested,
                bracket: name.into(),
                step,
                site,
                began,
                generation,
                over: None,
            }),
            Err(CallError::Failed(failure)) => {
                let mut failure = self.scrubbed(*failure);
                failure.step = Some(step.key.clone());
                failure.chain = site;
                let end = Ending {
                    step: &step,
                    nested,
                    began,
                    generation,
                };
                self.end_of(end, Some(&failure)).await?;
                Err(failure.into())
            }
            Err(other) => Err(other),
        }
    }

    /// Ends a bracket: with the value of its closure, or with the error that it threw, which is given back.
    ///
    /// # Errors
    /// The error of the closure, or of the end itself.
    pub async fn leave(
        &self,
        entered: Entered,
        result: Result<Value, CallError>,
    ) -> Result<Value, CallError> {
        let Entered {
            scope,
            value: handle,
            nested,
            bracket,
            step,
            site,
            began,
            generation,
            over,
        } = entered;
        if self.is_plan() {
            return result;
        }
        if let Some(over) = over {
            return self.leave_again(&scope, over, result);
        }
        let ending = || Ending {
            step: &step,
            nested,
            began,
            generation,
        };
        let registry = self.0.registry.clone();
        let bracket = registry
            .brackets
            .get(bracket.as_str())
            .ok_or_else(|| Failure::broken("bracket", &bracket))?;
        let world = World {
            readers: self.readers(&step),
            evidence: None,
        };
        let located = |mut failure: Failure| {
            failure.chain = site.clone();
            failure.step = Some(step.key.clone());
            self.scrubbed(failure)
        };
        let permit = permit();
        let error = match result {
            Ok(value) => match self
                .seal(&scope, &**bracket, &world, &handle, ending(), &value)
                .await
            {
                Ok(()) => {
                    let leave = bracket.leave(&world, &permit, &handle, End::Ok);
                    let left = match self.unless_aborted(leave).await {
                        Ok(left) => left,
                        // Given up in the middle of its end: only its evidence tells what came of it.
                        Err(stopped) => {
                            self.has_acted(nested);
                            return Err(stopped);
                        }
                    };
                    let Err(failure) = left else {
                        self.has_acted(nested);
                        scope.pass_results_on(false);
                        self.end_of(ending(), None).await?;
                        return Ok(value);
                    };
                    let failure = located(failure);
                    if failure.doubt || failure.partial {
                        self.has_acted(nested);
                    }
                    self.forget(&scope);
                    self.end_of(ending(), Some(&failure)).await?;
                    return Err(failure.into());
                }
                Err(CallError::Failed(failure)) => located(*failure).into(),
                Err(other) => other,
            },
            Err(error) => error,
        };
        if !nested && matches!(error, CallError::Failed(_)) {
            // What the closure got from its calls, so that it throws again where it threw.
            let body = Body::TxResult {
                entered: handle.clone(),
                evidence: Value::Null,
                steps: scope.take_results(),
                value: Value::Null,
            };
            self.0.journal.write(&step.key, generation, body);
        }
        self.forget(&scope);
        let leave = bracket.leave(&world, &permit, &handle, End::Error);
        // Why it ends is the story; the server rolls back by itself when this cannot.
        if let Ok(Err(failure)) = self.unless_aborted(leave).await {
            self.note(
                &scope,
                &format!("{} was not ended cleanly: {failure}", step.name),
            );
        }
        if let CallError::Failed(failure) = &error {
            self.end_of(ending(), Some(failure)).await?;
        }
        Err(error)
    }

    /// Makes durable what tells later whether it was committed, and what its calls gave.
    async fn seal(
        &self,
        scope: &Scope,
        bracket: &dyn DynBracket,
        world: &World,
        handle: &Value,
        ending: Ending<'_>,
        value: &Value,
    ) -> Result<(), CallError> {
        if scope.is_nested() {
            return Ok(());
        }
        let permit = permit();
        let evidence = bracket.evidence(world, &permit, handle);
        let body = Body::TxResult {
            entered: handle.clone(),
            evidence: self.unless_aborted(evidence).await??,
            steps: scope.take_results(),
            value: self.written(value.clone()),
        };
        let journal = &self.0.journal;
        journal
            .commit(&ending.step.key, ending.generation, body)
            .await
    }

    /// What was rolled back needs no undo; a transaction around it still tells what its calls gave.
    pub(super) fn forget(&self, scope: &Scope) {
        scope.take_entries();
        scope.pass_results_on(true);
    }

    pub(super) fn has_acted(&self, nested: bool) {
        if !nested {
            self.0.acted.store(true, Ordering::SeqCst);
        }
    }

    async fn end_of(&self, ending: Ending<'_>, failure: Option<&Failure>) -> Result<(), CallError> {
        let Ending {
            step,
            nested,
            began,
            generation,
        } = ending;
        if !nested {
            let body = Body::Outcome {
                action: 0,
                value: Value::Null,
                failure: failure.cloned(),
            };
            self.0.journal.commit(&step.key, generation, body).await?;
        }
        let took = self.since(began);
        self.emit(match failure {
            None => What::StepFinished {
                step: step.clone(),
                changed: Some(true),
                summary: String::new(),
                took,
            },
            Some(failure) => What::StepFailed {
                step: step.clone(),
                failure: failure.clone(),
                took,
            },
        });
        Ok(())
    }
}

/// What the end of a bracket is written down with.
#[derive(Clone, Copy)]
struct Ending<'a> {
    step: &'a Step,
    nested: bool,
    began: std::time::Duration,
    generation: u32,
}

/// The handle that the closure of a planned bracket is given: no transaction is open behind it.
fn inside(args: &Value) -> Value {
    let mut handles = vec![];
    find_handles(args, &mut handles);
    let handle = handles.into_iter().next().map(|handle| Handle {
        transaction: Some("planned".into()),
        ..handle
    });
    handle.map_or(Value::Null, |handle| handle.to_value())
}

fn permit() -> Permit {
    Permit {
        _made_by_the_runner: (),
    }
}

//! Gives the script what an earlier process recorded, without touching the world.

use super::bracket::DynBracket;
use super::scope::Scope;
use super::setup::Run;
use super::step::Request;
use crate::code;
use crate::driver::Readers;
use crate::erased::DynPrimitive;
use crate::event::Step;
use crate::failure::{CallError, Failure};
use crate::journal::{Body, TransactionStep};
use crate::primitive::{Settled, Undo};
use serde_json::Value;

impl Run {
    /// The recorded end of a step; `None` where it has to run.
    ///
    /// # Errors
    /// What the step threw then, after finishing to undo its half; `PB0016` where the script calls something else now.
    pub(super) async fn recall(
        &self,
        scope: &Scope,
        primitive: &dyn DynPrimitive,
        step: &Step,
        request: &Request,
    ) -> Result<Option<Value>, CallError> {
        if let Some(steps) = scope.recalled() {
            let Some(done) = steps.get(&step.key) else {
                let why = "its transaction is over, and had no such call".to_owned();
                return Err(self.diverged(&step.key, why));
            };
            return self
                .recall_in_transaction(scope, primitive, step, request, done)
                .map(Some);
        }
        let Some(result) = self.0.past.result(&step.key) else {
            return Ok(None);
        };
        self.same_arguments(step, request, &result.args)?;
        let first = self.0.past.step(&step.key).and_then(|s| s.first.as_ref());
        let undo = first
            .map(|(.., undo)| undo.clone())
            .filter(|_| result.changed);
        let Some(failure) = &result.failure else {
            self.enter_step(scope, primitive, step, request, undo)?;
            return Ok(Some(result.value.clone()));
        };
        let leaves_its_half = failure.doubt || scope.freezes();
        let half = undo.filter(|_| !leaves_its_half);
        Err(self
            .raise_half(scope, step, half, failure.clone(), result.stopped)
            .await)
    }

    fn recall_in_transaction(
        &self,
        scope: &Scope,
        primitive: &dyn DynPrimitive,
        step: &Step,
        request: &Request,
        done: &TransactionStep,
    ) -> Result<Value, CallError> {
        self.same_arguments(step, request, &done.args)?;
        if let Some(transaction) = scope.transaction() {
            transaction.add_result(done.clone());
        }
        if let Some(failure) = &done.failure {
            return Err(failure.clone().into());
        }
        let undo = Some(done.undo.clone()).filter(|undo| *undo != Undo::unchanged());
        self.enter_step(scope, primitive, step, request, undo)?;
        Ok(done.value.clone())
    }

    fn same_arguments(&self, step: &Step, request: &Request, then: &str) -> Result<(), CallError> {
        if request.hash() == then {
            return Ok(());
        }
        let why = format!(
            "`{}` is called with other arguments than then",
            request.name
        );
        let mut error = self.diverged(&step.key, why);
        if let CallError::Fatal(failure) = &mut error {
            failure.chain.clone_from(&request.site);
        }
        Err(error)
    }

    /// Only a person can tell whether something took effect.
    pub(super) fn in_doubt(&self, key: &str, what: &str, why: &str) -> CallError {
        let message = format!("`{}` was under way when the run died", what.trim_end());
        let failure = Failure::new(&code::DOUBT, message)
            .because(if why.is_empty() {
                "nobody can tell from outside whether it took effect"
            } else {
                why
            })
            .because("a person has to look, and to say `applied` or `not-applied`")
            .state("nothing was done since; everything before it stands")
            .hint(format!("pb resume {} --settle '{key}=applied'", self.id()))
            .in_doubt();
        CallError::Fatal(Box::new(Failure {
            step: Some(key.to_owned()),
            ..failure
        }))
    }

    /// The script goes another way than the recorded run.
    pub(super) fn diverged(&self, key: &str, why: String) -> CallError {
        let message =
            format!("the script went another way at `{key}` than the run that is taken up");
        let failure = Failure::new(&code::DIVERGED, message).because(why);
        let failure = match self.rehearsal() {
            Some(_) => failure.state("nothing was touched").hint(format!(
                "pb resume {} goes on with the recorded script",
                self.id()
            )),
            None => failure
                .state("nothing was done since the run died; what it had done stands")
                .hint(format!("pb rollback {}", self.id())),
        };
        CallError::Fatal(Box::new(failure))
    }

    /// What the closure of a bracket was given, and how the bracket ended; `None` where it has to run.
    pub(super) async fn recall_bracket(
        &self,
        scope: &Scope,
        bracket: &dyn DynBracket,
        readers: &Readers,
        args: &Value,
    ) -> Result<Option<(Value, Result<(), Failure>)>, CallError> {
        if scope.recalled().is_some() {
            // Within a transaction that is over its closure decides how it ends.
            return Ok(Some((Value::Null, Ok(()))));
        }
        let Some(past) = self.0.past.step(scope.path()) else {
            return Ok(None);
        };
        let Some(action) = past.actions.get(&0) else {
            return Ok(None);
        };
        if action.what != *args {
            let why = format!(
                "`{}` is called with other arguments than then",
                bracket.name()
            );
            return Err(self.diverged(scope.path(), why));
        }
        let over = match (&action.end, &past.sealed) {
            (Some(Ok(_)), _) => Ok(()),
            (Some(Err(failure)), _) if action.followed => Err(failure.clone()),
            // It failed, and nothing was built on that; or it never came to its end.
            (Some(Err(_)), _) | (None, None) => return Ok(None),
            (None, Some(sealed)) => {
                let committed = match action.settled {
                    Some(known) => known,
                    None => {
                        self.settle_bracket(scope, bracket, readers, args, &sealed.evidence)
                            .await?
                    }
                };
                if !committed {
                    return Ok(None);
                }
                Ok(())
            }
        };
        if over.is_ok() {
            self.has_acted(false);
        }
        let given = past.sealed.as_ref().map_or(Value::Null, |sealed| {
            scope.recall(sealed.steps.clone());
            sealed.entered.clone()
        });
        match (&past.sealed, over) {
            // It could not even begin.
            (None, Err(failure)) => Err(failure.into()),
            (_, over) => Ok(Some((given, over))),
        }
    }

    /// Whether a transaction was committed whose process died at its end.
    async fn settle_bracket(
        &self,
        scope: &Scope,
        bracket: &dyn DynBracket,
        readers: &Readers,
        args: &Value,
        evidence: &Value,
    ) -> Result<bool, CallError> {
        let key = scope.path();
        let (applied, by) = match self.0.past.words.get(key) {
            Some(word) => (*word, "a person"),
            None => match bracket.settle(readers, args, evidence).await? {
                Settled::Applied(_) => (true, "as observed"),
                Settled::NotApplied => (false, "as observed"),
                Settled::Unknown(why) => {
                    let what = format!("{} {}", bracket.name(), bracket.place(args)?);
                    return Err(self.in_doubt(key, &what, &why));
                }
            },
        };
        let body = Body::Settled {
            action: 0,
            applied,
            value: Value::Null,
            by: by.into(),
        };
        let generation = self.0.past.step(key).map_or(1, |step| step.generation);
        self.0.journal.commit(key, generation, body).await?;
        Ok(applied)
    }

    /// The end of a bracket that is over.
    pub(super) fn leave_again(
        &self,
        scope: &Scope,
        over: Result<(), Failure>,
        result: Result<Value, CallError>,
    ) -> Result<Value, CallError> {
        match (over, result) {
            (Ok(()), Ok(value)) => {
                scope.pass_results_on(false);
                Ok(value)
            }
            (Err(failure), Ok(_) | Err(CallError::Failed(_))) => {
                self.forget(scope);
                Err(failure.into())
            }
            (Ok(()), Err(CallError::Failed(failure))) if scope.is_nested() => {
                self.forget(scope);
                Err(CallError::Failed(failure))
            }
            (Ok(()), Err(CallError::Failed(failure))) => {
                let why = format!(
                    "it had been committed, and now it failed: {}",
                    failure.message
                );
                Err(self.diverged(scope.path(), why))
            }
            (_, Err(other)) => Err(other),
        }
    }
}

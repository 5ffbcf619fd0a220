//! How a run ends: undone when nobody caught its error, and closed in the journal.

use super::setup::Run;
use crate::cancel::Level;
use crate::event::What;
use crate::failure::{CallError, Failure};
use crate::journal::{Body, Ended};
use serde_json::Value;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;

/// A run that has ended.
#[derive(Debug, Clone)]
pub struct Finished {
    /// How; `None` when it was stopped and can be taken up again.
    pub state: Option<Ended>,
    /// The value of the script.
    pub value: Value,
    /// The error that ended it.
    pub failure: Option<Failure>,
    /// Whether any action had an effect, or may have had one.
    pub acted: bool,
}

/// By what it is known what was done.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    /// Its script was played.
    Script,
    /// It is undone from its journal alone.
    Journal,
}

impl Run {
    /// Ends the run with what its script came to: an error that nobody caught undoes it.
    pub async fn finish(&self, result: Result<Value, CallError>) -> Finished {
        self.end(result, By::Script).await
    }

    /// Ends it with what its script, or its journal, came to.
    pub(super) async fn end(&self, result: Result<Value, CallError>, by: By) -> Finished {
        let acted = self.0.acted.load(Ordering::SeqCst);
        let ended = match result {
            Ok(value) => {
                let value = self.written(value);
                self.end_well(value).await
            }
            // A script can throw what it came by.
            Err(CallError::Failed(failure)) => {
                self.undo_all(self.scrubbed(*failure), acted, by).await
            }
            Err(error) => Err(error),
        };
        let (state, value, failure) = ended.unwrap_or_else(|error| match error {
            CallError::Failed(failure) | CallError::Fatal(failure) => {
                (None, Value::Null, Some(*failure))
            }
            CallError::Stopped => (None, Value::Null, None),
        });
        if state.is_none() {
            if self.0.cancel.level() > Level::Go {
                let signal = self.0.cancel.cause().unwrap_or("the program").to_owned();
                self.0.journal.write("", 1, Body::Interrupt { signal });
            }
            // Nothing more can be said when this fails too; what was durable before tells the story.
            drop(self.0.journal.flush().await);
        }
        let name = match state {
            Some(Ended::Done) => "done",
            Some(Ended::Undone) => "undone",
            Some(Ended::Failed) => "failed",
            Some(Ended::Stuck) => "stuck",
            None => "interrupted",
        };
        self.emit(What::RunFinished {
            state: name.into(),
            changed: acted,
            steps: self.steps(),
            took: self.took(),
            failure: failure.clone(),
            value: value.clone(),
        });
        Finished {
            state,
            value,
            failure,
            acted,
        }
    }

    /// Done, unless the script caught what no script can make good.
    async fn end_well(
        &self,
        value: Value,
    ) -> Result<(Option<Ended>, Value, Option<Failure>), CallError> {
        let stuck = self
            .0
            .stuck
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let (state, value) = match &stuck {
            None => (Ended::Done, value),
            Some(_) => (Ended::Stuck, Value::Null),
        };
        self.close(state, stuck.clone()).await?;
        Ok((Some(state), value, stuck))
    }

    async fn undo_all(
        &self,
        mut failure: Failure,
        acted: bool,
        by: By,
    ) -> Result<(Option<Ended>, Value, Option<Failure>), CallError> {
        match self.undo_scope(self.root(), &mut failure).await {
            Ok(()) => {}
            // Told to stop while it undid: what it was undone for is still worth saying.
            Err(CallError::Stopped) => return Ok((None, Value::Null, Some(failure))),
            Err(other) => return Err(other),
        }
        if by == By::Journal {
            self.answer_doubt(&mut failure);
        }
        let state = if self.root().is_stuck() {
            Ended::Stuck
        } else if failure.frozen || failure.undone == Some(false) || failure.doubt && acted {
            Ended::Failed
        } else {
            Ended::Undone
        };
        if failure.state.is_empty() && !acted {
            failure.state.push("nothing was changed".into());
        }
        self.close(state, Some(failure.clone())).await?;
        Ok((Some(state), Value::Null, Some(failure)))
    }

    async fn close(&self, state: Ended, failure: Option<Failure>) -> Result<(), CallError> {
        self.give_back().await;
        let changed = self.0.acted.load(Ordering::SeqCst);
        self.0
            .journal
            .commit(
                "",
                1,
                Body::RunClose {
                    state,
                    failure,
                    changed,
                },
            )
            .await
    }
}

//! Waits of the language itself, shown like steps: their looks are scopes of their own.

use super::scope::Scope;
use super::setup::Run;
use crate::event::{Step, What};
use crate::failure::CallError;
use std::time::Duration;

impl Run {
    /// Says that a wait begins.
    pub fn begin_wait(&self, scope: &Scope, name: &str, what: &str) -> Step {
        let key = scope.path().to_owned();
        let step = Step {
            key,
            n: self.next_step(),
            name: name.into(),
            place: what.into(),
        };
        if self.recorded_end(scope).is_none() {
            self.emit(What::StepStarted(step.clone()));
        }
        step
    }

    /// Says how a wait ended.
    pub fn end_wait(&self, step: Step, error: Option<&CallError>, began: Duration) {
        if self.0.past.end_of_scope(&step.key).is_some() {
            return;
        }
        let took = self.since(began);
        match error {
            None => self.emit(What::StepFinished {
                step,
                changed: None,
                summary: String::new(),
                took,
            }),
            Some(CallError::Failed(failure) | CallError::Fatal(failure)) => {
                self.emit(What::StepFailed {
                    step,
                    failure: (**failure).clone(),
                    took,
                });
            }
            Some(CallError::Stopped) => {}
        }
    }
}

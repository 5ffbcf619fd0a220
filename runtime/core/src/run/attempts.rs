//! A call is made again after it failed: how often, when, and within which limits.

use super::execute::{Broken, Done, Execution};
use super::setup::Run;
use super::step::Common;
use crate::Span;
use crate::cancel::Level;
use crate::code;
use crate::event::{Step, What};
use crate::failure::{CallError, Failure};
use futures_util::future::{Either, select};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::future::Future;
use std::pin::pin;
use std::time::Duration;

/// How often and when a call is made again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Retry {
    /// How often it is made in all.
    pub attempts: u32,
    /// Before the second attempt.
    #[serde(default = "one_second")]
    pub delay: Span,
    /// Factor by which the delay grows.
    #[serde(default = "double")]
    pub backoff: f64,
    /// The delay grows no further than this.
    #[serde(default = "half_a_minute")]
    pub max_delay: Span,
}

fn one_second() -> Span {
    Span::seconds(1)
}

fn double() -> f64 {
    2.0
}

fn half_a_minute() -> Span {
    Span::seconds(30)
}

impl Retry {
    /// The waits between the attempts.
    fn waits(&self) -> Vec<Duration> {
        let longest = self.max_delay.0.max(self.delay.0);
        let longer = |delay: &Duration| {
            let seconds = delay.as_secs_f64() * self.backoff.max(1.0);
            // A factor such as 1e300 is past what a duration holds.
            Some(Duration::try_from_secs_f64(seconds).map_or(longest, |d| d.min(longest)))
        };
        let again = self.attempts.saturating_sub(1) as usize;
        std::iter::successors(Some(self.delay.0), longer)
            .take(again)
            .collect()
    }
}

impl Run {
    /// Makes the attempts of a call within its timeout.
    pub(super) async fn bounded(
        &self,
        execution: &Execution<'_>,
        common: &Common,
    ) -> Result<Done, Broken> {
        let waits = common.retry.as_ref().map_or(vec![], Retry::waits);
        let attempts = self.unless_aborted(async {
            execution.take_up().await?;
            self.attempts(execution, &waits).await
        });
        let Some(timeout) = common.timeout else {
            return attempts.await?;
        };
        match select(pin!(attempts), self.0.clock.sleep(timeout.0)).await {
            Either::Left((result, _)) => result?,
            Either::Right(_) => Err(execution.timed_out(timeout).into()),
        }
    }

    /// Makes attempts until one succeeds, or must not be repeated, or none is left.
    pub(super) async fn attempts(
        &self,
        execution: &Execution<'_>,
        waits: &[Duration],
    ) -> Result<Done, Broken> {
        let mut generation = execution.generation;
        for wait in waits {
            match execution.run(generation).await {
                Err(Broken::Failed(failure)) if execution.may_be_repeated() => {
                    let n = generation - execution.generation + 1;
                    self.note_attempt(execution.step, &failure, n, waits.len() + 1);
                    execution.remember(*failure);
                }
                other => return other,
            }
            self.pause(*wait).await?;
            generation += 1;
        }
        execution.run(generation).await
    }

    /// Waits, unless the run is told to stop.
    async fn pause(&self, time: Duration) -> Result<(), CallError> {
        let told = pin!(self.0.cancel.reached(Level::Stop));
        match select(self.0.clock.sleep(time), told).await {
            Either::Left(_) => Ok(()),
            Either::Right(_) => Err(CallError::Stopped),
        }
    }

    /// Gives up what is under way when the run is told to stop at once.
    pub(super) async fn unless_aborted<T>(
        &self,
        work: impl Future<Output = T>,
    ) -> Result<T, CallError> {
        match select(pin!(work), pin!(self.0.cancel.reached(Level::Abort))).await {
            Either::Left((done, _)) => Ok(done),
            Either::Right(_) => Err(CallError::Stopped),
        }
    }

    fn note_attempt(&self, step: &Step, failure: &Failure, n: u32, of: usize) {
        let text = format!("attempt {n} of {of} failed: {}", failure.message);
        self.emit(What::StepProgress {
            key: step.key.clone(),
            text: self.clean(&text),
            done: None,
        });
    }
}

impl Execution<'_> {
    fn timed_out(&self, timeout: Span) -> Failure {
        let message = format!("`{}` did not finish within {timeout}", self.step.name);
        let mut failure = Failure::new(&code::TIMEOUT, message);
        if let Some(last) = self.remembered() {
            failure = failure.because(format!("the attempt before failed: {}", last.message));
            failure.partial = last.partial;
        }
        // Given up between two attempts, nothing is in doubt.
        failure.doubt = self.is_under_way();
        failure
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_to_their_limit() {
        let waits = |attempts, backoff| {
            let retry = Retry {
                attempts,
                delay: one_second(),
                backoff,
                max_delay: Span::seconds(5),
            };
            retry
                .waits()
                .iter()
                .map(Duration::as_secs)
                .collect::<Vec<_>>()
        };
        assert_eq!(waits(6, 2.0), [1, 2, 4, 5, 5]);
        assert_eq!(waits(3, 1e300), [1, 5]);
        assert_eq!(waits(3, 0.1), [1, 1], "it never gets faster");
        assert_eq!(waits(1, 2.0), [] as [u64; 0]);
        assert_eq!(waits(0, 2.0), [] as [u64; 0]);
    }
}

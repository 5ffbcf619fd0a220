//! Gates: looks until a condition holds or its deadline has passed.

use super::execute::{Broken, Done, Execution};
use crate::cancel::Level;
use crate::failure::{CallError, Failure};
use crate::primitive::Decision;
use crate::wait::{Look, Pace, Waiting};
use futures_util::future::{Either, select};
use serde_json::Value;
use std::pin::pin;

impl Execution<'_> {
    /// Looks until the gate opens, its deadline has passed, or the run is told to stop: a look changes nothing, so it
    /// need not be waited for.
    pub(super) async fn wait(&self, pace: Pace) -> Result<Done, Broken> {
        let told = pin!(self.run.cancel().reached(Level::Stop));
        match select(pin!(self.look_until(pace)), told).await {
            Either::Left((result, _)) => result,
            Either::Right(_) => Err(Broken::Stopped),
        }
    }

    async fn look_until(&self, pace: Pace) -> Result<Done, Broken> {
        let clock = self.readers.clock();
        let mut waiting = Waiting::new(pace, clock);
        let mut reasons: Vec<(String, u32)> = vec![];
        let mut last = None;
        loop {
            self.may_go_on()?;
            let limit = waiting.left_for_a_look(clock);
            let looked = match select(pin!(self.observe()), clock.sleep(limit)).await {
                Either::Left((facts, _)) => Some(facts?),
                Either::Right(_) => None,
            };
            let why = match &looked {
                None => Some(format!(
                    "a look had no answer within {:.1}s",
                    limit.as_secs_f64()
                )),
                Some(facts) => self.reason(facts)?,
            };
            last = looked.or(last);
            let good = why.is_none();
            if let Some(why) = why {
                let why = self.readers.vault().scrubber().text(&why).into_owned();
                self.readers.progress(why.clone());
                match reasons.iter_mut().find(|(known, _)| *known == why) {
                    Some((_, count)) => *count += 1,
                    None => reasons.push((why, 1)),
                }
            }
            match (waiting.after(good, clock).await, &last) {
                (Look::Done, Some(facts)) => {
                    return self.done(false, facts, facts.clone(), Some(waiting.attempts()));
                }
                (Look::TooLate, None) => {
                    return Err(self.too_late(pace, &waiting, &reasons).into());
                }
                (Look::TooLate, Some(facts)) => {
                    let failure = self.too_late(pace, &waiting, &reasons);
                    return Err(self.primitive.too_late(self.args, facts, failure)?.into());
                }
                (Look::Again | Look::Done, _) => {}
            }
        }
    }

    /// Why the gate is not open; `None` when it is.
    fn reason(&self, facts: &Value) -> Result<Option<String>, CallError> {
        match self.primitive.decide(self.args, facts)? {
            Decision::Nothing => Ok(None),
            Decision::Wait(why) => Ok(Some(why)),
            Decision::Act(_) => Err(Failure::broken("gate", "it wants to act").into()),
        }
    }

    fn too_late(&self, pace: Pace, waiting: &Waiting, reasons: &[(String, u32)]) -> Failure {
        let place = if self.step.place.is_empty() {
            &self.step.name
        } else {
            &self.step.place
        };
        let message = format!("`{place}` was not ready within {}", pace.deadline);
        let mut failure = Failure::new(pace.code, message).with("attempts", waiting.attempts());
        if waiting.good() > 0 {
            let (good, wanted) = (waiting.good(), pace.successes);
            failure = failure.because(format!("of {wanted} good looks in a row it had {good}"));
        }
        let times = |n: u32| {
            if n == 1 {
                "once".to_owned()
            } else {
                format!("{n} times")
            }
        };
        reasons
            .iter()
            .rev()
            .take(4)
            .fold(failure, |failure, (why, n)| {
                failure.because(format!("{why} ({})", times(*n)))
            })
    }
}

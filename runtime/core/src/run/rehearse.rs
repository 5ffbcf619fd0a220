//! Plays a script over what is recorded and begins nothing new: tells whether an edited one goes the same way.

use super::past::Past;
use super::setup::{Mode, Run, Setup};
use super::step::Request;
use crate::code;
use crate::event::Step;
use crate::failure::{CallError, Failure};
use crate::journal::{History, Journal};
use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

/// So many steps are named.
const NAMED: usize = 5;

/// The keys that the script came to.
#[derive(Default)]
pub(super) struct Rehearsal(Mutex<BTreeSet<String>>);

impl Run {
    /// A run that gives a script what is recorded, and stops it where anything new would begin. Its journal goes where
    /// the caller says, and is of no use.
    pub fn rehearse(setup: Setup, history: &History) -> Self {
        let past = Past::read(&history.records);
        let mode = Mode::Rehearsing(Rehearsal::default());
        Self::over(setup, past, mode, Journal::new)
    }

    pub(super) fn rehearsal(&self) -> Option<&Rehearsal> {
        match &self.0.mode {
            Mode::Rehearsing(rehearsal) => Some(rehearsal),
            Mode::Acting | Mode::Planning(_) => None,
        }
    }

    /// Whether the script came to every step that is recorded.
    ///
    /// # Errors
    /// `PB0016` names those that it did not come to, before something new or at all.
    pub fn went_the_same_way(&self) -> Result<(), Failure> {
        let Some(Rehearsal(met)) = self.rehearsal() else {
            return Ok(());
        };
        let met = met.lock().unwrap_or_else(PoisonError::into_inner);
        let missed: Vec<&str> = self
            .0
            .past
            .keys()
            .filter(|key| !met.contains(*key))
            .collect();
        let Some(first) = missed.first() else {
            return Ok(());
        };
        let message = format!(
            "the edited script goes another way than the run: it does not come to `{first}`"
        );
        let more = missed.iter().skip(1).take(NAMED);
        let more = more.map(|key| format!("nor to `{key}`"));
        let mut failure = Failure::new(&code::DIVERGED, message);
        failure.because = more.collect();
        if missed.len() > NAMED + 1 {
            let left = missed.len() - NAMED - 1;
            failure = failure.because(format!("nor to {left} more"));
        }
        Err(failure
            .because(
                "what is recorded has to come first, with the same arguments; new steps may follow",
            )
            .state("nothing was touched")
            .hint(format!(
                "pb resume {} goes on with the recorded script",
                self.id()
            )))
    }

    /// Notes that the script came to a step.
    pub(super) fn meet(&self, key: &str) {
        if let Some(Rehearsal(met)) = self.rehearsal() {
            let mut met = met.lock().unwrap_or_else(PoisonError::into_inner);
            met.insert(key.to_owned());
        }
    }

    /// Whether a step that was under way is still called as then.
    ///
    /// # Errors
    /// `PB0016` where it is not; stopped, for it begins nothing.
    pub(super) fn stop_rehearsing(&self, step: &Step, request: &Request) -> Result<(), CallError> {
        if self.rehearsal().is_none() {
            return Ok(());
        }
        let first = self
            .0
            .past
            .step(&step.key)
            .and_then(|step| step.first.as_ref());
        match first {
            Some((args, ..)) if *args != self.written(request.args.clone()) => {
                let why = format!("`{}` was under way, with other arguments", request.name);
                Err(self.diverged(&step.key, why))
            }
            _ => Err(CallError::Stopped),
        }
    }
}

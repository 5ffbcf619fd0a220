//! The last look: whether everything that a scope ensured is still as it was left.

use super::scope::{Entry, Scope};
use super::setup::Run;
use super::undo::steps_of;
use crate::code;
use crate::failure::{CallError, Failure};
use crate::primitive::Decision;
use std::collections::HashSet;

impl Run {
    /// Decides the newest ensure step of every subject again: nothing must remain to be done.
    ///
    /// # Errors
    /// `PB0008` names every member that is not as its branch left it.
    pub async fn last_look(&self, scope: &Scope) -> Result<(), CallError> {
        // An earlier process had that look, and what came of it; the world has gone on since.
        if let Some(end) = self.recorded_end(scope) {
            return Ok(end?);
        }
        let mut seen = HashSet::new();
        let mut drifted = vec![];
        let steps = steps_of(&Entry::Scope(scope.clone()));
        for entry in steps.iter().rev().filter(|entry| entry.converges) {
            if !entry
                .subjects
                .iter()
                .fold(false, |new, subject| seen.insert(subject.clone()) | new)
            {
                continue;
            }
            self.may_start(scope)?;
            let Some(primitive) = self.0.registry.primitives.get(entry.step.name.as_str()) else {
                continue;
            };
            let readers = self.readers(&entry.step);
            let left = match primitive.observe(&readers, &entry.args).await {
                Err(failure) => Some(failure.message),
                Ok(facts) => match primitive.decide(&entry.args, &facts)? {
                    Decision::Nothing => None,
                    Decision::Wait(why) => Some(why),
                    Decision::Act(stages) => stages
                        .into_iter()
                        .flatten()
                        .flatten()
                        .next()
                        .map(|action| action.text),
                },
            };
            drifted.extend(left.map(|left| format!("`{}`: {left}", entry.step.place)));
        }
        if drifted.is_empty() {
            return Ok(());
        }
        let message = format!(
            "{} of the members are not as the run left them",
            drifted.len()
        );
        let failure = Failure::new(&code::LAST_LOOK, message);
        Err(drifted
            .into_iter()
            .fold(failure, |failure, line| failure.because(line))
            .into())
    }
}

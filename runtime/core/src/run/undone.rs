//! What came of undoing, and how it is told in the error that it was done for.

use crate::failure::Failure;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What came of undoing a scope.
#[derive(Default)]
pub(super) struct Report(Mutex<Found>);

#[derive(Default)]
pub(super) struct Found {
    /// What was seen of each thing after it was undone, by the name of its step.
    pub(super) states: Vec<(String, String)>,
    /// What stays, and why.
    pub(super) kept: Vec<String>,
    /// What could not be undone.
    pub(super) stuck: Option<Failure>,
    /// What was not reached because of that.
    pub(super) left: Vec<String>,
    /// Told to stop, or in doubt: nothing older is undone before that is settled.
    pub(super) ended: bool,
}

impl Report {
    pub(super) fn found(&self) -> MutexGuard<'_, Found> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_stuck(&self) -> bool {
        self.found().stuck.is_some()
    }

    /// Puts what was found into the error that is on its way to the script.
    pub(super) fn into(self, failure: &mut Failure, seen: &mut BTreeMap<String, String>) {
        let found = self.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        for (step, line) in &found.states {
            // What was seen of it before, when a newer change of it was undone, is true no more.
            let before = seen.insert(step.clone(), line.clone());
            if let Some(before) = before.filter(|before| before != line) {
                failure.state.retain(|line| *line != before);
            }
            if !failure.state.contains(line) {
                failure.state.push(line.clone());
            }
        }
        for line in found.kept {
            if !failure.state.contains(&line) {
                failure.state.push(line);
            }
        }
        if let Some(stuck) = found.stuck {
            failure.state.push(format!("not undone: {}", stuck.message));
            failure.state.extend(
                stuck
                    .because
                    .into_iter()
                    .enumerate()
                    .map(|(i, why)| match i {
                        0 => format!("  because {why}"),
                        _ => format!("          {why}"),
                    }),
            );
            failure.state.extend(
                found
                    .left
                    .into_iter()
                    .map(|line| format!("still applied: {line}")),
            );
            failure.frozen = true;
            failure.undone = Some(false);
            failure.data.insert("stuck".into(), true.into());
        }
    }
}

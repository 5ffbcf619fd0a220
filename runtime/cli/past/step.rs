//! The steps of a run, put together from the records about each.

use crate::render::key::decoded;
use pb_core::journal::{Body, Recorded};
use pb_core::run::{Registry, UNDO};
use pb_core::{Class, Failure, Handle, Site};
use serde_json::Value;
use std::collections::HashMap;

/// What became of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StepState {
    /// It has no result.
    Open,
    Done,
    Failed,
    Undone,
    /// It was to be undone and stays.
    Kept,
    /// It could not be undone.
    Stuck,
}

/// A step that was read back.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct PastStep {
    pub(crate) key: String,
    pub(crate) primitive: String,
    pub(crate) place: String,
    pub(crate) state: StepState,
    /// `None` for what only reads.
    pub(crate) changed: Option<bool>,
    /// Milliseconds since 1970.
    pub(crate) began: u64,
    /// Milliseconds; `None` without a result.
    pub(crate) took: Option<u64>,
    pub(crate) summary: String,
    pub(crate) error: Option<Failure>,
    /// Why it stays.
    pub(crate) kept: Option<String>,
    pub(crate) site: Option<Site>,
    /// Whether it came to its end before anything was undone.
    done: bool,
    /// Whether it stands around others.
    bracket: bool,
    /// Whether an action of it was begun and has not answered.
    in_doubt: bool,
    /// Whether an action of it took effect.
    acted: bool,
}

impl StepState {
    /// The word that programs read.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Undone => "undone",
            Self::Kept => "kept",
            Self::Stuck => "stuck",
        }
    }
}

impl PastStep {
    pub(crate) fn is_done(&self) -> bool {
        self.done
    }

    /// What is known of a step without a result.
    pub(crate) fn open_end(&self) -> &'static str {
        match (self.in_doubt, self.acted) {
            (true, _) => "whether it took effect is not known",
            (false, true) => "took effect, its result was not written",
            (false, false) => "did not begin to act",
        }
    }
}

/// Collects records.
pub(super) struct Steps<'a> {
    registry: &'a Registry,
    steps: Vec<PastStep>,
    by_key: HashMap<String, usize>,
    now: Vec<(String, String)>,
}

impl<'a> Steps<'a> {
    pub(super) fn new(registry: &'a Registry) -> Self {
        Self {
            registry,
            steps: vec![],
            by_key: HashMap::new(),
            now: vec![],
        }
    }

    pub(super) fn take(&mut self, record: &Recorded) {
        // What undoes a step is told by the step's own records.
        if record.key.ends_with(UNDO) {
            return;
        }
        match &record.body {
            Body::Step {
                primitive, args, ..
            } => {
                let place = self.place(primitive, args);
                self.step(record, primitive).place = place;
            }
            Body::Intent { .. } if !self.is_new(&record.key) && !self.is_bracket(&record.key) => {
                self.step(record, "").in_doubt = true;
            }
            Body::Outcome { failure, .. } if !self.is_bracket(&record.key) => {
                let doubt = failure.as_ref().is_some_and(|failure| failure.doubt);
                let step = self.step(record, "");
                step.in_doubt = doubt;
                step.acted |= failure.is_none();
            }
            // Only a bracket has an intent without a step before it.
            Body::Intent { what, .. } if self.is_new(&record.key) => {
                let handle = what
                    .as_object()
                    .into_iter()
                    .flatten()
                    .find_map(|(_, value)| Handle::of_value(value));
                let step = self.step(record, &word(&record.key));
                step.bracket = true;
                step.place = handle.map(|handle| handle.name).unwrap_or_default();
            }
            Body::Outcome { failure, .. } => {
                let step = self.step(record, "");
                step.took = Some(record.t.saturating_sub(step.began));
                step.changed = Some(failure.is_none());
                step.finish(failure.as_ref());
            }
            Body::TxResult { steps, .. } => {
                for inner in steps {
                    let step = self.step_of(&inner.key, record.t, &inner.primitive);
                    step.finish(inner.failure.as_ref());
                }
            }
            Body::Result {
                primitive,
                class,
                place,
                site,
                changed,
                failure,
                summary,
                state,
                took,
                ..
            } => {
                let step = self.step(record, primitive);
                step.began = step.began.min(record.t.saturating_sub(*took));
                step.took = Some(*took);
                step.place.clone_from(place);
                step.summary.clone_from(summary);
                step.site = site.first().cloned();
                step.changed = match class {
                    Class::Read | Class::Gate => None,
                    Class::Ensure | Class::Every => Some(*changed),
                };
                step.finish(failure.as_ref());
                self.remember(&record.key, state.as_ref());
            }
            Body::UndoResult {
                kept,
                failure,
                state,
            } => {
                let step = self.step(record, "");
                step.state = match (kept, failure) {
                    (_, Some(_)) => StepState::Stuck,
                    (Some(_), None) => StepState::Kept,
                    // A half that was undone is still the step that failed.
                    (None, None) if step.state == StepState::Failed => StepState::Failed,
                    (None, None) => StepState::Undone,
                };
                step.kept.clone_from(kept);
                step.error = failure.clone().or(step.error.take());
                self.remember(&record.key, state.as_ref());
            }
            _ => {}
        }
    }

    pub(super) fn in_order(mut self) -> Vec<PastStep> {
        // A reader's result is its only record: what began earlier may stand later in the journal.
        self.steps.sort_by_key(|step| step.began);
        for step in self.steps.iter_mut().filter(|step| step.acted) {
            step.changed.get_or_insert(true);
        }
        self.steps
    }

    pub(super) fn now(&self) -> Vec<(String, String)> {
        self.now.clone()
    }

    fn step(&mut self, record: &Recorded, primitive: &str) -> &mut PastStep {
        self.step_of(&record.key, record.t, primitive)
    }

    fn step_of(&mut self, key: &str, t: u64, primitive: &str) -> &mut PastStep {
        let at = *self.by_key.entry(key.to_owned()).or_insert_with(|| {
            self.steps.push(PastStep {
                key: key.to_owned(),
                primitive: primitive.to_owned(),
                place: String::new(),
                state: StepState::Open,
                changed: None,
                began: t,
                took: None,
                summary: String::new(),
                error: None,
                kept: None,
                site: None,
                done: false,
                bracket: false,
                in_doubt: false,
                acted: false,
            });
            self.steps.len() - 1
        });
        &mut self.steps[at]
    }

    /// What a step touches: only its result says so, and it may have none.
    fn place(&self, primitive: &str, args: &Value) -> String {
        let primitive = self.registry.primitives.get(primitive);
        let subjects = primitive.and_then(|primitive| primitive.subjects(args).ok());
        let first = subjects.and_then(|subjects| subjects.into_iter().next());
        first.map(|subject| subject.name).unwrap_or_default()
    }

    fn is_new(&self, key: &str) -> bool {
        !self.by_key.contains_key(key)
    }

    fn is_bracket(&self, key: &str) -> bool {
        self.by_key
            .get(key)
            .is_some_and(|at| self.steps[*at].bracket)
    }

    fn remember(&mut self, key: &str, state: Option<&String>) {
        let Some(state) = state else { return };
        let place = self
            .by_key
            .get(key)
            .map(|at| self.steps[*at].place.clone())
            .unwrap_or_default();
        self.now.retain(|(known, _)| *known != place);
        self.now.push((place, state.clone()));
    }
}

impl PastStep {
    fn finish(&mut self, failure: Option<&Failure>) {
        self.error = failure.cloned();
        self.done = failure.is_none();
        self.state = if self.done {
            StepState::Done
        } else {
            StepState::Failed
        };
    }
}

/// The name in the last segment of a key.
fn word(key: &str) -> String {
    let last = key.rsplit('/').next().unwrap_or(key);
    decoded(last.split(['#', ':']).next().unwrap_or(last))
}

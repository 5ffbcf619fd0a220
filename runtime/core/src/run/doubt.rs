//! Steps that failed in doubt: once the run has ended, only the word of a person tells whether there is something to undo.

use super::past::{Past, PastStep, UNDO};
use super::setup::Run;
use crate::failure::{CallError, Failure};
use crate::journal::Body;
use serde_json::Value;

/// Begins the line of an error about a step in doubt.
pub(super) const NOBODY_KNOWS: &str = "nobody knows whether it happened";

impl Past {
    /// Steps that failed in doubt, settled or not, by key.
    fn doubted(&self) -> Vec<(&str, &PastStep)> {
        let in_doubt = |step: &PastStep| {
            let failure = step
                .result
                .as_ref()
                .and_then(|result| result.failure.as_ref());
            failure.is_some_and(|failure| failure.doubt)
        };
        let steps = self.all_steps();
        let mut doubted: Vec<_> = steps
            .filter(|(key, step)| in_doubt(step) && !key.ends_with(UNDO))
            .collect();
        doubted.sort_by_key(|(key, _)| *key);
        doubted
    }

    /// Whether a step that failed in doubt took effect; `None` while nobody has said.
    pub(super) fn word_on(&self, key: &str) -> Option<bool> {
        let last = self.step(key)?.actions.values().next_back()?;
        last.settled.or_else(|| self.words.get(key).copied())
    }
}

impl Run {
    /// Writes down what a person says of steps that failed in doubt, before anything builds on it.
    pub(super) async fn settle_failed(&self) -> Result<(), CallError> {
        for (key, step) in self.0.past.doubted() {
            let Some((action, last)) = step.actions.iter().next_back() else {
                continue;
            };
            let Some(applied) = self
                .0
                .past
                .words
                .get(key)
                .filter(|_| last.settled.is_none())
            else {
                continue;
            };
            let body = Body::Settled {
                action: *action,
                applied: *applied,
                value: Value::Null,
                by: "a person".into(),
            };
            self.0.journal.commit(key, step.generation, body).await?;
        }
        Ok(())
    }

    /// Takes the doubt out of the error that a run is undone for when everything is settled; else says what to type.
    pub(super) fn answer_doubt(&self, failure: &mut Failure) {
        let past = &self.0.past;
        let doubted = past.doubted();
        let open = doubted.iter().find(|(key, _)| past.word_on(key).is_none());
        let Some((key, step)) = open else {
            if !doubted.is_empty() {
                failure.doubt = false;
                failure.state.retain(|line| !line.starts_with(NOBODY_KNOWS));
            }
            return;
        };
        failure.doubt = true;
        if !failure
            .state
            .iter()
            .any(|line| line.starts_with(NOBODY_KNOWS))
        {
            let named = step.result.as_ref().map(|result| result.named.as_str());
            let named = named.unwrap_or_default();
            failure
                .state
                .push(format!("{NOBODY_KNOWS}, so it was not undone: {named}"));
        }
        let why = "a person has to look, and to say `applied` or `not-applied`".to_owned();
        if !failure.because.contains(&why) {
            failure.because.push(why);
        }
        failure.hint = Some(format!(
            "pb rollback {} --settle '{key}=applied'",
            self.id()
        ));
    }
}

//! A step that an earlier process left half-way: doubt about its actions is settled, then it goes on with what remains.

use super::execute::{Broken, Execution};
use super::step::OnDoubt;
use crate::effect::{Class, Effect};
use crate::journal::Body;
use crate::primitive::Settled;
use serde_json::Value;
use std::sync::atomic::Ordering;

/// What becomes of an action whose intent is recorded, and whose end is not.
enum Verdict {
    /// It took effect; what it gave, where that is known.
    Applied(Option<Value>, String),
    /// It did not.
    NotApplied(String),
    /// Observing and deciding tells what remains.
    Look,
}

impl Execution<'_> {
    /// Takes up what an earlier process left, before the first attempt.
    pub(super) async fn take_up(&self) -> Result<(), Broken> {
        let Some(past) = self.past.filter(|past| !past.actions.is_empty()) else {
            return Ok(());
        };
        {
            let mut seen = self.seen();
            seen.first = past
                .first
                .as_ref()
                .map(|(_, before, undo)| (before.clone(), undo.clone()));
            seen.outcomes.clone_from(&past.outcomes);
        }
        let ensures = self.primitive.spec().class == Class::Ensure;
        let mut acted = ensures || !past.outcomes.is_empty();
        for (n, action) in &past.actions {
            let known = match (&action.end, action.settled) {
                (Some(Ok(value)), _) => Some(Some(value.clone())),
                (Some(Err(failure)), _) => {
                    acted |= failure.partial || failure.doubt;
                    continue;
                }
                (None, Some(true)) => Some(None),
                (None, Some(false)) => continue,
                (None, None) => None,
            };
            if let Some(value) = known {
                acted = true;
                self.recall(*n, value.filter(|value| !value.is_null()));
                continue;
            }
            let effect = action.effect;
            // Given up while it is looked for, it may have had its effect.
            self.under_way.fetch_add(1, Ordering::SeqCst);
            let verdict = self.judge(&action.what, effect, action.evidence.as_ref());
            let verdict = verdict.await;
            self.under_way.fetch_sub(1, Ordering::SeqCst);
            let (applied, value, by) = match verdict? {
                // Whatever the look will find of it, it may have been us.
                Verdict::Look => {
                    acted = true;
                    continue;
                }
                Verdict::Applied(value, by) => (true, value, by),
                Verdict::NotApplied(by) => (false, None, by),
            };
            let body = Body::Settled {
                action: *n,
                applied,
                value: value.clone().unwrap_or_default(),
                by,
            };
            let journal = &self.run.0.journal;
            journal
                .commit(&self.step.key, past.generation, body)
                .await?;
            if applied {
                acted = true;
                self.seen().outcomes.extend(value.clone());
                self.recall(*n, value);
            }
        }
        self.acted.store(acted, Ordering::SeqCst);
        Ok(())
    }

    /// Of what converges a look tells what remains; of everything else what was done is not done again.
    fn recall(&self, n: u32, value: Option<Value>) {
        if self.primitive.spec().class != Class::Ensure {
            self.seen().recalled.insert(n, value);
        }
    }

    /// Whether an action was done by an earlier process; what it gave is among the outcomes.
    pub(super) fn is_recalled(&self, n: u32) -> bool {
        self.seen().recalled.contains_key(&n)
    }

    /// Whether it is only taken for done, by the word of a person or of the script.
    pub(super) fn is_assumed(&self) -> bool {
        self.seen().recalled.values().any(Option::is_none)
    }

    /// What was seen before the first action, when some of them were done and are not done again.
    pub(super) fn before_the_rest(&self) -> Option<Value> {
        let seen = self.seen();
        let before = seen.first.as_ref().map(|(before, _)| before.clone());
        before.filter(|_| !seen.recalled.is_empty())
    }

    async fn judge(
        &self,
        what: &Value,
        effect: Effect,
        evidence: Option<&Value>,
    ) -> Result<Verdict, Broken> {
        if let Some(applied) = self.run.0.past.words.get(&self.step.key) {
            let by = "a person".to_owned();
            return Ok(if *applied {
                Verdict::Applied(None, by)
            } else {
                Verdict::NotApplied(by)
            });
        }
        let settled = self
            .primitive
            .settle(&self.readers, self.args, what, evidence)
            .await?;
        let verdict = match (settled, effect) {
            (Settled::Applied(value), _) => Verdict::Applied(Some(value), "as observed".into()),
            (Settled::NotApplied, _) => Verdict::NotApplied("as observed".into()),
            (Settled::Unknown(_), _) if self.primitive.spec().class == Class::Ensure => {
                Verdict::Look
            }
            (Settled::Unknown(_), Effect::Gate | Effect::Ensure | Effect::Command) => Verdict::Look,
            (Settled::Unknown(_), Effect::Notify) => {
                let why = "not sent again: a message is not worth a duplicate";
                self.run
                    .note(self.scope, &format!("{}: {why}", self.named()));
                Verdict::Applied(None, why.into())
            }
            (Settled::Unknown(why), Effect::Transaction | Effect::Ddl | Effect::Opaque) => {
                match self.on_doubt.unwrap_or(OnDoubt::Ask) {
                    OnDoubt::Ask => {
                        let doubt = self.run.in_doubt(&self.step.key, &self.named(), &why);
                        return Err(doubt.into());
                    }
                    OnDoubt::Again => Verdict::NotApplied("on_doubt: \"again\"".into()),
                    OnDoubt::Skip => Verdict::Applied(None, "on_doubt: \"skip\"".into()),
                }
            }
        };
        Ok(verdict)
    }

    fn named(&self) -> String {
        format!("{} {}", self.step.name, self.step.place)
            .trim_end()
            .to_owned()
    }
}

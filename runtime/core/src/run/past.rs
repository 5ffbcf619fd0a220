//! What earlier processes of a run wrote down, by key: the script replays over it without touching the world.

use crate::effect::{Class, Effect};
use crate::failure::Failure;
use crate::handle::Handle;
use crate::journal::{Body, Recorded, TransactionStep};
use crate::primitive::Undo;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// Everything that is recorded; empty for a run that begins.
#[derive(Default)]
pub(super) struct Past {
    steps: HashMap<String, PastStep>,
    reads: HashMap<String, Value>,
    decisions: HashMap<String, (String, bool)>,
    /// How each scope ended; `None` while it was open.
    scopes: HashMap<String, Option<Option<Failure>>>,
    commits: HashMap<String, usize>,
    permissions: HashMap<String, usize>,
    /// What scopes are undone for.
    undoing: HashMap<String, Failure>,
    identities: HashMap<String, Value>,
    leases: BTreeMap<String, Handle>,
    /// Ordinal of the newest record of an effect.
    last_effect: u64,
    /// Whether any action had an effect, or may have had one.
    pub(super) acted: bool,
    /// What a person says of steps in doubt: whether they took effect.
    pub(super) words: BTreeMap<String, bool>,
    /// Steps that a person does not want undone.
    pub(super) skip: BTreeSet<String>,
}

/// A step, or a bracket.
#[derive(Default)]
pub(super) struct PastStep {
    /// The newest one.
    pub(super) generation: u32,
    /// Its arguments, what it saw before its first action, and the way back.
    pub(super) first: Option<(Value, Value, Undo)>,
    /// The actions of the newest generation.
    pub(super) actions: BTreeMap<u32, PastAction>,
    /// What the actions of all generations gave that succeeded.
    pub(super) outcomes: Vec<Value>,
    /// A transaction that was complete.
    pub(super) sealed: Option<Sealed>,
    pub(super) result: Option<PastResult>,
    pub(super) undo: PastUndo,
}

/// An action whose intent is recorded.
pub(super) struct PastAction {
    pub(super) what: Value,
    pub(super) effect: Effect,
    pub(super) evidence: Option<Value>,
    /// How it ended, where that is known.
    pub(super) end: Option<Result<Value, Failure>>,
    /// What doubt about it was settled as.
    pub(super) settled: Option<bool>,
    seq: u64,
    /// Whether its branch went on after its end.
    pub(super) followed: bool,
}

/// A complete transaction.
pub(super) struct Sealed {
    pub(super) entered: Value,
    pub(super) steps: Arc<HashMap<String, TransactionStep>>,
    pub(super) evidence: Value,
}

/// What the script got from a step.
pub(super) struct PastResult {
    seq: u64,
    /// As errors name it: the primitive and what it touches.
    pub(super) named: String,
    pub(super) args: String,
    class: Class,
    pub(super) changed: bool,
    pub(super) value: Value,
    pub(super) failure: Option<Failure>,
    pub(super) stopped: bool,
    /// Whether its branch went on after it.
    followed: bool,
}

/// How far a step is undone.
#[derive(Default, Clone)]
pub(super) enum PastUndo {
    /// Not begun.
    #[default]
    No,
    /// Begun; nobody knows how far it came, or it failed.
    Begun,
    /// Undone: what is true of its subject now.
    Done(Option<String>),
    /// It stays, for that reason.
    Kept(String),
}

impl Past {
    pub(super) fn read(records: &[Recorded]) -> Self {
        let mut past = Self::default();
        for record in records {
            past.add(record);
        }
        for step in past.steps.values_mut() {
            if let Some(result) = &mut step.result
                && result.failure.is_some()
            {
                let key = &records[result.seq as usize - 1].key;
                result.followed = is_followed(records, result.seq, key);
            }
            for action in step.actions.values_mut() {
                if matches!(action.end, Some(Err(_))) {
                    let key = &records[action.seq as usize - 1].key;
                    action.followed = is_followed(records, action.seq, key);
                }
            }
        }
        past
    }

    fn add(&mut self, record: &Recorded) {
        let Recorded { key, seq, .. } = record;
        match &record.body {
            Body::ScopeOpen { .. } => {
                self.scopes.entry(key.clone()).or_default();
            }
            Body::ScopeClose { failure } => {
                self.scopes.insert(key.clone(), Some(failure.clone()));
            }
            Body::Read { value, .. } => {
                self.reads.insert(key.clone(), value.clone());
            }
            Body::Decided { by, yes, .. } => {
                self.decisions.insert(key.clone(), (by.clone(), *yes));
            }
            Body::Identity { handle, identity } => {
                self.identities.insert(handle.clone(), identity.clone());
            }
            Body::Lease { handle, .. } => {
                self.leases.insert(handle.name.clone(), handle.clone());
            }
            Body::CommitPoint { .. } => *self.commits.entry(key.clone()).or_default() += 1,
            Body::Allowed { .. } => *self.permissions.entry(key.clone()).or_default() += 1,
            Body::UndoOpen { failure } => {
                self.undoing.entry(key.clone()).or_insert(failure.clone());
            }
            Body::Step {
                args, before, undo, ..
            } => {
                let first = || (args.clone(), before.clone(), undo.clone());
                self.generation(record).first.get_or_insert_with(first);
            }
            Body::Intent {
                action,
                what,
                effect,
            } => {
                self.last_effect = *seq;
                self.acted = true;
                let intent = PastAction {
                    what: what.clone(),
                    effect: *effect,
                    evidence: None,
                    end: None,
                    settled: None,
                    seq: *seq,
                    followed: false,
                };
                self.generation(record).actions.insert(*action, intent);
            }
            Body::Evidence { action, value } => {
                if let Some(action) = self.generation(record).actions.get_mut(action) {
                    action.evidence = Some(value.clone());
                }
            }
            Body::Settled {
                action,
                applied,
                value,
                ..
            } => {
                let step = self.generation(record);
                if let Some(action) = step.actions.get_mut(action) {
                    action.settled = Some(*applied);
                    if *applied {
                        action.end = Some(Ok(value.clone()));
                        step.outcomes
                            .extend(Some(value.clone()).filter(|v| !v.is_null()));
                    }
                }
            }
            Body::Outcome {
                action,
                value,
                failure,
            } => {
                self.last_effect = *seq;
                let step = self.generation(record);
                if failure.is_none() {
                    step.outcomes.push(value.clone());
                }
                if let Some(action) = step.actions.get_mut(action) {
                    action.seq = *seq;
                    action.end = Some(failure.clone().map_or(Ok(value.clone()), Err));
                }
            }
            Body::TxResult {
                entered,
                steps,
                evidence,
                ..
            } => {
                let by_key = steps.iter().map(|step| (step.key.clone(), step.clone()));
                self.generation(record).sealed = Some(Sealed {
                    entered: entered.clone(),
                    steps: Arc::new(by_key.collect()),
                    evidence: evidence.clone(),
                });
            }
            Body::Result {
                primitive,
                place,
                class,
                args,
                changed,
                value,
                failure,
                stopped,
                ..
            } => {
                self.acted |= changed;
                self.generation(record).result = Some(PastResult {
                    seq: *seq,
                    named: format!("{primitive} {place}").trim_end().to_owned(),
                    args: args.clone(),
                    class: *class,
                    changed: *changed,
                    value: value.clone(),
                    failure: failure.clone(),
                    stopped: *stopped,
                    followed: false,
                });
            }
            Body::UndoIntent { .. } => {
                self.last_effect = *seq;
                self.generation(record).undo = PastUndo::Begun;
            }
            Body::UndoResult {
                kept,
                failure,
                state,
            } => {
                self.generation(record).undo = match (kept, failure) {
                    (Some(why), _) => PastUndo::Kept(why.clone()),
                    (None, Some(_)) => PastUndo::Begun,
                    (None, None) => PastUndo::Done(state.clone()),
                };
            }
            Body::RunOpen { .. }
            | Body::RunResume { .. }
            | Body::Blob { .. }
            | Body::Interrupt { .. }
            | Body::Note { .. }
            | Body::RunClose { .. } => {}
        }
    }

    /// The step of a record. What a newer generation says replaces what an older one said.
    fn generation(&mut self, record: &Recorded) -> &mut PastStep {
        let step = self.steps.entry(record.key.clone()).or_default();
        if record.generation > step.generation {
            step.generation = record.generation;
            step.actions.clear();
            step.sealed = None;
            step.result = None;
        }
        step
    }

    /// A step or bracket that was begun.
    pub(super) fn step(&self, key: &str) -> Option<&PastStep> {
        self.steps.get(key)
    }

    /// Everything that was begun.
    pub(super) fn all_steps(&self) -> impl Iterator<Item = (&str, &PastStep)> {
        self.steps.iter().map(|(key, step)| (key.as_str(), step))
    }

    /// The generation that comes next.
    pub(super) fn next_generation(&self, key: &str) -> u32 {
        self.step(key).map_or(1, |step| step.generation + 1)
    }

    /// Whether a step was begun and has no result, or a bracket no end: it goes on even where nothing new may begin.
    pub(super) fn is_under_way(&self, key: &str) -> bool {
        self.step(key).is_some_and(|step| match step.first {
            Some(_) => step.result.is_none() && !step.actions.is_empty(),
            None => step
                .actions
                .get(&0)
                .is_some_and(|action| action.end.is_none() && action.settled.is_none()),
        })
    }

    /// A result that stands. Not one of a gate with no effect after it, for the world may have moved; nor a failure that
    /// its branch did not go on from.
    pub(super) fn result(&self, key: &str) -> Option<&PastResult> {
        let result = self.step(key)?.result.as_ref()?;
        let stands = match (&result.failure, result.class) {
            (Some(_), _) => result.followed,
            (None, Class::Gate) => result.seq < self.last_effect,
            (None, Class::Read | Class::Ensure | Class::Every) => true,
        };
        stands.then_some(result)
    }

    /// The keys of everything that had begun, in order: steps, brackets and what was called in complete transactions.
    pub(super) fn keys(&self) -> impl Iterator<Item = &str> {
        let begun = |step: &&'_ PastStep| step.result.is_some() || !step.actions.is_empty();
        let all = self.steps.iter().flat_map(move |(key, step)| {
            let sealed = step.sealed.iter().flat_map(|sealed| sealed.steps.keys());
            let own = Some(step).filter(begun).map(|_| key);
            own.into_iter().chain(sealed)
        });
        let all: BTreeSet<&str> = all
            .map(String::as_str)
            .filter(|key| !key.contains(UNDO))
            .collect();
        all.into_iter()
    }

    pub(super) fn undo(&self, key: &str) -> PastUndo {
        self.step(key)
            .map_or(PastUndo::No, |step| step.undo.clone())
    }

    pub(super) fn value_read(&self, key: &str) -> Option<&Value> {
        self.reads.get(key)
    }

    pub(super) fn decision(&self, key: &str) -> Option<&(String, bool)> {
        self.decisions.get(key)
    }

    /// Whether a scope was opened.
    pub(super) fn has_scope(&self, path: &str) -> bool {
        self.scopes.contains_key(path)
    }

    /// How a scope ended, if it did.
    pub(super) fn end_of_scope(&self, path: &str) -> Option<Result<(), Failure>> {
        let end = self.scopes.get(path)?.clone()?;
        Some(end.map_or(Ok(()), Err))
    }

    pub(super) fn commits(&self, path: &str) -> usize {
        self.commits.get(path).copied().unwrap_or(0)
    }

    /// How often destruction was allowed in a scope.
    pub(super) fn permissions(&self, path: &str) -> usize {
        self.permissions.get(path).copied().unwrap_or(0)
    }

    /// What a scope is being undone for; the run's has an empty path.
    pub(super) fn undoing(&self, path: &str) -> Option<&Failure> {
        self.undoing.get(path)
    }

    /// Servers that an earlier process had taken.
    pub(super) fn leases(&self) -> impl Iterator<Item = &Handle> {
        self.leases.values()
    }

    pub(super) fn identity(&self, handle: &str) -> Option<&Value> {
        self.identities.get(handle)
    }

    /// Every value that was recorded as arguments of something with an effect; handles are in them.
    pub(super) fn arguments(&self) -> impl Iterator<Item = &Value> {
        let first = |step: &'_ PastStep| step.first.is_some();
        let steps = self.steps.values();
        steps.flat_map(move |step| {
            let brackets = step.actions.values().filter(move |_| !first(step));
            let args = step.first.iter().map(|(args, ..)| args);
            args.chain(brackets.map(|action| &action.what))
        })
    }
}

/// Ends the key of what undoes a step.
pub const UNDO: &str = "~undo";

/// Whether the branch of a record went on after it.
fn is_followed(records: &[Recorded], seq: u64, key: &str) -> bool {
    records[seq as usize..].iter().any(|later| {
        let says_nothing = matches!(
            later.body,
            Body::RunResume { .. }
                | Body::Blob { .. }
                | Body::Identity { .. }
                | Body::Interrupt { .. }
                | Body::Note { .. }
        );
        // What a failed attempt of the same step is followed by is its next attempt, or its result.
        let same = later.key == key
            && matches!(
                later.body,
                Body::Step { .. } | Body::Intent { .. } | Body::Result { .. }
            );
        !says_nothing && !same && !in_another_branch(key, &later.key)
    })
}

/// Whether two keys part at a fan-out.
fn in_another_branch(one: &str, other: &str) -> bool {
    let common = one
        .bytes()
        .zip(other.bytes())
        .take_while(|(a, b)| a == b)
        .count();
    // The last bracket that both have open: what differs within it are two items.
    let head = &one[..common];
    let inside = |key: &str| match (head.rfind('['), head.rfind(']')) {
        (Some(open), close) if close.is_none_or(|close| close < open) => key[open..].contains(']'),
        _ => false,
    };
    inside(one) && inside(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_part_at_a_fan_out_and_nowhere_else() {
        for (one, other, part) in [
            ("/each#1[a]/x#1", "/each#1[b]/x#1", true),
            ("/each#1[a]/x#1", "/each#1[ab]/x#1", true),
            ("/each#1[a]/x#1", "/each#1[a]/y#1", false),
            ("/each#1[a]/x#1", "/each#1[a]", false),
            ("/each#1[a]/x#1", "/each#1", false),
            ("/each#1[a]/x#1", "/z#1", false),
            ("/each#1[a]/x#1", "", false),
            ("/each#1[a]/each#1[c]/x#1", "/each#1[a]/each#1[d]", true),
            ("/each#1[a]/each#1[c]/x#1", "/each#1[a]/x#1", false),
            ("/each#1[a]/x#1", "/each#2[a]/x#1", false),
        ] {
            assert_eq!(in_another_branch(one, other), part, "{one} {other}");
            assert_eq!(in_another_branch(other, one), part, "{other} {one}");
        }
    }
}

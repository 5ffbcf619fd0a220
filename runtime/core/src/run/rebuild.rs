//! Rebuilds what a run did from its journal alone, so that it can be undone without its script.

use super::execute::{Broken, Execution};
use super::past::{PastUndo, UNDO};
use super::scope::{Scope, ScopeKind, StepEntry};
use super::setup::Run;
use super::step::{Common, outside_transactions};
use crate::event::Step;
use crate::failure::{CallError, Failure};
use crate::journal::{Body, History, TransactionStep};
use crate::primitive::Undo;
use crate::run::finish::{By, Finished};
use serde_json::Value;
use std::collections::HashMap;

impl Run {
    /// Undoes the whole run from its journal, newest first; doubt is settled before.
    pub async fn roll_back(&self, history: &History, failure: Failure) -> Finished {
        let failure = self.undoing().unwrap_or(failure);
        let rebuilt = self.rebuild(history).await;
        let failed = rebuilt.and_then(|()| Err(failure.into()));
        self.end(failed, By::Journal).await
    }

    /// Fills the scope of the run with everything that is recorded as done and not undone.
    async fn rebuild(&self, history: &History) -> Result<(), CallError> {
        let mut scopes = HashMap::from([(String::new(), self.root().clone())]);
        let mut names = Names::new();
        let mut of_the_run = false;
        for record in &history.records {
            let key = &record.key;
            match &record.body {
                Body::ScopeOpen { scope, width, .. } => {
                    let kind = match scope.as_str() {
                        "each" | "parallel" | "rolling" => {
                            ScopeKind::FanOut((*width).max(1) as usize)
                        }
                        _ => ScopeKind::Savepoint,
                    };
                    open(&mut scopes, key, kind);
                }
                Body::Step {
                    primitive, args, n, ..
                } => {
                    let step = self.step_named(key, *n, primitive, args);
                    names.entry(key.clone()).or_insert(step);
                }
                Body::Intent { .. } if !names.contains_key(key) && !scopes.contains_key(key) => {
                    open(&mut scopes, key, ScopeKind::Transaction);
                }
                Body::Result {
                    changed: true,
                    failure,
                    ..
                } => {
                    let doubt = failure.as_ref().is_some_and(|failure| failure.doubt);
                    if !doubt || self.0.past.word_on(key) == Some(true) {
                        self.add(&scopes, key, &names)?;
                    }
                }
                Body::CommitPoint { why } => {
                    if let Some(scope) = scopes.get(key) {
                        scope.commit(why);
                    }
                }
                Body::UndoOpen { .. } => of_the_run |= key.is_empty(),
                Body::UndoResult { failure: None, .. } if !of_the_run => {
                    if let Some(scope) = scopes.get(parent(key)) {
                        scope.remove_step(key);
                    }
                }
                Body::Outcome { failure: None, .. } | Body::Settled { applied: true, .. } => {
                    if let Some(scope) = scopes.get(key) {
                        self.add_transaction(scope, key);
                    }
                }
                _ => {}
            }
        }
        self.settle_failed().await?;
        self.settle_the_rest(history, &scopes, &names).await
    }

    fn add(
        &self,
        scopes: &HashMap<String, Scope>,
        key: &str,
        names: &Names,
    ) -> Result<(), CallError> {
        let first = self.0.past.step(key).and_then(|step| step.first.as_ref());
        let (Some((args, _, undo)), Some(scope), Some(step)) =
            (first, scopes.get(parent(key)), names.get(key))
        else {
            return Ok(());
        };
        let primitive = self.0.registry.primitives.get(step.name.as_str());
        let args = outside_transactions(args);
        let subjects = primitive.map_or(Ok(vec![]), |primitive| primitive.subjects(&args))?;
        scope.add_step(StepEntry {
            step: step.clone(),
            args,
            subjects,
            converges: primitive.is_some_and(|p| p.spec().class == crate::Class::Ensure),
            undo: Some(undo.clone()),
        });
        Ok(())
    }

    fn step_named(&self, key: &str, n: u64, name: &str, args: &Value) -> Step {
        let primitive = self.0.registry.primitives.get(name);
        let subjects = primitive.and_then(|primitive| primitive.subjects(args).ok());
        let first = subjects.and_then(|subjects| subjects.into_iter().next());
        let place = first.map(|subject| self.clean(&subject.name));
        Step {
            key: key.to_owned(),
            n,
            name: name.to_owned(),
            place: place.unwrap_or_default(),
        }
    }

    /// What the calls of a committed transaction did.
    fn add_transaction(&self, scope: &Scope, key: &str) {
        let sealed = self.0.past.step(key).and_then(|step| step.sealed.as_ref());
        let mut steps: Vec<&TransactionStep> = sealed
            .iter()
            .flat_map(|sealed| sealed.steps.values())
            .collect();
        steps.sort_by_key(|step| step.n);
        for step in steps {
            if step.undo == Undo::unchanged() || step.failure.is_some() {
                continue;
            }
            scope.add_step(StepEntry {
                step: self.step_named(&step.key, step.n, &step.primitive, undo_args(&step.undo)),
                args: Value::Null,
                subjects: vec![],
                converges: false,
                undo: Some(step.undo.clone()),
            });
        }
    }

    /// Settles steps that the run died in; what took effect is undone with the rest.
    async fn settle_the_rest(
        &self,
        history: &History,
        scopes: &HashMap<String, Scope>,
        names: &Names,
    ) -> Result<(), CallError> {
        let registry = self.0.registry.clone();
        let mut keys: Vec<&String> = vec![];
        for record in &history.records {
            let begun = matches!(record.body, Body::Intent { .. });
            if begun && self.0.past.is_under_way(&record.key) && !keys.contains(&&record.key) {
                keys.push(&record.key);
            }
        }
        for key in keys {
            if key.ends_with(UNDO) {
                continue;
            }
            // It was settled before its undo began.
            if !matches!(self.0.past.undo(key), PastUndo::No) {
                self.add(scopes, key, names)?;
                continue;
            }
            if let Some(scope) = scopes.get(key).cloned() {
                self.settle_transaction(&scope, key).await?;
                continue;
            }
            let Some(step) = names.get(key).cloned() else {
                continue;
            };
            let Some((args, ..)) = self.0.past.step(key).and_then(|step| step.first.clone()) else {
                continue;
            };
            let Some(primitive) = registry.primitives.get(step.name.as_str()) else {
                continue;
            };
            let common = Common::default();
            let execution = Execution::new(self, &**primitive, &step, &args, self.root(), &common);
            match execution.take_up().await {
                Ok(()) => {}
                Err(Broken::Failed(failure)) => return Err(CallError::Failed(failure)),
                Err(Broken::Fatal(failure)) => return Err(CallError::Fatal(failure)),
                Err(Broken::Stopped) => return Err(CallError::Stopped),
            }
            if execution.acted() {
                self.add(scopes, key, names)?;
            }
        }
        Ok(())
    }

    async fn settle_transaction(&self, scope: &Scope, key: &str) -> Result<(), CallError> {
        let registry = self.0.registry.clone();
        let name = key
            .rsplit('/')
            .next()
            .and_then(|last| last.split('#').next());
        let bracket = name.and_then(|name| registry.brackets.get(name));
        let past = self.0.past.step(key).and_then(|step| step.actions.get(&0));
        let (Some(bracket), Some(action)) = (bracket, past) else {
            return Ok(());
        };
        let readers = self.readers_for_all();
        let over = self
            .recall_bracket(scope, &**bracket, &readers, &action.what)
            .await;
        if matches!(over?, Some((_, Ok(())))) {
            self.add_transaction(scope, key);
        }
        Ok(())
    }
}

/// Steps by their keys.
type Names = HashMap<String, Step>;

/// Within a transaction only the way back is recorded with its arguments; it touches the same thing.
fn undo_args(undo: &Undo) -> &Value {
    match undo {
        Undo::Call { args, .. } => args,
        Undo::None { .. } => &Value::Null,
    }
}

fn open(scopes: &mut HashMap<String, Scope>, path: &str, kind: ScopeKind) {
    let around = scopes.get(parent(path)).cloned();
    if let Some(around) = around {
        let scope = around.rebuilt(path, kind);
        scopes.insert(path.to_owned(), scope);
    }
}

/// Path of the scope that something stands in.
fn parent(key: &str) -> &str {
    let end = if key.ends_with(']') {
        key.rfind('[')
    } else {
        key.rfind('/')
    };
    &key[..end.unwrap_or(0)]
}

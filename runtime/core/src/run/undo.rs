//! Undo: newest first, at the width at which it was done, each step by a call that is journalled like any other.

use super::execute::{Broken, Execution};
use super::past::{PastUndo, UNDO};
use super::scope::{Entry, Scope, ScopeKind, StepEntry};
use super::setup::Run;
use super::step::Common;
use super::undone::Report;
use crate::event::{Step, What};
use crate::failure::{CallError, Failure};
use crate::journal::Body;
use crate::primitive::Undo;
use futures_util::future::{BoxFuture, FutureExt};
use futures_util::{StreamExt, stream};
use serde_json::Value;
use std::sync::PoisonError;
use std::time::Duration;

/// Waits before an undo is tried again; a server that restarts is back by then.
const AGAIN_AFTER: [Duration; 3] = [
    Duration::from_millis(200),
    Duration::from_secs(1),
    Duration::from_secs(4),
];

impl Run {
    /// Ends a scope. When its body threw, what was done inside is undone first, and the error tells so.
    ///
    /// # Errors
    /// `Stopped` or `Fatal` when undoing itself was stopped.
    pub async fn close_scope(
        &self,
        scope: &Scope,
        word: &str,
        failure: Option<&mut Failure>,
    ) -> Result<(), CallError> {
        let ok = failure.is_none();
        if let Some(end) = self.recorded_end(scope) {
            return self.recall_end(scope, end, failure);
        }
        let mut recorded = None;
        if let Some(failure) = failure {
            *failure = self.scrubbed(failure.clone());
            match scope.kind() {
                ScopeKind::Savepoint | ScopeKind::Root => self.undo_scope(scope, failure).await?,
                ScopeKind::Freeze => self.freeze(scope, failure),
                ScopeKind::FanOut(_) | ScopeKind::Transaction => {}
            }
            recorded = Some(failure.clone());
        }
        self.0
            .journal
            .write(scope.path(), 1, Body::ScopeClose { failure: recorded });
        self.emit(What::ScopeFinished {
            key: scope.path().into(),
            kind: word.into(),
            ok,
        });
        Ok(())
    }

    /// Ends a scope as an earlier process ended it: what it undid is undone.
    fn recall_end(
        &self,
        scope: &Scope,
        end: Result<(), Failure>,
        failure: Option<&mut Failure>,
    ) -> Result<(), CallError> {
        match (end, failure) {
            (Ok(()), None) => Ok(()),
            (Err(recorded), Some(failure)) => {
                let undoes = matches!(scope.kind(), ScopeKind::Savepoint | ScopeKind::Root);
                if undoes && !recorded.frozen {
                    scope.take_entries();
                }
                if recorded.data.contains_key("stuck") {
                    self.stick(scope, &recorded);
                }
                *failure = recorded;
                Ok(())
            }
            (Ok(()), Some(failure)) => Err(self.diverged(
                scope.path(),
                format!("it had ended well, and now it failed: {}", failure.message),
            )),
            (Err(recorded), None) => Err(self.diverged(
                scope.path(),
                format!("it had failed, and now it ended well: {}", recorded.message),
            )),
        }
    }

    fn stick(&self, scope: &Scope, failure: &Failure) {
        scope.stick();
        self.0
            .stuck
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get_or_insert_with(|| failure.clone());
    }

    fn freeze(&self, scope: &Scope, failure: &mut Failure) {
        failure.frozen = true;
        failure.undone = Some(false);
        leave(scope, "left as it is", failure);
    }

    pub(super) async fn undo_scope(
        &self,
        scope: &Scope,
        failure: &mut Failure,
    ) -> Result<(), CallError> {
        if scope.is_stuck() {
            failure.frozen = true;
            failure.undone = Some(false);
            leave(scope, "still applied", failure);
            return Ok(());
        }
        if failure.frozen {
            leave(scope, "left as it is", failure);
            return Ok(());
        }
        let steps = steps_of(&Entry::Scope(scope.clone()))
            .iter()
            .filter(|s| s.undo.is_some())
            .count();
        self.still_holds(&self.readers_for_all()).await?;
        match self.0.past.undoing(scope.path()) {
            Some(recorded) => failure.clone_from(recorded),
            None if steps == 0 => {}
            None => {
                let failure = failure.clone();
                self.0
                    .journal
                    .write(scope.path(), 1, Body::UndoOpen { failure });
            }
        }
        if steps > 0 {
            self.emit(What::UndoStarted {
                scope: scope.path().into(),
                steps: steps as u64,
            });
        }
        let report = Report::default();
        let commit = self.undo_entries(scope, &report).await?;
        failure.undone = Some(failure.undone != Some(false));
        self.tell(scope, report, failure);
        if let Some(why) = commit {
            failure.undone = Some(false);
            let line = format!("what stands before the point of no return stays: {why}");
            if !failure.state.contains(&line) {
                failure.state.push(line);
            }
            failure.data.insert("past_return".into(), why.into());
        }
        Ok(())
    }

    /// Puts what was found into the error, and remembers what is stuck.
    fn tell(&self, scope: &Scope, report: Report, failure: &mut Failure) {
        let stuck = report.is_stuck();
        let seen = &self.0.undone;
        report.into(
            failure,
            &mut seen.lock().unwrap_or_else(PoisonError::into_inner),
        );
        if stuck {
            self.stick(scope, failure);
        }
    }

    /// Undoes what a scope holds; gives the reason why something before a point of no return stays.
    fn undo_entries<'a>(
        &'a self,
        scope: &'a Scope,
        report: &'a Report,
    ) -> BoxFuture<'a, Result<Option<String>, CallError>> {
        async move {
            let (entries, mut commit) = scope.take_entries();
            let width = match scope.kind() {
                ScopeKind::FanOut(width) => *width,
                _ => 1,
            };
            let undone: Vec<_> = stream::iter(entries.into_iter().rev())
                .map(|entry| self.undo_entry(entry, report))
                .buffer_unordered(width)
                .collect()
                .await;
            // A point of no return with nothing before it keeps nothing.
            let kept = scope
                .entries()
                .iter()
                .flat_map(steps_of)
                .any(|s| s.undo.is_some());
            commit = commit.filter(|_| kept);
            for inner in undone {
                commit = commit.or(inner?);
            }
            Ok(commit)
        }
        .boxed()
    }

    async fn undo_entry(&self, entry: Entry, report: &Report) -> Result<Option<String>, CallError> {
        if report.found().ended {
            return Err(CallError::Stopped);
        }
        let undone = self.undo_one(entry, report).await;
        report.found().ended |= undone.is_err();
        undone
    }

    async fn undo_one(&self, entry: Entry, report: &Report) -> Result<Option<String>, CallError> {
        if report.is_stuck() {
            let left = steps_of(&entry)
                .into_iter()
                .rev()
                .filter(|s| s.undo.is_some());
            report.found().left.extend(left.map(|s| named(&s.step)));
            return Ok(None);
        }
        match entry {
            Entry::Scope(inner) => self.undo_entries(&inner, report).await,
            Entry::Step(StepEntry { undo: None, .. }) => Ok(None),
            Entry::Step(StepEntry {
                step,
                undo: Some(undo),
                ..
            }) => {
                self.undo_step(&step, undo, report).await?;
                Ok(None)
            }
        }
    }

    /// Undoes the half that a failed step had done, and says so in its error.
    pub(super) async fn undo_half(
        &self,
        scope: &Scope,
        step: &Step,
        undo: Undo,
        failure: &mut Failure,
    ) -> Result<(), CallError> {
        let report = Report::default();
        self.undo_step(step, undo, &report).await?;
        self.tell(scope, report, failure);
        Ok(())
    }

    async fn undo_step(&self, step: &Step, undo: Undo, report: &Report) -> Result<(), CallError> {
        let journal = &self.0.journal;
        let past = self.0.past.undo(&step.key);
        match &past {
            PastUndo::Done(state) => {
                let line = state.clone();
                let line = line.unwrap_or_else(|| format!("undone: {}", named(step)));
                report.found().states.push((named(step), line));
                return Ok(());
            }
            PastUndo::Kept(why) => {
                let line = format!("stays: {} ({why})", named(step));
                report.found().kept.push(line);
                return Ok(());
            }
            PastUndo::No | PastUndo::Begun if self.rehearsal().is_some() => {
                return Err(CallError::Stopped);
            }
            PastUndo::No | PastUndo::Begun => {}
        }
        let undo = match undo {
            Undo::Call { .. } if self.0.past.skip.contains(&step.key) => {
                Undo::none("a person said to leave it")
            }
            undo => undo,
        };
        let (primitive, args) = match &undo {
            Undo::None { why } => {
                let body = Body::UndoResult {
                    kept: Some(why.clone()),
                    failure: None,
                    state: None,
                };
                journal.write(&step.key, 1, body);
                let line = format!("stays: {} ({why})", named(step));
                report.found().kept.push(line);
                self.emit(What::StepKept {
                    step: step.clone(),
                    why: why.clone(),
                });
                return Ok(());
            }
            Undo::Call { primitive, args } => (primitive.clone(), args.clone()),
        };
        if matches!(past, PastUndo::No) {
            let body = Body::UndoIntent {
                undo: self.written_undo(undo),
            };
            journal.commit(&step.key, 1, body).await?;
        }
        let began = self.0.clock.elapsed();
        let (state, undone) = match self.undo_by(step, &primitive, &args).await {
            Ok((state, summary)) => (state, Ok(summary)),
            Err(Broken::Failed(failure)) => {
                let now = self.state_now(step, &primitive, &args).await;
                (now, Err(self.scrubbed(*failure)))
            }
            Err(Broken::Stopped) => return Err(CallError::Stopped),
            Err(Broken::Fatal(failure)) => return Err(CallError::Fatal(failure)),
        };
        let body = Body::UndoResult {
            kept: None,
            failure: undone.as_ref().err().cloned(),
            state: state.clone(),
        };
        journal.commit(&step.key, 1, body).await?;
        let mut found = report.found();
        match undone {
            Ok(summary) => {
                let line = state.unwrap_or_else(|| format!("undone: {}", named(step)));
                found.states.push((named(step), line));
                self.emit(What::StepUndone {
                    step: step.clone(),
                    summary,
                    took: self.since(began),
                });
            }
            Err(failure) => {
                found.left.push(match state {
                    Some(now) => format!("{} ({now})", named(step)),
                    None => named(step),
                });
                found.stuck.get_or_insert(failure.clone());
                self.emit(What::UndoFailed {
                    step: step.clone(),
                    failure,
                });
            }
        }
        Ok(())
    }

    /// What is true of a step's subject now; `None` where nobody can tell.
    async fn state_now(&self, step: &Step, primitive: &str, args: &Value) -> Option<String> {
        let primitive = self.0.registry.primitives.get(primitive)?;
        let readers = self.readers(step);
        let look = self.unless_aborted(primitive.observe(&readers, args));
        let facts = look.await.ok()?.ok()?;
        let facts = self.0.vault.scrubber().value(facts);
        primitive.state(args, &facts).ok()?
    }

    /// Makes the call that undoes a step; gives what is true of its subject now, and what the call said.
    async fn undo_by(
        &self,
        step: &Step,
        primitive: &str,
        args: &Value,
    ) -> Result<(Option<String>, String), Broken> {
        let registry = self.0.registry.clone();
        let primitive = registry.primitives.get(primitive).ok_or_else(|| {
            Failure::broken("undo", format!("there is no primitive `{primitive}`"))
        })?;
        let undoing = Step {
            key: format!("{}{UNDO}", step.key),
            ..step.clone()
        };
        let common = Common::default();
        let execution = Execution::new(self, &**primitive, &undoing, args, self.root(), &common);
        let work = async {
            execution.take_up().await?;
            self.attempts(&execution, &AGAIN_AFTER).await
        };
        let done = self.unless_aborted(work).await??;
        let summary = primitive.summary(args, &done.value)?;
        Ok((primitive.state(args, &done.after)?, summary))
    }
}

/// Names everything in a scope that stays as it is.
fn leave(scope: &Scope, how: &str, failure: &mut Failure) {
    let steps = steps_of(&Entry::Scope(scope.clone()));
    for step in steps.iter().rev().filter(|s| s.undo.is_some()) {
        let named = named(&step.step);
        if !failure
            .state
            .iter()
            .any(|line| line.ends_with(&format!(": {named}")))
        {
            failure.state.push(format!("{how}: {named}"));
        }
    }
}

fn named(step: &Step) -> String {
    format!("{} {}", step.name, step.place)
        .trim_end()
        .to_owned()
}

/// The steps of an entry, oldest first.
pub(super) fn steps_of(entry: &Entry) -> Vec<StepEntry> {
    match entry {
        Entry::Step(step) => vec![step.clone()],
        Entry::Scope(scope) => scope.entries().iter().flat_map(steps_of).collect(),
    }
}

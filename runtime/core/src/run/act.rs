//! Acts: stages one after the other, their lanes at the same time, each action written down before and after.

use super::execute::{Broken, Execution};
use super::step::{UndoWish, outside_transactions};
use crate::driver::{EvidenceOf, Permit, World};
use crate::erased::AnyAction;
use crate::failure::Failure;
use crate::journal::Body;
use crate::primitive::Undo;
use futures_util::{StreamExt, stream};
use serde_json::Value;
use std::sync::atomic::{AtomicBool, Ordering};

/// How many lanes of a stage run at the same time.
const LANES: usize = 8;

impl Execution<'_> {
    /// Does what was decided, stage by stage.
    pub(super) async fn act(
        &self,
        generation: u32,
        before: &Value,
        stages: &[Vec<Vec<AnyAction>>],
    ) -> Result<(), Broken> {
        let undo = self.way_back(before)?;
        if self.is_journalled() {
            self.run.bind(&self.readers, self.args).await?;
            let body = Body::Step {
                n: self.step.n,
                primitive: self.step.name.clone(),
                args: self.run.written(self.args.clone()),
                before: before.clone(),
                undo: self.run.written_undo(undo),
                plan: stages
                    .iter()
                    .flatten()
                    .flatten()
                    .map(|action| self.run.clean(&action.text))
                    .collect(),
            };
            self.run.0.journal.write(&self.step.key, generation, body);
        }
        let mut first = 0;
        for lanes in stages {
            let stop = AtomicBool::new(false);
            let starts = lanes.iter().scan(first, |next, lane| {
                let start = *next;
                *next += lane.len() as u32;
                Some(start)
            });
            let work: Vec<_> = lanes
                .iter()
                .zip(starts)
                .map(|(lane, start)| self.lane(generation, start, lane, &stop))
                .collect();
            let results: Vec<_> = stream::iter(work).buffered(LANES).collect().await;
            let mut broken = None;
            for (outcomes, end) in results {
                self.seen().outcomes.extend(outcomes);
                broken = match (broken, end.err()) {
                    (None, end) => end,
                    (Some(broken), None) => Some(broken),
                    (Some(broken), Some(end)) => Some(Broken::and(broken, end)),
                };
            }
            if let Some(broken) = broken {
                return Err(broken);
            }
            first += lanes.iter().map(Vec::len).sum::<usize>() as u32;
        }
        Ok(())
    }

    /// How the step will be undone: to what was there before the first action of its first attempt.
    fn way_back(&self, before: &Value) -> Result<Undo, Failure> {
        if let Some((_, undo)) = &self.seen().first {
            return Ok(undo.clone());
        }
        let undo = if self.wish == Some(UndoWish::None) {
            Undo::none("the playbook says `undo: \"none\"`")
        } else {
            self.primitive.undo(self.args, before)?
        };
        let undo = match undo {
            // By the time it is undone, a transaction that it was called in is over.
            Undo::Call { primitive, args } => Undo::Call {
                primitive,
                args: outside_transactions(&args),
            },
            Undo::None { why } => Undo::None { why },
        };
        self.seen().first = Some((before.clone(), undo.clone()));
        Ok(undo)
    }

    /// The actions of one lane, in order, until one fails here or in a lane beside it.
    async fn lane(
        &self,
        generation: u32,
        start: u32,
        lane: &[AnyAction],
        stop: &AtomicBool,
    ) -> (Vec<Value>, Result<(), Broken>) {
        let mut outcomes = vec![];
        for (action, n) in lane.iter().zip(start..) {
            if stop.load(Ordering::SeqCst) {
                return (outcomes, Err(Broken::Stopped));
            }
            match self.one(generation, n, action, stop).await {
                Ok(value) => outcomes.extend(value),
                Err(broken) => return (outcomes, Err(broken)),
            }
        }
        (outcomes, Ok(()))
    }

    /// Intent, action, outcome.
    async fn one(
        &self,
        generation: u32,
        n: u32,
        action: &AnyAction,
        stop: &AtomicBool,
    ) -> Result<Option<Value>, Broken> {
        let journal = &self.run.0.journal;
        let key = &self.step.key;
        if self.is_recalled(n) {
            return Ok(None);
        }
        self.may_go_on()?;
        if self.is_journalled() {
            self.run.still_holds(&self.readers).await?;
            let body = Body::Intent {
                action: n,
                what: self.run.written(action.value.clone()),
                effect: action.effect,
            };
            journal.commit(key, generation, body).await?;
        }
        self.under_way.fetch_add(1, Ordering::SeqCst);
        self.readers.progress(action.text.clone());
        let world = World {
            readers: self.readers.clone(),
            evidence: self.is_journalled().then(|| EvidenceOf {
                journal: journal.clone(),
                key: key.clone(),
                generation,
                action: n,
            }),
        };
        let permit = Permit {
            _made_by_the_runner: (),
        };
        let result = self
            .primitive
            .act(&world, &permit, self.args, &action.value)
            .await;
        // Before the outcome is written down: no lane begins an action while that goes to the disk.
        stop.fetch_or(result.is_err(), Ordering::SeqCst);
        if result.as_ref().is_ok() || result.as_ref().is_err_and(|f| f.doubt || f.partial) {
            self.acted.store(true, Ordering::SeqCst);
        }
        if result.as_ref().is_err_and(|f| f.doubt) && !action.effect.bears_repeating() {
            self.in_doubt.store(true, Ordering::SeqCst);
        }
        self.under_way.fetch_sub(1, Ordering::SeqCst);
        let result = match result {
            Ok(value) => Ok(self.readers.vault().scrubber().value(value)),
            Err(failure) => Err(self.run.scrubbed(failure)),
        };
        if self.is_journalled() {
            let body = match &result {
                Ok(value) => Body::Outcome {
                    action: n,
                    value: value.clone(),
                    failure: None,
                },
                Err(failure) => Body::Outcome {
                    action: n,
                    value: Value::Null,
                    failure: Some(failure.clone()),
                },
            };
            journal.commit(key, generation, body).await?;
        }
        if result.is_err() && self.is_journalled() {
            // It may have failed for no other reason.
            self.run.still_holds(&self.readers).await?;
        }
        Ok(Some(result?))
    }
}

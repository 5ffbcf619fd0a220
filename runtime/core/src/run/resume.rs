//! Takes up a run whose process has died, or one that is to be undone, from its journal.

use super::past::Past;
use super::setup::{Run, Setup};
use super::step::find_handles;
use crate::code;
use crate::driver::Readers;
use crate::event::{Step, What};
use crate::failure::{CallError, Failure};
use crate::handle::Handle;
use crate::journal::{Body, Edited, History, Journal};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// Who takes a run up, and what they say of steps that nobody else can judge.
#[derive(Debug, Clone, Default)]
pub struct Resuming {
    /// Version of pb.
    pub pb: String,
    /// Who.
    pub by: String,
    /// On which machine.
    pub host: String,
    /// As which process.
    pub pid: u32,
    /// What it goes on with instead of the recorded playbook.
    pub edited: Option<Edited>,
    /// Keys of steps in doubt, and whether they took effect.
    pub words: BTreeMap<String, bool>,
    /// Keys of steps that are not undone.
    pub skip: BTreeSet<String>,
}

/// What the first record of a run says that a second process needs.
#[derive(Debug, Clone)]
pub struct Opened {
    /// The playbook as it was named.
    pub playbook: String,
    /// Texts of the playbook and its modules, by name.
    pub sources: BTreeMap<String, String>,
    /// Values of its parameters.
    pub params: Map<String, Value>,
    /// The environment's name.
    pub env: String,
    /// The environment; secrets are references.
    pub target: Value,
}

impl Opened {
    /// Reads it.
    ///
    /// # Errors
    /// `PB0020` for a journal that does not fit together.
    pub fn of(history: &History) -> Result<Self, Failure> {
        let damaged = |why: String| {
            let message = "the journal of the run is damaged: it can be read, not gone on with";
            Failure::new(&code::DAMAGED, message).because(why)
        };
        if let Some(damage) = &history.damage {
            return Err(damaged(damage.to_string()));
        }
        let opening = history.opening().map(|record| record.body.clone());
        let Some(Body::RunOpen {
            playbook,
            sources,
            params,
            env,
            target,
            ..
        }) = opening
        else {
            return Err(damaged(
                "it does not begin with the beginning of a run".into(),
            ));
        };
        let edited = history
            .records
            .iter()
            .rev()
            .find_map(|record| match &record.body {
                Body::RunResume { edited, .. } => edited.clone(),
                _ => None,
            });
        let Edited { playbook, sources } = edited.unwrap_or(Edited { playbook, sources });
        Ok(Self {
            playbook,
            sources,
            params,
            env,
            target,
        })
    }
}

impl Run {
    /// Takes up a run from what is recorded of it. The servers that it had taken are taken again, and what its dead processes left running on servers is ended or waited
    /// for; nothing else is touched yet.
    ///
    /// # Errors
    /// `PB0020` for a damaged journal, `PB0007` when it cannot be written, and what keeps a server that the run had
    /// worked on from being asked.
    pub async fn resume(
        mut setup: Setup,
        history: &History,
        resuming: Resuming,
    ) -> Result<Self, Failure> {
        let Opened {
            playbook,
            params,
            env,
            ..
        } = Opened::of(history)?;
        let mut past = Past::read(&history.records);
        past.words = resuming.words;
        past.skip = resuming.skip;
        if let Some(holder) = setup.holder.as_mut().filter(|_| history.ended().is_none()) {
            holder.had = past.leases().map(|handle| handle.name.clone()).collect();
        }
        let (epoch, seq) = (history.epoch() + 1, history.records.len() as u64);
        let head = history.head.clone();
        let run = Self::new(setup, past, |id, clock, store| {
            Journal::after(id, epoch, clock, store, seq, head)
        });
        let readers = run.readers_for_all();
        for record in &history.records {
            if let Body::Blob { id, text } = &record.body {
                readers.blobs.remember(id, text);
            }
        }
        run.emit(What::RunResumed {
            playbook,
            env,
            params,
            epoch,
        });
        let Resuming {
            pb,
            by,
            host,
            pid,
            edited,
            ..
        } = resuming;
        run.begin(Body::RunResume {
            pb,
            edited,
            by,
            host,
            pid,
        })
        .await?;
        for warning in history.warnings() {
            run.note(run.root(), &warning);
        }
        for handle in run.0.past.leases() {
            run.take(&readers, handle).await?;
        }
        run.settle_servers(&readers).await?;
        Ok(run)
    }

    /// What the run as a whole is being undone for, if that was begun: then it never goes forward again.
    pub fn undoing(&self) -> Option<Failure> {
        self.0.past.undoing("").cloned()
    }

    /// Readers that belong to no step.
    pub(super) fn readers_for_all(&self) -> Readers {
        self.readers(&Step {
            key: String::new(),
            n: 0,
            name: String::new(),
            place: String::new(),
        })
    }

    async fn settle_servers(&self, readers: &Readers) -> Result<(), Failure> {
        let mut handles = vec![];
        for args in self.0.past.arguments() {
            find_handles(args, &mut handles);
        }
        let by_name: BTreeMap<String, Handle> = handles
            .into_iter()
            .map(|handle| (handle.name.clone(), handle.without_transaction()))
            .collect();
        for handle in by_name.values() {
            let settled = self.unless_aborted(readers.settle(handle)).await;
            match settled {
                Ok(settled) => settled?,
                Err(CallError::Stopped) => break,
                Err(CallError::Failed(failure) | CallError::Fatal(failure)) => {
                    return Err(*failure);
                }
            }
        }
        Ok(())
    }
}

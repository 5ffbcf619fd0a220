//! Takes up a run whose process has died, undoes one, or looks at what one has left.

use super::Runtime;
use crate::script::Script;
use futures_util::future::BoxFuture;
use pb_core::journal::{Body, Edited, Ended, History, JournalStore, Witness};
use pb_core::run::{Finished, Opened, Resuming, Run, Setup};
use pb_core::{CallError, Failure, Holder, Result, Vault, code};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;

/// How a run is taken up that is not going on any more.
#[derive(Debug, Clone, Default)]
pub struct TakeUp {
    /// Undoes everything that it did, instead of going on.
    pub undo: bool,
    /// What a person says of steps in doubt: their keys, and whether they took effect.
    pub words: BTreeMap<String, bool>,
    /// Keys of steps that are not undone.
    pub skip: BTreeSet<String>,
    /// What it goes on with instead of the recorded script, when it goes the same way as far as the run has come.
    pub edited: Option<Script>,
}

impl Runtime {
    /// Takes up a run whose process has died, from what is recorded of it; or undoes it, ended or not.
    ///
    /// # Errors
    /// `PB0020` for a damaged journal, `PB0019` while its process lives, `PB0018` for a run that has ended already and is not
    /// to be undone.
    pub fn take_up(&self, id: &str, wish: TakeUp) -> Result<Finished> {
        let (history, store) = self.state.open_run(id)?;
        let opened = Opened::of(&history)?;
        let undo = wish.undo;
        let ended = history.ended();
        if let Some(ended) = ended.filter(|ended| !undo || *ended == Ended::Undone) {
            return Err(over(id, ended));
        }
        if let Some(by) = self.superseded_by(id)? {
            return Err(superseded(id, &by));
        }
        let lock = self.lock(&opened.env)?;
        if lock.run().as_deref() != Some(id) {
            self.nothing_unfinished(&*lock)?;
        }
        let script = match &wish.edited {
            Some(edited) => edited.clone(),
            None => Script::from_sources(&opened.playbook, &opened.sources)?,
        };
        let vault = self.vault()?;
        self.fetch_secrets(&script, &opened.target, &vault)?;
        if wish.edited.is_some() {
            self.rehearse(id, &script, &opened, &history, &vault)?;
        }
        lock.name(id)?;
        let resuming = Resuming {
            pb: self.version.clone(),
            edited: wish.edited.map(|edited| Edited {
                playbook: edited.name().into(),
                sources: edited.sources().clone(),
            }),
            by: self.by.clone(),
            host: self.host.clone(),
            pid: std::process::id(),
            words: wish.words,
            skip: wish.skip,
        };
        let holder = self.holder(&opened.playbook, &opened.env, vec![]);
        let setup = self.setup(id.to_owned(), store, &vault, holder);
        let tokio = self.tokio.handle();
        let run = tokio.block_on(Run::resume(setup, &history, resuming))?;
        if undo || run.undoing().is_some() {
            let message = format!("`{}` asked for it to be undone", self.by);
            let asked = Failure::new(&code::ROLLED_BACK, message);
            return Ok(tokio.block_on(run.roll_back(&history, asked)));
        }
        let environment = (opened.env, opened.target);
        Ok(self.play(&self.session(run, &script, opened.params, environment, vault, None)))
    }

    /// Whether an edited script goes the way that is recorded, as far as that goes. Reads and writes nothing.
    fn rehearse(
        &self,
        id: &str,
        script: &Script,
        opened: &Opened,
        history: &History,
        vault: &Arc<Vault>,
    ) -> Result<()> {
        let run = self.over(id, history, vault);
        let environment = (opened.env.clone(), opened.target.clone());
        let session = self.session(
            run,
            script,
            opened.params.clone(),
            environment,
            vault.clone(),
            None,
        );
        match self.on_script_thread(&session) {
            Err(CallError::Fatal(failure)) => Err(*failure),
            Ok(_) | Err(CallError::Failed(_) | CallError::Stopped) => {
                session.run.went_the_same_way()
            }
        }
    }

    /// A run over what is recorded, which begins nothing new and writes nothing.
    fn over(&self, id: &str, history: &History, vault: &Arc<Vault>) -> Run {
        let setup = Setup {
            sink: Arc::new(|_| ()),
            holder: None,
            approved: None,
            ..self.setup(id.into(), Box::new(Nowhere), vault, Holder::default())
        };
        Run::rehearse(setup, history)
    }

    /// What is true now of everything that a run has acted on, a sentence each, oldest first. It only reads.
    ///
    /// # Errors
    /// `PB0020` for a damaged journal, `PB0011` for a secret that cannot be fetched.
    pub fn look(&self, id: &str) -> Result<Vec<String>> {
        let Some(history) = self.state.read(id)? else {
            return Ok(vec![]);
        };
        let opened = Opened::of(&history)?;
        let script = Script::from_sources(&opened.playbook, &opened.sources)?;
        let vault = self.vault()?;
        self.fetch_secrets(&script, &opened.target, &vault)?;
        let run = self.over(id, &history, &vault);
        Ok(self.tokio.handle().block_on(run.look(&history)))
    }

    /// The run that took the place of this one, if one did.
    fn superseded_by(&self, id: &str) -> Result<Option<String>> {
        let newer = self.state.runs()?.into_iter().rev();
        let mut newer = newer.take_while(|run| run.as_str() > id);
        Ok(newer.find(|run| {
            let history = self.state.read(run).ok().flatten();
            let opening = history.and_then(|history| Some(history.opening()?.body.clone()));
            matches!(opening, Some(Body::RunOpen { supersedes: Some(old), .. }) if old == id)
        }))
    }
}

fn over(id: &str, ended: Ended) -> Failure {
    let (how, hint) = match ended {
        Ended::Done => (
            "is done",
            format!("pb show {id}; to undo it: pb rollback {id}"),
        ),
        Ended::Undone => ("was undone", format!("pb show {id}")),
        Ended::Failed => (
            "has ended, and left something as it is",
            format!("pb show {id}; to undo it: pb rollback {id}"),
        ),
        Ended::Stuck => (
            "has ended with something that could not be undone",
            format!("pb show {id}; to try that again: pb rollback {id}"),
        ),
    };
    let message = format!("run {id} {how}: there is nothing to go on with");
    Failure::new(&code::UNFINISHED, message)
        .state("nothing was touched")
        .hint(hint)
}

fn superseded(id: &str, by: &str) -> Failure {
    let message =
        format!("run {by} was begun in the place of run {id}, which is left as it is for good");
    Failure::new(&code::UNFINISHED, message)
        .with("run", by.to_owned())
        .state("nothing was touched")
        .hint(format!("pb show {by}"))
}

/// What a rehearsal writes down.
pub(super) struct Nowhere;

impl JournalStore for Nowhere {
    fn append<'a>(&'a self, _lines: &'a [u8]) -> BoxFuture<'a, io::Result<()>> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn note_witness<'a>(&'a self, _witness: &'a Witness) -> BoxFuture<'a, io::Result<()>> {
        Box::pin(std::future::ready(Ok(())))
    }
}

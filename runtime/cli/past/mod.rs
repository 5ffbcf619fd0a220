//! A run as its journal tells it.

mod step;

pub(crate) use step::{PastStep, StepState};

use crate::refusal::Refusal;
use crate::render::Sources;
use pb_core::Failure;
use pb_core::journal::{Body, Damage, Ended, History, RunStore};
use pb_core::run::Registry;
use serde_json::{Map, Value};
use step::Steps;

/// How a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Running,
    Done,
    Undone,
    Failed,
    Interrupted,
    Stuck,
    Damaged,
}

/// A run that was read back.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Past {
    pub(crate) run: String,
    pub(crate) state: State,
    pub(crate) playbook: String,
    pub(crate) env: String,
    pub(crate) params: Map<String, Value>,
    pub(crate) by: String,
    pub(crate) host: String,
    /// Milliseconds since 1970; `None` when not even the first record was written.
    pub(crate) started: Option<u64>,
    pub(crate) ended: Option<u64>,
    /// The signal that told it to stop last.
    pub(crate) signal: Option<String>,
    /// When something was written last.
    pub(crate) last: Option<u64>,
    pub(crate) changed: bool,
    /// In the order in which they began.
    pub(crate) steps: Vec<PastStep>,
    pub(crate) failure: Option<Failure>,
    pub(crate) damage: Option<Damage>,
    /// What is true of each thing that was touched: its name, and a sentence.
    pub(crate) now: Vec<(String, String)>,
    pub(crate) sources: Sources,
}

impl State {
    /// The word that programs read.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Done => "done",
            Self::Undone => "undone",
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
            Self::Stuck => "stuck",
            Self::Damaged => "damaged",
        }
    }
}

impl Past {
    /// Reads the journal of a run.
    pub(crate) fn read(
        store: &dyn RunStore,
        run: &str,
        registry: &Registry,
    ) -> Result<Self, Refusal> {
        // Asked first: a run that ends between the two is read with its end.
        let running = store.is_running(run)?;
        let history = store.read(run)?.unwrap_or_else(|| History::read(b"", None));
        Ok(Self::of(run, &history, running, registry))
    }

    /// What a history says of its run.
    pub(crate) fn of(id: &str, history: &History, running: bool, registry: &Registry) -> Self {
        let state = match (&history.damage, history.ended()) {
            (Some(_), _) => State::Damaged,
            (None, Some(Ended::Done)) => State::Done,
            (None, Some(Ended::Undone)) => State::Undone,
            (None, Some(Ended::Failed)) => State::Failed,
            (None, Some(Ended::Stuck)) => State::Stuck,
            (None, None) if running => State::Running,
            (None, None) => State::Interrupted,
        };
        let mut past = Self {
            run: id.to_owned(),
            state,
            playbook: String::new(),
            env: String::new(),
            params: Map::new(),
            by: String::new(),
            host: String::new(),
            started: history.records.first().map(|record| record.t),
            ended: None,
            signal: None,
            last: history.records.last().map(|record| record.t),
            changed: false,
            steps: vec![],
            failure: None,
            damage: history.damage.clone(),
            now: vec![],
            sources: Sources::new(),
        };
        let mut steps = Steps::new(registry);
        for record in &history.records {
            match &record.body {
                Body::RunOpen {
                    playbook,
                    env,
                    params,
                    by,
                    host,
                    sources,
                    ..
                } => {
                    past.playbook.clone_from(playbook);
                    past.env.clone_from(env);
                    past.params.clone_from(params);
                    past.by.clone_from(by);
                    past.host.clone_from(host);
                    past.sources.clone_from(sources);
                }
                Body::Interrupt { signal } => past.signal = Some(signal.clone()),
                Body::RunResume { edited, host, .. } => {
                    past.signal = None;
                    past.host.clone_from(host);
                    if let Some(edited) = edited {
                        past.playbook.clone_from(&edited.playbook);
                        past.sources.clone_from(&edited.sources);
                    }
                }
                Body::RunClose {
                    failure, changed, ..
                } => {
                    past.failure.clone_from(failure);
                    past.changed = *changed;
                    past.ended = Some(record.t);
                }
                _ => steps.take(record),
            }
        }
        past.now = steps.now();
        past.steps = steps.in_order();
        past.changed |= past.steps.iter().any(|step| step.changed == Some(true));
        past
    }

    /// Whether not even its first record was written, so nothing was done.
    pub(crate) fn never_began(&self) -> bool {
        self.started.is_none() && self.state == State::Interrupted
    }

    /// Whether it was undone because somebody asked for it.
    pub(crate) fn is_rolled_back(&self) -> bool {
        let is = |failure: &Failure| failure.is(&pb_core::code::ROLLED_BACK);
        self.state == State::Undone && self.failure.as_ref().is_some_and(is)
    }

    /// How many steps came to their end.
    pub(crate) fn done(&self) -> usize {
        self.steps.iter().filter(|step| step.is_done()).count()
    }

    /// The step that it stands at, from 1, when it did not come to its end.
    pub(crate) fn at(&self) -> Option<(usize, &PastStep)> {
        let open = self
            .steps
            .iter()
            .position(|step| step.state == StepState::Open);
        let at = open.or(self.steps.len().checked_sub(1))?;
        Some((at + 1, &self.steps[at]))
    }

    /// Milliseconds from its beginning to its end, or to now while it runs.
    pub(crate) fn took(&self, now: u64) -> Option<u64> {
        let end = match self.state {
            State::Running => Some(now),
            _ => self.ended,
        };
        Some(end?.saturating_sub(self.started?))
    }
}

/// The newest run that is neither going on nor over.
pub(crate) fn newest_unfinished(
    store: &dyn RunStore,
    registry: &Registry,
) -> Result<String, Refusal> {
    for run in all(store)? {
        let past = Past::read(store, &run, registry)?;
        if matches!(past.state, State::Interrupted | State::Damaged) && !past.never_began() {
            return Ok(run);
        }
    }
    let failure = Failure::new(&pb_core::code::USAGE, "no run is unfinished")
        .state("nothing was touched")
        .hint("pb runs");
    Err(failure.into())
}

/// Every run, newest first.
pub(crate) fn all(store: &dyn RunStore) -> Result<Vec<String>, Refusal> {
    let mut runs = store.runs()?;
    runs.reverse();
    Ok(runs)
}

#[cfg(test)]
mod tests;

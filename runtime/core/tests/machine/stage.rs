//! A run over the fake world, played by a test instead of a script.

use crate::bracket::{Part, Transaction};
use crate::clock::{Counting, FakeClock};
use crate::driver::Fake;
use crate::log::Log;
use crate::primitives::{Add, Await, Look, Set, TakeBack};
use crate::site::Site;
use crate::store::Memory;
use pb_core::cancel::{Cancel, Level};
use pb_core::clock::Clock;
use pb_core::event::{Event, What};
use pb_core::journal::{Ended, History};
use pb_core::run::erase_bracket;
use pb_core::run::{Finished, Opening, Registry, Resuming, Run, Setup};
use pb_core::{CallError, Drivers, Failure, Result, SecretSource, Vault, code, erase};
use serde_json::{Map, Value};
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// What a test has at hand.
pub(crate) struct Stage {
    pub(crate) clock: FakeClock,
    pub(crate) log: Log,
    pub(crate) site: Site,
    pub(crate) store: Memory,
    pub(crate) cancel: Cancel,
    events: Arc<Mutex<Vec<What>>>,
}

struct NoSecrets;

impl SecretSource for NoSecrets {
    fn fetch(&self, reference: &str) -> Result<String> {
        Err(Failure::new(
            &code::SECRET,
            format!("no secret `{reference}`"),
        ))
    }
}

impl Stage {
    pub(crate) fn new() -> Self {
        let (clock, log) = (FakeClock::default(), Log::default());
        Self {
            site: Site::new(clock.clone(), log.clone()),
            store: Memory::new(clock.clone(), log.clone()),
            cancel: Cancel::default(),
            events: Arc::default(),
            clock,
            log,
        }
    }

    pub(crate) fn setup(&self) -> Setup {
        let mut registry = Registry::default();
        registry.add(erase(Look));
        registry.add(erase(Await));
        registry.add(erase(Set));
        registry.add(erase(Add));
        registry.add(erase(TakeBack));
        for bracket in [erase_bracket(Transaction), erase_bracket(Part)] {
            registry.brackets.insert(bracket.name(), bracket);
        }
        let mut drivers = Drivers::default();
        drivers.add(Fake::new(&self.site));
        registry.drivers = Arc::new(drivers);
        let events = self.events.clone();
        Setup {
            id: "R".into(),
            registry: Arc::new(registry),
            store: Box::new(self.store.clone()),
            sink: Arc::new(move |event: &Event| {
                let mut events = events.lock().unwrap_or_else(PoisonError::into_inner);
                events.push(event.what.clone());
            }),
            clock: Arc::new(self.clock.clone()),
            random: Arc::new(Counting::default()),
            vault: Arc::new(Vault::new(NoSecrets, [7; 32])),
            cancel: self.cancel.clone(),
            holder: None,
            approved: None,
        }
    }

    /// Takes the run up from what is recorded of it.
    pub(crate) async fn take_up(&self, history: &History) -> Result<Run> {
        Run::resume(self.setup(), history, Resuming::default()).await
    }

    /// Plays a script to its end.
    pub(crate) fn play<F>(&self, script: impl FnOnce(Run) -> F) -> Finished
    where
        F: Future<Output = Result<Value, CallError>>,
    {
        self.clock.block_on(async {
            let run = self.open().await.expect("a journal");
            let result = script(run.clone()).await;
            run.finish(result).await
        })
    }

    /// Begins the run.
    pub(crate) async fn open(&self) -> Result<Run> {
        let opening = Opening {
            pb: "test".into(),
            playbook: "test.rhai".into(),
            sources: [("test.rhai".to_owned(), "set(…)".to_owned())].into(),
            params: Map::new(),
            env: "local".into(),
            target: Value::Null,
            by: "dana".into(),
            host: "here".into(),
            pid: 1,
            supersedes: None,
        };
        Run::open(self.setup(), opening).await
    }

    /// The same, while the run is told to stop after a time.
    pub(crate) fn play_and_stop<F>(
        &self,
        stops: &[(u64, Level)],
        script: impl FnOnce(Run) -> F,
    ) -> Finished
    where
        F: Future<Output = Result<Value, CallError>>,
    {
        self.play(|run| async move {
            let told = async {
                for (after, level) in stops {
                    self.clock.sleep(Duration::from_millis(*after)).await;
                    self.cancel.raise_for(*level, "SIGINT");
                }
                std::future::pending().await
            };
            let played = std::pin::pin!(script(run));
            match futures_util::future::select(played, std::pin::pin!(told)).await {
                futures_util::future::Either::Left((result, _)) => result,
                futures_util::future::Either::Right((never, _)) => never,
            }
        })
    }

    pub(crate) fn events(&self) -> Vec<What> {
        self.events
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Notes, in the order in which they were said.
    pub(crate) fn notes(&self) -> Vec<String> {
        let told = |what| match what {
            What::Note { text } => Some(text),
            _ => None,
        };
        self.events().into_iter().filter_map(told).collect()
    }

    /// What was undone, failed to be or was kept, in the order in which it was said.
    pub(crate) fn undone(&self) -> Vec<String> {
        let told = |what| match what {
            What::StepUndone { step, .. } => Some(format!("{} {}", step.name, step.place)),
            What::UndoFailed { step, .. } => Some(format!("not {} {}", step.name, step.place)),
            What::StepKept { step, .. } => Some(format!("kept {} {}", step.name, step.place)),
            _ => None,
        };
        self.events().into_iter().filter_map(told).collect()
    }
}

/// How a run ended, in words: `failed PB0003 undone`.
pub(crate) fn ended(finished: &Finished) -> String {
    let state = match finished.state {
        Some(Ended::Done) => "done",
        Some(Ended::Undone) => "undone",
        Some(Ended::Failed) => "failed",
        Some(Ended::Stuck) => "stuck",
        None => "interrupted",
    };
    let code = finished
        .failure
        .as_ref()
        .map(|failure| failure.kind.as_str());
    [Some(state), code]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join(" ")
}

/// What its error says is true now.
pub(crate) fn state(finished: &Finished) -> Vec<String> {
    finished
        .failure
        .as_ref()
        .map_or(vec![], |failure| failure.state.clone())
}

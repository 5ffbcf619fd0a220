//! A run on a journal in memory: primitives called as a script would call them, against real servers and programs.

use futures_util::future::{BoxFuture, FutureExt};
use pb_core::cancel::Cancel;
use pb_core::clock::{Clock, Random};
use pb_core::event::{Event, What};
use pb_core::journal::{JournalStore, Witness};
use pb_core::run::{Common, Finished, Opening, Registry, Request, Run, Setup};
use pb_core::{CallError, Drivers, Failure, SecretSource, Vault, code};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// The secret that `env:TOKEN` names; it may turn up nowhere.
pub(crate) const TOKEN: &str = "sentinel-7f3a9c";

/// One run.
pub(crate) struct Stage {
    pub(crate) run: Run,
    journal: Arc<Mutex<Vec<u8>>>,
    events: Arc<Mutex<Vec<Event>>>,
}

/// How a call ended, and what it took.
pub(crate) struct Called {
    pub(crate) result: Result<Value, Failure>,
    pub(crate) took: Duration,
}

impl Stage {
    /// A run that knows what `register` adds.
    pub(crate) async fn open(register: impl FnOnce(&mut Registry, &mut Drivers)) -> Self {
        let (mut registry, mut drivers) = (Registry::default(), Drivers::default());
        register(&mut registry, &mut drivers);
        registry.drivers = Arc::new(drivers);
        let journal = Arc::new(Mutex::new(vec![]));
        let events = Arc::new(Mutex::new(vec![]));
        let sink = {
            let events = events.clone();
            Arc::new(move |event: &Event| events.lock().expect("no panic").push(event.clone()))
        };
        let setup = Setup {
            id: "TEST".into(),
            registry: Arc::new(registry),
            store: Box::new(Memory(journal.clone())),
            sink,
            clock: Arc::new(RealClock(Instant::now())),
            random: Arc::new(NoRandom),
            vault: Arc::new(Vault::new(Secrets, [7; 32])),
            cancel: Cancel::default(),
            holder: None,
            approved: None,
        };
        let opening = Opening {
            pb: "0".into(),
            playbook: "test.rhai".into(),
            sources: BTreeMap::new(),
            params: Map::new(),
            env: "test".into(),
            target: json!({}),
            by: "test".into(),
            host: "test".into(),
            pid: 1,
            supersedes: None,
        };
        let run = Run::open(setup, opening).await.expect("memory is writable");
        Self {
            run,
            journal,
            events,
        }
    }

    /// Calls a primitive with its own arguments and the common options of `options`.
    pub(crate) async fn call_with(&self, name: &str, args: Value, options: Value) -> Called {
        let common: Common = serde_json::from_value(options).expect("common options");
        let request = Request {
            name: name.into(),
            args,
            common,
            site: vec![],
        };
        let began = Instant::now();
        let result = self.run.call(self.run.root(), request).await;
        let took = began.elapsed();
        let result = result.map_err(|error| match error {
            CallError::Failed(failure) | CallError::Fatal(failure) => *failure,
            CallError::Stopped => Failure::new(&code::TIMEOUT, "stopped"),
        });
        Called { result, took }
    }

    /// Calls a primitive.
    pub(crate) async fn call(&self, name: &str, args: Value) -> Called {
        self.call_with(name, args, json!({})).await
    }

    /// Ends the run as a script that threw would.
    pub(crate) async fn fail(&self) -> Finished {
        let failure = Failure::new(&code::THROWN, "the test says so");
        self.run.finish(Err(failure.into())).await
    }

    /// Everything that was written down.
    pub(crate) fn journal(&self) -> String {
        String::from_utf8(self.journal.lock().expect("no panic").clone()).expect("records are text")
    }

    /// The lines of progress so far.
    pub(crate) fn progress(&self) -> Vec<String> {
        let events = self.events.lock().expect("no panic");
        let texts = events.iter().filter_map(|event| match &event.what {
            What::StepProgress { text, .. } => Some(text.clone()),
            _ => None,
        });
        texts.collect()
    }

    /// Fails when the secret stands in the journal, an event or `more`.
    pub(crate) fn holds_no_secret(&self, more: &str) {
        let events = format!("{:?}", self.events.lock().expect("no panic"));
        for text in [&self.journal(), &events, more] {
            assert!(!text.contains(TOKEN), "the secret is in {text}");
        }
    }
}

impl Called {
    /// The value, or a panic with the whole error.
    pub(crate) fn value(self) -> Value {
        match self.result {
            Ok(value) => value,
            Err(failure) => panic!("{failure:#?}"),
        }
    }

    /// The error, or a panic with the value.
    pub(crate) fn failure(self) -> Failure {
        match self.result {
            Ok(value) => panic!("it gave {value}"),
            Err(failure) => failure,
        }
    }
}

struct Memory(Arc<Mutex<Vec<u8>>>);

impl JournalStore for Memory {
    fn append<'a>(&'a self, lines: &'a [u8]) -> BoxFuture<'a, io::Result<()>> {
        self.0.lock().expect("no panic").extend(lines);
        async { Ok(()) }.boxed()
    }
    fn note_witness<'a>(&'a self, _: &'a Witness) -> BoxFuture<'a, io::Result<()>> {
        async { Ok(()) }.boxed()
    }
}

struct RealClock(Instant);

impl Clock for RealClock {
    fn now(&self) -> u64 {
        0
    }
    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
    fn sleep(&self, time: Duration) -> BoxFuture<'_, ()> {
        tokio::time::sleep(time).boxed()
    }
}

struct NoRandom;

impl Random for NoRandom {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(7);
    }
}

struct Secrets;

impl SecretSource for Secrets {
    fn fetch(&self, reference: &str) -> pb_core::Result<String> {
        match reference {
            "env:TOKEN" => Ok(TOKEN.into()),
            other => Err(Failure::new(&code::SECRET, format!("`{other}` is not set"))),
        }
    }
}

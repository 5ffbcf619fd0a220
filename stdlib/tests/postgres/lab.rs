//! A run in memory: the kernel as it is, with the primitives of this crate and a real clock.

use futures_util::future::{BoxFuture, FutureExt};
use pb_core::cancel::Cancel;
use pb_core::clock::{Clock, Random};
use pb_core::event::What;
use pb_core::journal::{JournalStore, Witness};
use pb_core::run::{Common, Finished, Opening, Registry, Request, Run, Scope, Setup};
use pb_core::{CallError, Drivers, Failure, Handle, Holder, SecretSource, Vault, code};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

/// One run and what it said.
pub(crate) struct Lab {
    pub(crate) run: Run,
    handle: Handle,
    said: Arc<Mutex<Vec<String>>>,
    journal: Arc<Mutex<Vec<u8>>>,
}

static RUNS: AtomicU64 = AtomicU64::new(1);

impl Lab {
    /// A run whose `database` is at that URL.
    pub(crate) async fn new(url: &str) -> Self {
        Self::with(json!({ "postgres": url }), Path::new("/")).await
    }

    /// A run with that table of `pb.toml`, whose files lie below `base`.
    pub(crate) async fn with(database: Value, base: &Path) -> Self {
        Self::held(database, base, None).await
    }

    /// The same, which takes its databases unless `holder` is `None`.
    pub(crate) async fn held(database: Value, base: &Path, holder: Option<Holder>) -> Self {
        let (said, journal) = (Arc::default(), Arc::default());
        let setup = setup(base, holder, &said, &journal);
        let opening = Opening {
            pb: "0.1.0".into(),
            playbook: "test.rhai".into(),
            sources: BTreeMap::new(),
            params: Map::new(),
            env: "test".into(),
            target: Value::Null,
            by: "test".into(),
            host: "here".into(),
            pid: 1,
            supersedes: None,
        };
        let run = Run::open(setup, opening)
            .await
            .expect("memory takes everything");
        let config = database.as_object().expect("a table").clone();
        let handle = Handle {
            driver: "postgres".into(),
            name: "database".into(),
            config,
            transaction: None,
        };
        Self {
            run,
            handle,
            said,
            journal,
        }
    }

    /// One that reads and decides, and does nothing.
    pub(crate) fn planned(database: Value, base: &Path) -> Self {
        let (said, journal) = (Arc::default(), Arc::default());
        let setup = setup(base, None, &said, &journal);
        let config = database.as_object().expect("a table").clone();
        Self {
            run: Run::plan(setup, Arc::default()),
            handle: Handle {
                driver: "postgres".into(),
                name: "database".into(),
                config,
                transaction: None,
            },
            said,
            journal,
        }
    }

    pub(crate) fn handle(&self) -> Value {
        self.handle.to_value()
    }

    pub(crate) fn root(&self) -> Scope {
        self.run.root().clone()
    }

    /// Calls a primitive on the database, at the top of the playbook.
    pub(crate) async fn call(&self, name: &str, args: Value) -> Result<Value, Failure> {
        self.call_in(&self.root(), name, args, Common::default())
            .await
    }

    /// The same in a scope and with the options of every call. The handle is added where `db` is missing.
    pub(crate) async fn call_in(
        &self,
        scope: &Scope,
        name: &str,
        mut args: Value,
        common: Common,
    ) -> Result<Value, Failure> {
        let map = args.as_object_mut().expect("a map");
        map.entry("db").or_insert_with(|| self.handle());
        let request = Request {
            name: name.into(),
            args,
            common,
            site: vec![],
        };
        self.run.call(scope, request).await.map_err(failed)
    }

    /// Ends the run with an error that nobody caught: everything is undone.
    pub(crate) async fn undo(&self) -> Finished {
        let failure = Failure::new(&code::THROWN, "the test says so");
        self.run.finish(Err(failure.into())).await
    }

    /// Lines of progress and results, oldest first.
    pub(crate) fn said(&self) -> Vec<String> {
        self.said.lock().expect("no test panics in it").clone()
    }

    /// Everything that was written down.
    pub(crate) fn journal(&self) -> String {
        let bytes = self.journal.lock().expect("no test panics in it").clone();
        String::from_utf8(bytes).expect("records are text")
    }
}

fn setup(
    base: &Path,
    holder: Option<Holder>,
    said: &Arc<Mutex<Vec<String>>>,
    journal: &Arc<Mutex<Vec<u8>>>,
) -> Setup {
    let (mut registry, mut drivers) = (Registry::default(), Drivers::default());
    pb_stdlib::files::register(&mut drivers, base);
    pb_stdlib::postgres::register(&mut registry, &mut drivers);
    registry.drivers = Arc::new(drivers);
    let sink = {
        let said = said.clone();
        Arc::new(move |event: &pb_core::event::Event| {
            let line = match &event.what {
                What::StepProgress { text, .. } => text.clone(),
                What::StepFinished {
                    step,
                    summary,
                    changed,
                    ..
                } => {
                    format!("{} done, changed {changed:?}: {summary}", step.name)
                }
                What::StepUndone { step, summary, .. } => {
                    format!("{} undone: {summary}", step.name)
                }
                What::UndoFailed { step, failure } => {
                    format!("{} not undone: {}", step.name, failure.message)
                }
                What::StepKept { step, why } => format!("{} kept: {why}", step.name),
                _ => return,
            };
            said.lock().expect("no test panics in it").push(line);
        })
    };
    Setup {
        id: format!("R{}", RUNS.fetch_add(1, Ordering::SeqCst)),
        registry: Arc::new(registry),
        store: Box::new(Memory(journal.clone())),
        sink,
        clock: Arc::new(RealClock(Instant::now())),
        random: Arc::new(AnyRandom(AtomicU64::new(7))),
        vault: Arc::new(Vault::new(Env, [7; 32])),
        cancel: Cancel::default(),
        holder,
        approved: None,
    }
}

pub(crate) fn failed(error: CallError) -> Failure {
    match error {
        CallError::Failed(failure) | CallError::Fatal(failure) => *failure,
        CallError::Stopped => panic!("nobody told the run to stop"),
    }
}

/// The four parts of an error, one line each.
pub(crate) fn lines(failure: &Failure) -> Vec<String> {
    let because = failure
        .because
        .iter()
        .map(|line| format!("because: {line}"));
    let state = failure.state.iter().map(|line| format!("state: {line}"));
    let hint = failure.hint.iter().map(|line| format!("hint: {line}"));
    std::iter::once(format!("{} {}", failure.code, failure.message))
        .chain(because)
        .chain(state)
        .chain(hint)
        .collect()
}

struct Memory(Arc<Mutex<Vec<u8>>>);

impl JournalStore for Memory {
    fn append<'a>(&'a self, lines: &'a [u8]) -> BoxFuture<'a, io::Result<()>> {
        self.0
            .lock()
            .expect("no test panics in it")
            .extend_from_slice(lines);
        async { Ok(()) }.boxed()
    }

    fn note_witness<'a>(&'a self, _: &'a Witness) -> BoxFuture<'a, io::Result<()>> {
        async { Ok(()) }.boxed()
    }
}

struct RealClock(Instant);

impl Clock for RealClock {
    fn now(&self) -> u64 {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        since.map_or(0, |since| since.as_millis() as u64)
    }

    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }

    fn sleep(&self, time: Duration) -> BoxFuture<'_, ()> {
        tokio::time::sleep(time).boxed()
    }
}

struct AnyRandom(AtomicU64);

impl Random for AnyRandom {
    fn fill(&self, bytes: &mut [u8]) {
        for byte in bytes {
            let next = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::SeqCst);
            *byte = (next >> 33) as u8;
        }
    }
}

/// `env:WRONG` is a wrong password, everything else the right one.
struct Env;

impl SecretSource for Env {
    fn fetch(&self, reference: &str) -> pb_core::Result<String> {
        Ok(match reference {
            "env:WRONG" => "not the password".into(),
            reference if reference.starts_with("env:URL=") => reference["env:URL=".len()..].into(),
            _ => "p@ss w/ord".into(),
        })
    }
}

#[expect(
    clippy::print_stdout,
    reason = "the figures are what the test is asked for"
)]
pub(crate) fn say(figures: &str) {
    println!("{figures}");
}

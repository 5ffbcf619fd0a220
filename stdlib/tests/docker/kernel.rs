//! A run on the real kernel and drivers, with a journal in memory.

use futures_util::future::{BoxFuture, FutureExt};
use pb_core::cancel::Cancel;
use pb_core::clock::{Clock, Random};
use pb_core::event::Sink;
use pb_core::journal::{JournalStore, Witness};
use pb_core::run::{Common, Finished, Opening, Request, Run, Setup};
use pb_core::{CallError, Failure, Handle, SecretSource, Vault, code};
use serde_json::{Value, json};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

/// A run.
pub(crate) struct Kernel {
    pub(crate) run: Run,
    journal: Arc<Mutex<Vec<u8>>>,
}

impl Kernel {
    pub(crate) async fn open() -> Self {
        static RUNS: AtomicU64 = AtomicU64::new(1);
        let n = RUNS.fetch_add(1, Ordering::SeqCst);
        let registry = pb_stdlib::registry(Path::new("."), None);
        let journal = Arc::<Mutex<Vec<u8>>>::default();
        let setup = Setup {
            id: format!("R{}x{n}", std::process::id()),
            registry: Arc::new(registry),
            store: Box::new(Memory(journal.clone())),
            sink: sink(),
            clock: Arc::new(System(Instant::now())),
            random: Arc::new(Counting(AtomicU64::new(1))),
            vault: Arc::new(Vault::new(Secrets, [7; 32])),
            cancel: Cancel::default(),
            holder: None,
            approved: None,
        };
        let opening = Opening {
            pb: "test".into(),
            playbook: "test.rhai".into(),
            sources: [].into(),
            params: serde_json::Map::new(),
            env: "local".into(),
            target: Value::Null,
            by: "test".into(),
            host: "test".into(),
            pid: std::process::id(),
            supersedes: None,
        };
        let run = Run::open(setup, opening)
            .await
            .expect("memory can be written");
        Self { run, journal }
    }

    /// Calls a primitive in the scope of the run.
    pub(crate) async fn call(&self, name: &str, args: Value) -> Result<Value, Failure> {
        self.call_with(name, args, json!({})).await
    }

    /// The same with options that every call takes.
    pub(crate) async fn call_with(
        &self,
        name: &str,
        args: Value,
        options: Value,
    ) -> Result<Value, Failure> {
        let request = Request {
            name: name.into(),
            args,
            common: serde_json::from_value::<Common>(options).unwrap(),
            site: vec![],
        };
        self.run
            .call(self.run.root(), request)
            .await
            .map_err(|error| match error {
                CallError::Failed(failure) | CallError::Fatal(failure) => *failure,
                CallError::Stopped => panic!("nobody told it to stop"),
            })
    }

    /// Ends the run with an error, so that all of it is undone.
    pub(crate) async fn undo(self) -> Finished {
        let failure = Failure::new(&code::THROWN, "the test wants it undone");
        self.run.finish(Err(failure.into())).await
    }

    pub(crate) fn journal(&self) -> String {
        String::from_utf8(self.journal.lock().unwrap().clone()).unwrap()
    }
}

/// One call in a run of its own.
pub(crate) async fn once(name: &str, args: Value) -> Result<Value, Failure> {
    Kernel::open().await.call(name, args).await
}

pub(crate) fn handle(driver: &str, name: &str, config: Value) -> Value {
    let handle = Handle {
        driver: driver.into(),
        name: name.into(),
        config: config.as_object().cloned().unwrap(),
        transaction: None,
    };
    handle.to_value()
}

pub(crate) fn docker() -> Value {
    handle(
        "docker",
        "docker",
        json!({ "docker": "unix:///var/run/docker.sock" }),
    )
}

/// VERBOSE shows what happens.
fn sink() -> Sink {
    let began = Instant::now();
    let verbose = std::env::var_os("VERBOSE").is_some();
    Arc::new(move |event| {
        if verbose {
            eprintln!("{:7.3} {:?}", began.elapsed().as_secs_f64(), event.what);
        }
    })
}

struct Memory(Arc<Mutex<Vec<u8>>>);

impl JournalStore for Memory {
    fn append<'a>(&'a self, lines: &'a [u8]) -> BoxFuture<'a, std::io::Result<()>> {
        self.0.lock().unwrap().extend_from_slice(lines);
        async { Ok(()) }.boxed()
    }
    fn note_witness<'a>(&'a self, _: &'a Witness) -> BoxFuture<'a, std::io::Result<()>> {
        async { Ok(()) }.boxed()
    }
}

struct System(Instant);

impl Clock for System {
    fn now(&self) -> u64 {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        now.unwrap().as_millis() as u64
    }
    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
    fn sleep(&self, time: Duration) -> BoxFuture<'_, ()> {
        tokio::time::sleep(time).boxed()
    }
}

struct Counting(AtomicU64);

impl Random for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(self.0.fetch_add(1, Ordering::SeqCst) as u8);
    }
}

struct Secrets;

impl SecretSource for Secrets {
    fn fetch(&self, reference: &str) -> pb_core::Result<String> {
        match reference {
            "env:SENTINEL" => Ok("s3ntinel-of-the-live-tests".into()),
            _ => Err(Failure::new(
                &code::SECRET,
                format!("`{reference}` is not set"),
            )),
        }
    }
}

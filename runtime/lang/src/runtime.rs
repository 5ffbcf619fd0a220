//! What embedders use: a registry, an environment, somewhere to keep state; then run scripts.

use crate::host::{HostSecrets, SystemClock, SystemRandom};
use crate::limits::Limits;
use crate::params;
use crate::script::Script;
use crate::session::Session;
use crate::state::StateDir;
use crate::thrown::Fatal;
use crate::{convert, engine};
use futures_util::future::BoxFuture;
use pb_core::cancel::{Cancel, Level};
use pb_core::clock::Clock;
use pb_core::event::Sink;
use pb_core::journal::{Body, Edited, Ended, EnvLock, History, JournalStore, RunStore, Witness};
use pb_core::run::{Finished, Opened, Opening, Registry, Resuming, Run, Setup};
use pb_core::spec::Kind;
use pb_core::{CallError, Failure, Handle, Holder, Result, SecretSource, SecretText, Vault, code};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

/// Between two looks at a lock that is waited for.
const LOOK: Duration = Duration::from_millis(100);

/// An answer to a question of the script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Go on.
    Yes {
        /// Who said so.
        by: String,
    },
    /// Do not.
    No {
        /// Who said so.
        by: String,
    },
    /// There is nobody to ask.
    Nobody,
}

/// Asks a person.
pub type Prompt = Arc<dyn Fn(&str) -> Answer + Send + Sync>;

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

/// Runs playbooks.
pub struct Runtime {
    registry: Arc<Registry>,
    env: String,
    target: Value,
    state: Arc<dyn RunStore>,
    sink: Sink,
    cancel: Cancel,
    prompt: Prompt,
    secrets: Arc<dyn SecretSource>,
    limits: Limits,
    wait: Duration,
    supersede: Option<String>,
    steal: Option<String>,
    by: String,
    host: String,
    version: String,
    tokio: tokio::runtime::Runtime,
}

/// Collects what a runtime needs; everything has a default but the registry.
pub struct Builder {
    registry: Registry,
    env: String,
    target: Value,
    state: Arc<dyn RunStore>,
    base: PathBuf,
    sink: Sink,
    cancel: Cancel,
    prompt: Prompt,
    secrets: Option<Arc<dyn SecretSource>>,
    limits: Limits,
    wait: Duration,
    supersede: Option<String>,
    steal: Option<String>,
    by: String,
    host: String,
    version: String,
}

impl Runtime {
    /// A runtime whose scripts can call what is in the registry.
    pub fn builder(registry: Registry) -> Builder {
        Builder {
            registry,
            env: "local".into(),
            target: Value::Object(Map::new()),
            state: Arc::new(StateDir::at(".pb")),
            base: ".".into(),
            sink: Arc::new(|_| ()),
            cancel: Cancel::default(),
            prompt: Arc::new(|_| Answer::Nobody),
            secrets: None,
            limits: Limits::default(),
            wait: Duration::ZERO,
            supersede: None,
            steal: None,
            by: String::new(),
            host: String::new(),
            version: env!("CARGO_PKG_VERSION").into(),
        }
    }

    /// Runs a script to its end: done, undone, stuck, or interrupted.
    ///
    /// # Errors
    /// What keeps the run from beginning: a missing parameter or secret, a state directory that cannot be written, another
    /// run on the same environment that goes on or has not ended.
    pub fn run(&self, script: &Script, given: &Map<String, Value>) -> Result<Finished> {
        let (_lock, session) = self.open(script, given)?;
        Ok(self.play(&session))
    }

    /// Begins a run, and plays nothing yet. The environment is its own until the lock goes.
    pub(crate) fn open(
        &self,
        script: &Script,
        given: &Map<String, Value>,
    ) -> Result<(Box<dyn EnvLock>, Arc<Session>)> {
        let params = params::complete(script.params(), given)?;
        let lock = self.lock(&self.env)?;
        self.nothing_unfinished(&*lock)?;
        let (clock, random) = (SystemClock::new(), SystemRandom);
        let vault = self.vault()?;
        self.fetch_secrets(script, &self.target, &vault)?;
        let (id, store) = self.state.new_run(clock.now(), &random)?;
        lock.name(&id)?;
        let opening = Opening {
            pb: self.version.clone(),
            playbook: script.name().into(),
            sources: script.sources().clone(),
            params: params.clone(),
            env: self.env.clone(),
            target: self.target.clone(),
            by: self.by.clone(),
            host: self.host.clone(),
            pid: std::process::id(),
            supersedes: self.supersede.clone().or_else(|| self.steal.clone()),
        };
        let named = self.handles_of(script, &self.target);
        let holder = self.holder(script.name(), &self.env, named);
        let setup = self.setup(id, store, &vault, holder);
        let run = self.tokio.handle().block_on(Run::open(setup, opening))?;
        let environment = (self.env.clone(), self.target.clone());
        Ok((lock, self.session(run, script, params, environment, vault)))
    }

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
        Ok(self.play(&self.session(run, &script, opened.params, environment, vault)))
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

    fn vault(&self) -> Result<Arc<Vault>> {
        let key = self.state.key(&SystemRandom)?;
        Ok(Arc::new(Vault::new(Shared(self.secrets.clone()), key)))
    }

    /// As whom servers are taken; `named` are those that the playbook names.
    fn holder(&self, playbook: &str, env: &str, named: Vec<Handle>) -> Holder {
        Holder {
            playbook: playbook.to_owned(),
            env: env.to_owned(),
            by: self.by.clone(),
            host: self.host.clone(),
            pid: std::process::id(),
            journal: self.state.place(),
            named,
            had: BTreeSet::new(),
            wait: self.wait,
            supersede: self.supersede.clone(),
            steal: self.steal.clone(),
        }
    }

    fn setup(
        &self,
        id: String,
        store: Box<dyn JournalStore>,
        vault: &Arc<Vault>,
        holder: Holder,
    ) -> Setup {
        Setup {
            id,
            registry: self.registry.clone(),
            store,
            sink: self.sink.clone(),
            clock: Arc::new(SystemClock::new()),
            random: Arc::new(SystemRandom),
            vault: vault.clone(),
            cancel: self.cancel.clone(),
            holder: Some(holder),
        }
    }

    /// Takes the environment, within the time that it may be waited for.
    fn lock(&self, env: &str) -> Result<Box<dyn EnvLock>> {
        let until = Instant::now() + self.wait;
        loop {
            match self.state.lock(env) {
                Err(failure)
                    if failure.is(&code::LOCKED)
                        && Instant::now() < until
                        && self.cancel.level() == Level::Go =>
                {
                    thread::sleep(LOOK);
                }
                other => return other,
            }
        }
    }

    /// Refuses to begin while the run before has neither ended nor been undone.
    fn nothing_unfinished(&self, lock: &dyn EnvLock) -> Result<()> {
        let Some(id) = lock.run().filter(|id| !self.takes_over(id)) else {
            return Ok(());
        };
        match self.state.read(&id) {
            // Its journal was taken away by hand: there is nothing to go on with.
            Ok(None) => Ok(()),
            Ok(Some(history)) if history.ended().is_some() => Ok(()),
            // It was killed before anything was durable.
            Ok(Some(history)) if history.records.is_empty() && history.damage.is_none() => Ok(()),
            _ => {
                let message =
                    format!("run {id} on this environment has neither ended nor been undone");
                Err(Failure::new(&code::UNFINISHED, message)
                    .with("run", id.clone())
                    .state("nothing was touched by this one")
                    .hint(format!(
                        "pb resume {id}, or: pb rollback {id}; to leave it as it is for good: pb run … --supersede {id}"
                    )))
            }
        }
    }

    fn session(
        &self,
        run: Run,
        script: &Script,
        params: Map<String, Value>,
        (env, target): (String, Value),
        vault: Arc<Vault>,
    ) -> Arc<Session> {
        Arc::new(Session {
            run,
            script: Arc::new(script.clone()),
            params,
            target: convert::to_records(&target),
            environment: target,
            env,
            vault,
            prompt: self.prompt.clone(),
            random: Arc::new(SystemRandom),
            fatal: Fatal::default(),
            tokio: self.tokio.handle().clone(),
            limit: std::sync::Mutex::default(),
        })
    }

    /// Plays the script of a run to its end.
    fn play(&self, session: &Arc<Session>) -> Finished {
        let result = self.on_script_thread(session);
        self.tokio.handle().block_on(session.run.finish(result))
    }

    /// A script recurses, so it gets a thread whose stack is known.
    fn on_script_thread(&self, session: &Arc<Session>) -> std::result::Result<Value, CallError> {
        thread::scope(|scope| {
            let thread = thread::Builder::new()
                .name("script".into())
                .stack_size(crate::words::STACK);
            let spawned = thread.spawn_scoped(scope, || {
                let result = engine::run(session, &self.limits);
                session
                    .limit_hit()
                    .map_or(result, |failure| Err(failure.into()))
            });
            let script = spawned.map_err(|error| {
                Failure::new(&code::SCRIPT, "the script's thread could not be started")
                    .because(error.to_string())
            })?;
            script.join().unwrap_or_else(|_| {
                let failure = Failure::new(
                    &code::SCRIPT,
                    "pb met a defect of its own while the script ran",
                );
                Err(failure
                    .hint("report it with the journal of this run")
                    .into())
            })
        })
    }

    /// Fetches the secrets of the script and of the handles it uses before anything is touched.
    fn fetch_secrets(&self, script: &Script, target: &Value, vault: &Vault) -> Result<()> {
        for reference in script.secrets() {
            vault.fetch(reference)?;
        }
        for value in self.named(script, target) {
            for reference in SecretText::from(value.to_string()).references() {
                vault.fetch(reference)?;
            }
        }
        Ok(())
    }

    /// What of the environment the script names, itself or by leaving an argument out.
    fn named<'a>(&self, script: &Script, target: &'a Value) -> Vec<&'a Value> {
        let defaults = self
            .registry
            .specs()
            .filter(|spec| script.calls().any(|call| call == spec.name))
            .flat_map(|spec| {
                spec.fields.iter().filter_map(|field| match &field.kind {
                    Kind::Handle { default, .. } => default.clone(),
                    _ => None,
                })
            });
        let named = script.root().found.targets.iter().cloned();
        let keys: BTreeSet<String> = named.chain(defaults).collect();
        keys.iter().filter_map(|key| target.get(key)).collect()
    }

    fn handles_of(&self, script: &Script, target: &Value) -> Vec<Handle> {
        let named = self.named(script, target);
        named.into_iter().filter_map(Handle::of_value).collect()
    }

    fn takes_over(&self, run: &str) -> bool {
        [&self.supersede, &self.steal]
            .into_iter()
            .any(|named| named.as_deref() == Some(run))
    }

    /// The handles of its environment.
    pub fn handles(&self) -> impl Iterator<Item = Handle> {
        self.target
            .as_object()
            .into_iter()
            .flat_map(|map| map.values())
            .filter_map(Handle::of_value)
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
struct Nowhere;

impl JournalStore for Nowhere {
    fn append<'a>(&'a self, _lines: &'a [u8]) -> BoxFuture<'a, io::Result<()>> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn note_witness<'a>(&'a self, _witness: &'a Witness) -> BoxFuture<'a, io::Result<()>> {
        Box::pin(std::future::ready(Ok(())))
    }
}

struct Shared(Arc<dyn SecretSource>);

impl SecretSource for Shared {
    fn fetch(&self, reference: &str) -> Result<String> {
        self.0.fetch(reference)
    }
}

impl Builder {
    /// The environment: its name and what scripts see as `target`.
    pub fn target(mut self, env: &str, target: Value) -> Self {
        self.env = env.into();
        self.target = target;
        self
    }

    /// The directory in which runs are kept.
    pub fn state(self, path: impl Into<PathBuf>) -> Self {
        self.runs(Arc::new(StateDir::at(path)))
    }

    /// Where else runs are kept, such as in the tables of a database.
    pub fn runs(mut self, store: Arc<dyn RunStore>) -> Self {
        self.state = store;
        self
    }

    /// The folder that secrets of the form `file:` and `cmd:` are found from.
    pub fn base(mut self, path: impl Into<PathBuf>) -> Self {
        self.base = path.into();
        self
    }

    /// Takes the events.
    pub fn events(mut self, sink: Sink) -> Self {
        self.sink = sink;
        self
    }

    /// What tells runs to stop.
    pub fn cancel(mut self, cancel: Cancel) -> Self {
        self.cancel = cancel;
        self
    }

    /// Who answers `confirm`.
    pub fn prompt(mut self, prompt: Prompt) -> Self {
        self.prompt = prompt;
        self
    }

    /// Where secrets come from, instead of the environment, files and commands.
    pub fn secrets(mut self, secrets: impl SecretSource + 'static) -> Self {
        self.secrets = Some(Arc::new(secrets));
        self
    }

    /// What scripts may use.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// How long another run on the same environment is waited for.
    pub fn wait(mut self, wait: Duration) -> Self {
        self.wait = wait;
        self
    }

    /// Lets runs begin although that run has neither ended nor been undone, and never will be.
    pub fn supersede(mut self, run: Option<String>) -> Self {
        self.supersede = run;
        self
    }

    /// The same for a run whose process may live on a machine that is lost: servers are taken away from it.
    pub fn steal(mut self, run: Option<String>) -> Self {
        self.steal = run;
        self
    }

    /// Who starts runs, on which machine.
    pub fn by(mut self, by: impl Into<String>, host: impl Into<String>) -> Self {
        self.by = by.into();
        self.host = host.into();
        self
    }

    /// The runtime.
    ///
    /// # Errors
    /// When the system gives it no threads.
    pub fn build(self) -> Result<Runtime> {
        let tokio = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build();
        let tokio = tokio.map_err(|error| {
            Failure::new(&code::SCRIPT, "the runtime could not be started")
                .because(error.to_string())
        })?;
        let secrets = self
            .secrets
            .unwrap_or_else(|| Arc::new(HostSecrets::at(self.base)));
        Ok(Runtime {
            registry: Arc::new(self.registry),
            env: self.env,
            target: self.target,
            state: self.state,
            sink: self.sink,
            cancel: self.cancel,
            prompt: self.prompt,
            secrets,
            limits: self.limits,
            wait: self.wait,
            supersede: self.supersede,
            steal: self.steal,
            by: self.by,
            host: self.host,
            version: self.version,
            tokio,
        })
    }
}

//! What embedders use: a registry, an environment, somewhere to keep state; then run scripts.

mod builder;
mod exclusive;
mod plan;
mod taking_up;

pub use builder::Builder;
pub use taking_up::TakeUp;

use crate::check::{Checked, Environment, check};
use crate::host::{SystemClock, SystemRandom};
use crate::limits::Limits;
use crate::params;
use crate::planning::Fork;
use crate::script::Script;
use crate::session::Session;
use crate::thrown::Fatal;
use crate::{convert, engine};
use pb_core::cancel::Cancel;
use pb_core::clock::Clock;
use pb_core::event::Sink;
use pb_core::journal::{EnvLock, JournalStore, RunStore};
use pb_core::run::{Approved, Finished, Opening, Registry, Run, Setup};
use pb_core::spec::Kind;
use pb_core::{CallError, Failure, Handle, Holder, Result, SecretSource, SecretText, Vault, code};
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

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

/// Runs playbooks.
pub struct Runtime {
    registry: Arc<Registry>,
    env: String,
    target: Value,
    base: PathBuf,
    state: Arc<dyn RunStore>,
    sink: Sink,
    cancel: Cancel,
    prompt: Prompt,
    secrets: Arc<dyn SecretSource>,
    limits: Limits,
    wait: Duration,
    supersede: Option<String>,
    steal: Option<String>,
    approved: Option<Arc<Approved>>,
    by: String,
    host: String,
    version: String,
    tokio: tokio::runtime::Runtime,
}

impl Runtime {
    /// What is wrong with a script in the environment of this runtime; connects to nothing and runs nothing.
    pub fn check(&self, script: &Script) -> Checked {
        let environment = Environment {
            name: self.env.clone(),
            target: self.target.clone(),
        };
        check(script, &self.registry, Some(&environment), Some(&self.base))
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
        Ok((
            lock,
            self.session(run, script, params, environment, vault, None),
        ))
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
            approved: self.approved.clone(),
        }
    }

    fn session(
        &self,
        run: Run,
        script: &Script,
        params: Map<String, Value>,
        (env, target): (String, Value),
        vault: Arc<Vault>,
        fork: Option<Fork>,
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
            fork,
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

    /// The handles of its environment.
    pub fn handles(&self) -> impl Iterator<Item = Handle> {
        self.target
            .as_object()
            .into_iter()
            .flat_map(|map| map.values())
            .filter_map(Handle::of_value)
    }
}

struct Shared(Arc<dyn SecretSource>);

impl SecretSource for Shared {
    fn fetch(&self, reference: &str) -> Result<String> {
        self.0.fetch(reference)
    }
}

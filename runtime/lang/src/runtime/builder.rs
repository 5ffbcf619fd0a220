//! Puts a runtime together: everything has a default but the registry.

use super::{Answer, Prompt, Runtime};
use crate::host::HostSecrets;
use crate::limits::Limits;
use crate::state::StateDir;
use pb_core::cancel::Cancel;
use pb_core::event::Sink;
use pb_core::journal::RunStore;
use pb_core::plan::Plan;
use pb_core::run::{Approved, Registry};
use pb_core::{Failure, Result, SecretSource, code};
use serde_json::{Map, Value};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

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
    approved: Option<Arc<Approved>>,
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
            approved: None,
            by: String::new(),
            host: String::new(),
            version: env!("CARGO_PKG_VERSION").into(),
        }
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

    /// Holds runs to a plan: they do what it says, and what it says only the run can tell.
    pub fn approved(mut self, plan: Option<&Plan>) -> Self {
        self.approved = plan.map(|plan| Arc::new(Approved::by(plan)));
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
            .unwrap_or_else(|| Arc::new(HostSecrets::at(self.base.clone())));
        Ok(Runtime {
            registry: Arc::new(self.registry),
            env: self.env,
            target: self.target,
            base: self.base,
            state: self.state,
            sink: self.sink,
            cancel: self.cancel,
            prompt: self.prompt,
            secrets,
            limits: self.limits,
            wait: self.wait,
            supersede: self.supersede,
            steal: self.steal,
            approved: self.approved,
            by: self.by,
            host: self.host,
            version: self.version,
            tokio,
        })
    }
}

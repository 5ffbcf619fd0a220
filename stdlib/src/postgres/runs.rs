//! Runs in the tables of a database: whoever reaches it resumes or undoes what another machine began.

mod journal;
mod tables;

use super::advisory::Advisory;
use super::config::PostgresConfig;
use super::connect::connect;
use super::endpoint::Endpoint;
use super::refusal::Sent;
use super::session::{Limits, Session};
use super::trouble::Trouble;
use journal::Journal;
use pb_core::clock::Random;
use pb_core::journal::{EnvLock, History, JournalStore, RunStore, run_id};
use pb_core::{Failure, Result, SecretSource, Vault, code};
use serde_json::{Map, Value};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};

/// For looks, appends and locks alike: none of them takes long.
const LIMITS: Limits = Limits {
    lock: Duration::from_secs(10),
    statement: Duration::from_secs(30),
};

/// A database that runs are kept in. The tables are made by the first run, in its schema `pb`.
pub struct PostgresRuns(Arc<Place>);

/// How the database is reached. Sessions are moved along by a thread of their own.
struct Place {
    endpoint: Endpoint,
    name: String,
    /// `None` once it is dropped.
    tokio: Option<Runtime>,
}

impl PostgresRuns {
    /// Reads the table of a handle; nothing is connected to yet.
    ///
    /// # Errors
    /// What is wrong with the table, `PB0011` for a password that cannot be fetched.
    pub fn connect(
        config: &Map<String, Value>,
        secrets: impl SecretSource + 'static,
    ) -> Result<Self> {
        let table = PostgresConfig::of(config)?;
        // Nothing is fingerprinted with it.
        let endpoint = Endpoint::of(&table, &Vault::new(secrets, [0; 32]))?;
        let tokio = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("runs")
            .enable_all()
            .build();
        let tokio = tokio.map_err(|error| {
            Failure::new(&code::SCRIPT, "the runtime could not be started")
                .because(error.to_string())
        })?;
        let database = endpoint.config.get_dbname().unwrap_or_default();
        let place = endpoint.places.first().map(ToString::to_string);
        let name = format!("postgres://{}/{database}", place.unwrap_or_default());
        Ok(Self(Arc::new(Place {
            endpoint,
            name,
            tokio: Some(tokio),
        })))
    }

    /// Does something in a session of its own.
    fn ask<T, F>(&self, work: impl FnOnce(Session) -> F) -> Result<T>
    where
        F: Future<Output = Result<T, Trouble>>,
    {
        self.0.wait(async {
            let session = self.0.session("look").await?;
            work(session).await
        })
    }
}

impl Place {
    /// A session, named so that people see whose it is.
    async fn session(&self, name: &str) -> Result<Session, Trouble> {
        let connected = connect(&self.endpoint, Duration::MAX).await?;
        Session::begin(connected, &format!("pb runs {name}"), LIMITS).await
    }

    fn wait<T>(&self, work: impl Future<Output = Result<T, Trouble>>) -> Result<T> {
        let tokio = self
            .tokio
            .as_ref()
            .expect("it is there until it is dropped");
        tokio
            .block_on(work)
            .map_err(|trouble| self.refused(trouble))
    }

    fn refused(&self, trouble: Trouble) -> Failure {
        let denied = trouble.sqlstate() == Some("42501");
        let cause = trouble.into_failure(&Sent::ours("the tables of runs"));
        let message = format!("the runs in `{}` could not be reached", self.name);
        let mut failure = Failure::new(&code::JOURNAL, message).because(cause.message);
        failure.because.extend(cause.because);
        failure.hint = cause.hint;
        failure
            .hint
            .get_or_insert_with(|| "name another place with `--state`".into());
        match denied {
            true => failure.hint(
                "let the role make the schema: CREATE SCHEMA pb AUTHORIZATION …, or name another place with `--state`",
            ),
            false => failure,
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // The last one may be dropped by a task, which may not wait.
        if let Some(tokio) = self.tokio.take() {
            tokio.shutdown_background();
        }
    }
}

impl RunStore for PostgresRuns {
    fn place(&self) -> String {
        self.0.name.clone()
    }

    fn runs(&self) -> Result<Vec<String>> {
        self.ask(|session| async move { tables::runs(&session).await })
    }

    fn read(&self, run: &str) -> Result<Option<History>> {
        self.ask(|session| async move { tables::read(&session, run).await })
    }

    fn is_running(&self, run: &str) -> Result<bool> {
        self.ask(|session| async move { lock_of_run(run).is_held(&session).await })
    }

    fn new_run(&self, now: u64, random: &dyn Random) -> Result<(String, Box<dyn JournalStore>)> {
        self.0.wait(async {
            let session = self.0.session("journal").await?;
            tables::make(&session).await?;
            let mut now = now;
            loop {
                let run = run_id(now, random);
                // Another run began in the same millisecond.
                now += 1;
                if lock_of_run(&run).take(&session).await? && tables::add(&session, &run).await? {
                    let journal = Journal::new(self.0.clone(), &run, session, 0);
                    return Ok((run, Box::new(journal) as Box<dyn JournalStore>));
                }
            }
        })
    }

    fn open_run(&self, run: &str) -> Result<(History, Box<dyn JournalStore>)> {
        let opened = self.0.wait(async {
            let session = self.0.session("journal").await?;
            if !lock_of_run(run).take(&session).await? {
                return Ok(Err(Failure::new(
                    &code::LOCKED,
                    format!("run {run} is going on"),
                )));
            }
            let Some(history) = tables::read(&session, run).await? else {
                return Ok(Err(Failure::new(
                    &code::USAGE,
                    format!("there is no run {run}"),
                )));
            };
            let journal = Journal::new(self.0.clone(), run, session, history.records.len() as u64);
            Ok(Ok((history, Box::new(journal) as Box<dyn JournalStore>)))
        })?;
        opened.map_err(|failure| failure.hint("pb runs"))
    }

    fn lock(&self, env: &str) -> Result<Box<dyn EnvLock>> {
        let lock = Advisory::of(&format!("env {env}"));
        let taken = self.0.wait(async {
            let session = self.0.session("environment").await?;
            tables::make(&session).await?;
            let taken = lock.take(&session).await?;
            let run = tables::run_of(&session, env).await?;
            Ok((taken, run, session))
        })?;
        let (taken, run, session) = taken;
        if !taken {
            let run = run.unwrap_or_default();
            let message = format!("another run works on the environment `{env}`");
            return Err(Failure::new(&code::LOCKED, message)
                .with("run", run.clone())
                .state("nothing was touched")
                .hint(format!("pb show {run}; wait for it with --wait 10m")));
        }
        let (place, env) = (self.0.clone(), env.to_owned());
        Ok(Box::new(Environment {
            place,
            session,
            env,
            run,
        }))
    }

    fn key(&self, random: &dyn Random) -> Result<[u8; 32]> {
        let mut key = [0; 32];
        random.fill(&mut key);
        self.ask(|session| async move {
            tables::make(&session).await?;
            tables::key(&session, &key).await
        })
    }
}

/// The lock on an environment: it goes with the session, and the session with the process.
struct Environment {
    place: Arc<Place>,
    session: Session,
    env: String,
    run: Option<String>,
}

impl EnvLock for Environment {
    fn run(&self) -> Option<String> {
        self.run.clone()
    }

    fn name(&self, run: &str) -> Result<()> {
        self.place.wait(tables::name(&self.session, &self.env, run))
    }
}

fn lock_of_run(run: &str) -> Advisory {
    Advisory::of(&format!("run {run}"))
}

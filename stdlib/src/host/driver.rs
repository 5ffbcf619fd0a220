//! The driver of the machine itself: its environment, and the programs that are run on it.

use super::child::Supervisor;
use super::output::Output;
use super::program::Program;
use pb_core::{Driver, Readers, Result, Settled, World};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The driver. It has no handles: there is one such machine.
pub struct Host {
    reader: HostReader,
    writer: HostWriter,
}

/// Looks, and runs what only looks.
pub struct HostReader(Arc<Place>);

/// Runs programs.
pub struct HostWriter(Arc<Place>);

/// Where and with what environment programs run.
pub(super) struct Place {
    pub(super) base: PathBuf,
    pub(super) variables: BTreeMap<OsString, OsString>,
    /// What makes programs outlive pb; `None` runs them directly.
    supervisor: Option<Supervisor>,
}

impl Host {
    /// `base` is what relative paths start from, `variables` the environment of what is run.
    ///
    /// Without a `supervisor` nobody can tell what became of programs when the process was killed that ran them.
    pub fn new(
        base: &Path,
        variables: impl IntoIterator<Item = (OsString, OsString)>,
        supervisor: Option<Supervisor>,
    ) -> Self {
        let place = Arc::new(Place {
            base: base.to_owned(),
            variables: variables.into_iter().collect(),
            supervisor,
        });
        let (reader, writer) = (HostReader(place.clone()), HostWriter(place));
        Self { reader, writer }
    }
}

impl Driver for Host {
    type Reader = HostReader;
    type Writer = HostWriter;
    const KEY: &'static str = "";

    fn reader(&self) -> &HostReader {
        &self.reader
    }
    fn writer(&self) -> &HostWriter {
        &self.writer
    }
}

impl HostReader {
    /// Runs a program of which its author says that it only looks.
    ///
    /// # Errors
    /// `PB0501` when it cannot be started.
    pub async fn ask(&self, read: &Readers, program: &Program) -> Result<Output> {
        program.run(read, &self.0).await
    }

    /// What became of the program of a step whose process died, given what `run` had recorded; waits for one that still
    /// runs. When this future is dropped, the program and all that it started are killed.
    ///
    /// # Errors
    /// `PB0012` when what is written down of it cannot be read.
    pub async fn settle(&self, read: &Readers, evidence: Option<&Value>) -> Result<Settled> {
        match (evidence, &self.0.supervisor) {
            // It is recorded before the program is started.
            (None, _) => Ok(Settled::NotApplied),
            (Some(evidence), Some(supervisor)) if evidence["supervised"] == true => {
                supervisor.settle(read).await
            }
            (Some(_), _) => Ok(Settled::Unknown(String::new())),
        }
    }

    /// Whether a variable is there and not empty, without its value.
    pub fn has_variable(&self, name: &str) -> bool {
        let value = self.0.variables.get(&OsString::from(name));
        value.is_some_and(|value| !value.is_empty())
    }

    /// The names of all variables that are not empty.
    pub fn variables(&self) -> impl Iterator<Item = &str> {
        let set = self
            .0
            .variables
            .iter()
            .filter(|(_, value)| !value.is_empty());
        set.filter_map(|(name, _)| name.to_str())
    }
}

impl HostWriter {
    /// Runs a program to its end. When this future is dropped, the program and all that it started are killed.
    ///
    /// # Errors
    /// `PB0501` when it cannot be started, or an earlier attempt of the step still runs.
    pub async fn run(&self, world: &World, program: &Program) -> Result<Output> {
        match &self.0.supervisor {
            Some(supervisor) => supervisor.run(world, &self.0, program).await,
            None => {
                world.keep_evidence(json!({ "supervised": false })).await?;
                program.run(world.read(), &self.0).await
            }
        }
    }
}

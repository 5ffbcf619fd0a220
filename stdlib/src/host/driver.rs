//! The driver of the machine itself: its environment, and the programs that are run on it.

use super::output::Output;
use super::program::Program;
use pb_core::{Driver, Readers, Result};
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
}

impl Host {
    /// `base` is what relative paths start from, `variables` the environment of what is run.
    pub fn new(base: &Path, variables: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let place = Arc::new(Place {
            base: base.to_owned(),
            variables: variables.into_iter().collect(),
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
    /// `PB0501` when it cannot be started.
    pub async fn run(&self, read: &Readers, program: &Program) -> Result<Output> {
        program.run(read, &self.0).await
    }
}

//! The environment that a run works on: chosen by name, read from `pb.toml`, or made up where there is none.

mod document;
mod environment;
mod handle;
mod local;
mod password;

use crate::arguments::State;
use crate::refusal::Refusal;
use document::Document;
use pb_core::journal::RunStore;
use pb_core::{Failure, Table, code};
use pb_runtime::HostSecrets;
use pb_runtime::state::StateDir;
use pb_stdlib::postgres::PostgresRuns;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The name of a project's file.
const FILE: &str = "pb.toml";
/// The environment where nobody names one.
const LOCAL: &str = "local";

/// The drivers that make a table a handle, by the key that does so.
pub(crate) type Drivers = BTreeMap<&'static str, Table>;

/// A variable of the process's environment.
pub(crate) type Variable<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Where a project begins.
pub(crate) struct Project {
    /// Its folder: paths in playbooks are relative to it.
    pub(crate) base: PathBuf,
    document: Option<Document>,
}

/// What a run works on.
#[derive(Debug, PartialEq)]
pub(crate) struct Environment {
    pub(crate) name: String,
    /// What scripts see as `target`.
    pub(crate) target: Value,
    /// Whether a run has to be approved before it touches anything.
    pub(crate) protected: bool,
}

impl Environment {
    /// The same, as a check takes it.
    pub(crate) fn checked_for(&self) -> pb_runtime::Environment {
        pb_runtime::Environment {
            name: self.name.clone(),
            target: self.target.clone(),
        }
    }
}

impl Project {
    /// The project of that folder: the nearest `pb.toml` in it or above it, or the folder itself.
    pub(crate) fn find(folder: &Path) -> Result<Self, Refusal> {
        let folder = std::path::absolute(folder).map_err(|error| {
            Failure::new(
                &code::FILE,
                format!("the folder `{}` could not be found", folder.display()),
            )
            .because(error.to_string())
        })?;
        let file = folder
            .ancestors()
            .map(|folder| folder.join(FILE))
            .find(|file| file.is_file());
        let document = file.as_deref().map(Document::read).transpose()?;
        let base = document
            .as_ref()
            .map_or(folder.as_path(), Document::folder)
            .to_owned();
        Ok(Self { base, document })
    }

    /// Its runs, where they are kept: as told, or beside `pb.toml`.
    ///
    /// # Errors
    /// The database that they are to be in cannot be reached.
    pub(crate) fn runs(&self, told: Option<&State>) -> Result<Arc<dyn RunStore>, Failure> {
        match told {
            Some(State::Tables(config)) => {
                let secrets = HostSecrets::at(&self.base);
                Ok(Arc::new(PostgresRuns::connect(config, secrets)?))
            }
            _ => Ok(Arc::new(StateDir::at(self.folder(told)))),
        }
    }

    /// What has its place on this machine alone is kept there.
    pub(crate) fn folder(&self, told: Option<&State>) -> PathBuf {
        match told {
            Some(State::Folder(path)) => path.clone(),
            _ => self.base.join(".pb"),
        }
    }

    /// The environment of that name; without a name that of `PB_ENV`, or `local`.
    pub(crate) fn environment(
        &self,
        name: Option<&str>,
        drivers: &Drivers,
        variable: Variable<'_>,
    ) -> Result<Environment, Refusal> {
        let told = name
            .map(str::to_owned)
            .or_else(|| variable("PB_ENV").filter(|name| !name.is_empty()));
        let name = told.clone().unwrap_or_else(|| LOCAL.to_owned());
        let Some(document) = &self.document else {
            if name != LOCAL {
                let message = format!("there is no environment `{name}`: there is no `{FILE}`");
                let because = format!("looked for it in `{}` and above", self.base.display());
                return Err(Failure::new(&code::MANIFEST, message)
                    .because(because)
                    .into());
            }
            return Ok(Environment {
                target: local::target(variable),
                name,
                protected: false,
            });
        };
        let found = environment::read(document, &name, drivers)?;
        let found = found.unwrap_or_else(|| environment::Read {
            target: local::target(variable),
            protected: false,
        });
        Ok(Environment {
            name,
            target: found.target,
            protected: found.protected,
        })
    }
}

#[cfg(test)]
mod tests;

//! What `run_once` takes.

use super::driver::Docker;
use super::env_file;
use super::image_name::ImageName;
use super::pull::Pull;
use super::restart::Restart;
use super::volume::Volume;
use super::wanted::Recipes;
use crate::host::{Codes, TakeBack};
use pb_core::spec::position;
use pb_core::{HandleOf, Result, SecretText};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What is run, and how it has to end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Args {
    /// The image to run, such as `shop:2.0`.
    #[schemars(transform = position::<0>)]
    pub image: ImageName,
    /// The command and its arguments, one text each; no shell reads them. Secrets go into `env`.
    #[schemars(transform = position::<1>)]
    pub argv: Vec<String>,
    /// Environment variables, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, SecretText>,
    /// A file of `NAME=value` lines; `env` goes before it. `NAME=secret:env:OTHER` is a reference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub env_file: Option<String>,
    /// The network to be on, by name, or `host`; left out, the default bridge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
    /// Volumes: `name:/path` or `/host:/path:ro`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub volumes: Vec<Volume>,
    /// The exit code that is no error, or a list of them.
    #[serde(default)]
    pub expect_code: Codes,
    /// The command that takes the work back, in the same image and environment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undo: Option<TakeBack>,
    /// Whether the registry is asked for the image: only where it is `missing`, or `always`.
    #[serde(default)]
    pub pull: Pull,
    /// The engine.
    pub docker: HandleOf<Docker>,
}

/// Jobs have none.
static NO_LABELS: BTreeMap<String, String> = BTreeMap::new();

impl Args {
    /// `lines` are those of the `env_file`.
    pub(super) fn recipes<'a>(&'a self, lines: &'a [(String, SecretText)]) -> Recipes<'a> {
        Recipes {
            image: &self.image,
            env: env_file::over(lines, &self.env),
            labels: &NO_LABELS,
            ports: &[],
            volumes: &self.volumes,
            network: self.network.as_deref(),
            command: Some(&self.argv),
            restart: Restart::No,
            stop_grace: None,
        }
    }

    pub(super) fn lines(&self, text: Option<&str>) -> Result<Vec<(String, SecretText)>> {
        env_file::lines(self.env_file.as_deref(), text)
    }

    /// The command that takes the work back.
    pub(super) fn way_back(&self) -> Option<&Vec<String>> {
        match &self.undo {
            Some(TakeBack::By(argv)) => Some(argv),
            Some(TakeBack::Wish(_)) | None => None,
        }
    }

    /// The job that takes the work back.
    pub(super) fn taking_back(&self, argv: &[String]) -> Self {
        Self {
            argv: argv.to_owned(),
            expect_code: Codes::default(),
            undo: None,
            ..self.clone()
        }
    }
}

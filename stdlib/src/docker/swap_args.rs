//! What `swap_container` takes.

use super::driver::Docker;
use super::env_file;
use super::image_name::ImageName;
use super::name::ContainerName;
use super::port::PublishedPort;
use super::pull::Pull;
use super::restart::Restart;
use super::swap::{Action, Serving};
use super::swap_facts::Facts;
use super::volume::Volume;
use super::wanted::Recipes;
use crate::haproxy::Router;
use crate::http::HealthOptions;
use pb_core::spec::position;
use pb_core::{HandleOf, Result, SecretText, Span};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Which container, of what, and how requests come and go.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Args {
    /// The name under which the container serves.
    #[schemars(transform = position::<0>)]
    pub name: ContainerName,
    /// The image to run, such as `shop:2.0`.
    pub image: ImageName,
    /// The container's port that serves; left out, the only one that the image exposes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// Where the application tells how it is; left out, its HEALTHCHECK is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health: Option<HealthOptions>,
    /// The backend whose requests it serves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub router: Option<HandleOf<Router>>,
    /// How long requests that are still open are waited for before their container is stopped.
    #[serde(default = "half_a_minute")]
    pub drain: Span,
    /// How many containers of earlier swaps are kept, stopped, besides the one that this swap replaces.
    #[serde(default = "one")]
    pub keep: u32,
    /// Ports that the host answers on: `8080:8000`, `127.0.0.1:8080:8000`. One that is fixed makes the old container
    /// stop before the new one starts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ports: Vec<PublishedPort>,
    /// Environment variables, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, SecretText>,
    /// A file of `NAME=value` lines; `env` goes before it. `NAME=secret:env:OTHER` is a reference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub env_file: Option<String>,
    /// Volumes: `name:/path` or `/host:/path:ro`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub volumes: Vec<Volume>,
    /// The network to be on, by name, or `host`; left out, the default bridge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
    /// Labels, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// The command, in place of the image's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<Vec<String>>,
    /// When the engine starts it again: `no`, `always`, `unless-stopped`, `on-failure` or `on-failure:3`.
    #[serde(default = "unless_stopped")]
    pub restart: Restart,
    /// How long a container has between SIGTERM and SIGKILL; left out, what it was made with, or 10 seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_grace: Option<Span>,
    /// Whether the registry is asked for the image: only where it is `missing`, or `always`.
    #[serde(default)]
    pub pull: Pull,
    /// The engine.
    pub docker: HandleOf<Docker>,
}

fn half_a_minute() -> Span {
    Span::seconds(30)
}

fn one() -> u32 {
    1
}

fn unless_stopped() -> Restart {
    Restart::UnlessStopped
}

impl Args {
    pub(super) fn serving(&self) -> Serving<'_> {
        Serving {
            name: &self.name,
            docker: &self.docker.0,
            router: self.router.as_ref().map(|router| &router.0),
            health: self.health.as_ref(),
            port: self.port,
            drain: self.drain,
            stop_grace: self.stop_grace,
        }
    }

    /// `lines` are those of the `env_file`.
    pub(super) fn recipes<'a>(&'a self, lines: &'a [(String, SecretText)]) -> Recipes<'a> {
        Recipes {
            image: &self.image,
            env: env_file::over(lines, &self.env),
            labels: &self.labels,
            ports: &self.ports,
            volumes: &self.volumes,
            network: self.network.as_deref(),
            command: self.command.as_deref(),
            restart: self.restart.clone(),
            stop_grace: self.stop_grace,
        }
    }

    pub(super) fn lines(&self, text: Option<&str>) -> Result<Vec<(String, SecretText)>> {
        env_file::lines(self.env_file.as_deref(), text)
    }

    /// What makes the new container.
    pub(super) fn make(&self, facts: &Facts) -> Vec<Action> {
        let pull = (facts.image.is_none() || facts.stale).then(|| Action::Pull {
            image: self.image.to_string(),
        });
        let create = Action::Create {
            name: self.name.next(),
            image: self.image.to_string(),
            env_file: facts.env_file.clone(),
        };
        pull.into_iter().chain([create]).collect()
    }
}

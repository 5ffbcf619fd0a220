//! From arguments to the recipe of a container, and to what the engine is asked to create.

use super::container::{fingerprints, label};
use super::env_file::is_name;
use super::image::Image;
use super::port::PublishedPort;
use super::recipe::{self, Recipe};
use super::restart::Restart;
use super::volume::Volume;
use bollard::models::{ContainerCreateBody, HostConfig, PortBinding};
use pb_core::{Failure, Readers, Result, SecretText, Span, Vault, code};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};

/// What a container shall be made of, as it was asked for; the image's defaults are not in it yet.
pub(crate) struct Recipes<'a> {
    pub(crate) image: &'a str,
    pub(crate) env: Vec<(&'a str, &'a SecretText)>,
    pub(crate) labels: &'a BTreeMap<String, String>,
    pub(crate) ports: &'a [PublishedPort],
    pub(crate) volumes: &'a [Volume],
    pub(crate) network: Option<&'a str>,
    pub(crate) command: Option<&'a [String]>,
    pub(crate) restart: Restart,
    pub(crate) stop_grace: Option<Span>,
}

/// The recipe with the defaults of the image.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Wanted {
    pub(crate) recipe: Recipe,
    /// Its hash, for the label `pb.spec`.
    pub(crate) hash: String,
}

impl Recipes<'_> {
    /// The network that the container shall be on.
    pub(crate) fn network(&self) -> String {
        recipe::network(self.network.unwrap_or_default())
    }

    pub(crate) fn check(&self) -> Result<()> {
        let wrong = |what: String| Err(Failure::new(&code::WRONG_TYPE, what));
        if let Some((name, _)) = self.env.iter().find(|(name, _)| !is_name(name)) {
            return wrong(format!("`{name}` is no name of an environment variable"));
        }
        if let Some(name) = self
            .labels
            .keys()
            .find(|name| name.starts_with(recipe::LABELS))
        {
            return wrong(format!(
                "the label `{name}` was refused: those with `pb.` are pb's own"
            ));
        }
        Ok(())
    }

    /// What a container of this image is made of.
    pub(crate) fn wanted(&self, image: &Image, vault: &Vault) -> Result<Wanted> {
        let mut env = fingerprints(image.env.clone(), vault)?;
        for (name, value) in &self.env {
            env.insert((*name).into(), vault.fingerprint(value)?);
        }
        let mut labels = image.labels.clone();
        labels.extend(self.labels.clone());
        let command = self
            .command
            .map_or_else(|| image.command.clone(), <[String]>::to_vec);
        let recipe = Recipe {
            image_id: image.id.clone(),
            env,
            labels,
            ports: self.ports.iter().cloned().collect(),
            volumes: self
                .volumes
                .iter()
                .map(|volume| recipe::volume(volume.as_str()))
                .collect(),
            network: self.network(),
            entrypoint: image.entrypoint.clone(),
            command,
            restart: self.restart.clone(),
            stop_grace: self.stop_grace.map(seconds),
        };
        Ok(Wanted {
            hash: recipe.hash(),
            recipe,
        })
    }

    /// What the engine is asked to create, with these labels of pb besides; here secrets are exposed.
    pub(crate) fn body(&self, read: &Readers, own: &[(&str, &str)]) -> Result<ContainerCreateBody> {
        let env = self
            .env
            .iter()
            .map(|(name, value)| Ok(format!("{name}={}", read.vault().expose(value)?)));
        let mut labels: HashMap<_, _> = self.labels.clone().into_iter().collect();
        let run = [(label::RUN, read.run()), (label::KEY, read.key())];
        labels.extend(
            run.iter()
                .chain(own)
                .map(|(label, text)| ((*label).into(), (*text).into())),
        );
        let mut bindings = HashMap::new();
        for port in self.ports {
            let binding = PortBinding {
                host_ip: port.address.map(|address| address.to_string()),
                host_port: port.host.map(|port| port.to_string()),
            };
            bindings
                .entry(port.key())
                .or_insert_with(|| Some(vec![]))
                .get_or_insert_default()
                .push(binding);
        }
        Ok(ContainerCreateBody {
            image: Some(self.image.into()),
            env: Some(env.collect::<Result<_>>()?),
            cmd: self.command.map(<[String]>::to_vec),
            labels: Some(labels),
            exposed_ports: Some(bindings.keys().cloned().collect()),
            stop_timeout: self
                .stop_grace
                .map(|span| i64::try_from(seconds(span)).unwrap_or(i64::MAX)),
            host_config: Some(HostConfig {
                binds: Some(self.volumes.iter().cloned().map(Into::into).collect()),
                network_mode: Some(self.network()),
                port_bindings: Some(bindings),
                restart_policy: Some(self.restart.policy()),
                ..HostConfig::default()
            }),
            ..ContainerCreateBody::default()
        })
    }
}

/// Whole seconds, as the engine counts a grace: rather one more.
pub(crate) fn seconds(span: Span) -> u64 {
    span.0.as_secs() + u64::from(span.0.subsec_nanos() > 0)
}

//! A container as the engine tells it.

use super::port::PublishedPort;
use super::recipe::{self, LABELS, Recipe};
use super::restart::Restart;
use bollard::models::{ContainerInspectResponse, HostConfig, NetworkSettings};
use pb_core::{Result, SecretText, Vault};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

/// Labels by which pb knows its containers again.
pub(crate) mod label {
    /// The name that the container serves under, or will.
    pub(crate) const NAME: &str = "pb.name";
    /// Id of the run that made it.
    pub(crate) const RUN: &str = "pb.run";
    /// Key of the step that made it.
    pub(crate) const KEY: &str = "pb.key";
    /// Hash of its recipe.
    pub(crate) const SPEC: &str = "pb.spec";
}

/// A container, stopped or not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Container {
    pub(crate) id: String,
    pub(crate) name: String,
    /// The image as it was named when the container was made.
    pub(crate) image: String,
    pub(crate) recipe: Recipe,
    /// Of the labels of pb: `pb.name`, `pb.run`, `pb.key`, `pb.spec`.
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) status: Status,
    /// Of the newest end; 0 while it runs the first time.
    pub(crate) exit_code: i64,
    /// Whether it was killed for want of memory.
    pub(crate) out_of_memory: bool,
    /// How often the engine started it again.
    pub(crate) restarts: i64,
    /// What its HEALTHCHECK says: `starting`, `healthy` or `unhealthy`; `None` when it has none.
    pub(crate) health: Option<String>,
    /// On its network, while it runs.
    pub(crate) address: Option<IpAddr>,
    /// When it ended last, in RFC 3339; year 1 when it never did.
    pub(crate) ended: String,
}

/// What a container is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Status {
    Created,
    Running,
    /// Ended, and about to be started again by the engine, which calls it running.
    Restarting,
    Paused,
    Exited,
    /// Half removed.
    Dead,
}

impl Container {
    pub(crate) fn read(inspected: ContainerInspectResponse, vault: &Vault) -> Result<Self> {
        let config = inspected.config.unwrap_or_default();
        let host = inspected.host_config.unwrap_or_default();
        let state = inspected.state.unwrap_or_default();
        let (own, labels) = config
            .labels
            .unwrap_or_default()
            .into_iter()
            .partition(|(name, _)| name.starts_with(LABELS));
        let recipe = Recipe {
            image_id: inspected.image.unwrap_or_default(),
            env: fingerprints(config.env.unwrap_or_default(), vault)?,
            labels,
            ports: ports(&host),
            volumes: volumes(&host),
            network: recipe::network(host.network_mode.as_deref().unwrap_or_default()),
            entrypoint: config.entrypoint.unwrap_or_default(),
            command: config.cmd.unwrap_or_default(),
            restart: Restart::read(host.restart_policy.as_ref()),
            stop_grace: config
                .stop_timeout
                .and_then(|seconds| seconds.try_into().ok()),
        };
        let status = Status::read(&state);
        let networks = inspected.network_settings.unwrap_or_default();
        let address = address(&recipe.network, networks).filter(|_| status == Status::Running);
        let health = state
            .health
            .and_then(|health| health.status)
            .map(|s| s.to_string());
        Ok(Self {
            id: inspected.id.unwrap_or_default(),
            name: inspected
                .name
                .unwrap_or_default()
                .trim_start_matches('/')
                .into(),
            image: config.image.unwrap_or_default(),
            recipe,
            labels: own,
            status,
            exit_code: state.exit_code.unwrap_or_default(),
            out_of_memory: state.oom_killed.unwrap_or_default(),
            restarts: inspected.restart_count.unwrap_or_default(),
            health: health.filter(|word| !word.is_empty() && word != "none"),
            address,
            ended: state.finished_at.unwrap_or_default(),
        })
    }

    pub(crate) fn is_running(&self) -> bool {
        self.status == Status::Running
    }

    /// Whether it is on the network that it was made for; some have no address.
    pub(crate) fn is_attached(&self) -> bool {
        let network = self.recipe.network.as_str();
        self.address.is_some() || network == "none" || network.starts_with("container:")
    }

    /// The first letters of its id, as Docker shows them.
    pub(crate) fn short_id(&self) -> &str {
        short(&self.id)
    }

    /// Its state in words: `exited with code 3`.
    pub(crate) fn state(&self) -> String {
        match self.status {
            Status::Created => "created, never started".into(),
            Status::Running if self.restarts > 0 => {
                format!("running, restarted {} times", self.restarts)
            }
            Status::Running => "running".into(),
            Status::Restarting => format!(
                "ended with code {}, restarting (restart {})",
                self.exit_code, self.restarts
            ),
            Status::Paused => "paused".into(),
            Status::Exited if self.out_of_memory => "killed for want of memory".into(),
            Status::Exited => format!("exited with code {}", self.exit_code),
            Status::Dead => "dead: the engine could not remove it".into(),
        }
    }
}

/// The first twelve letters of an id.
pub(crate) fn short(id: &str) -> &str {
    id.get(..12).unwrap_or(id)
}

impl Status {
    fn read(state: &bollard::models::ContainerState) -> Self {
        use bollard::models::ContainerStateStatusEnum as Word;
        let is = |flag: Option<bool>| flag == Some(true);
        // `Running` is true while it restarts and while it is paused: the word goes first.
        match state.status {
            Some(Word::CREATED) => Self::Created,
            Some(Word::RUNNING) => Self::Running,
            Some(Word::PAUSED) => Self::Paused,
            Some(Word::RESTARTING) => Self::Restarting,
            Some(Word::REMOVING | Word::DEAD) => Self::Dead,
            Some(Word::EXITED | Word::STOPPING) => Self::Exited,
            Some(Word::EMPTY) | None if is(state.restarting) => Self::Restarting,
            Some(Word::EMPTY) | None if is(state.running) => Self::Running,
            Some(Word::EMPTY) | None => Self::Exited,
        }
    }
}

/// `NAME=value` as name and fingerprint; the last of several counts.
pub(crate) fn fingerprints(
    env: impl IntoIterator<Item = String>,
    vault: &Vault,
) -> Result<BTreeMap<String, String>> {
    env.into_iter()
        .map(|line| {
            let (name, value) = line.split_once('=').unwrap_or((&line, ""));
            Ok((
                name.to_owned(),
                vault.fingerprint(&SecretText::from(value))?,
            ))
        })
        .collect()
}

fn ports(host: &HostConfig) -> std::collections::BTreeSet<PublishedPort> {
    let bindings = host.port_bindings.iter().flatten();
    bindings
        .flat_map(|(key, bound)| {
            bound.iter().flatten().filter_map(|binding| {
                let text = |text: &Option<String>| text.clone().unwrap_or_default();
                let (address, port) = (text(&binding.host_ip), text(&binding.host_port));
                PublishedPort::of_engine(key, &address, &port)
            })
        })
        .collect()
}

fn volumes(host: &HostConfig) -> std::collections::BTreeSet<String> {
    let binds = host.binds.iter().flatten().map(|bind| recipe::volume(bind));
    let mounts = host.mounts.iter().flatten().map(|mount| {
        let part = |text: &Option<String>| text.clone().unwrap_or_default();
        let mode = if mount.read_only == Some(true) {
            ":ro"
        } else {
            ""
        };
        format!("{}:{}{mode}", part(&mount.source), part(&mount.target))
    });
    binds.chain(mounts).collect()
}

fn address(network: &str, settings: NetworkSettings) -> Option<IpAddr> {
    if network == "host" {
        return Some(Ipv4Addr::LOCALHOST.into());
    }
    let mut networks = settings.networks.unwrap_or_default();
    let named = networks.remove(network);
    // A network can be named by its id; with one alone there is no doubt.
    let endpoint = named.or_else(|| networks.into_values().next())?;
    let texts = [endpoint.ip_address, endpoint.global_ipv6_address];
    texts
        .into_iter()
        .flatten()
        .find_map(|text| text.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::docker::port::port;
    use crate::docker::testing::vault;
    use serde_json::json;

    fn read(value: serde_json::Value) -> Container {
        let inspected = serde_json::from_value(value).expect("an answer of the engine");
        Container::read(inspected, &vault()).expect("readable")
    }

    #[test]
    fn an_answer_of_the_engine_is_read() {
        let seen = read(json!({
            "Id": "3f2a9c0d1e2f4455", "Name": "/web-1", "Image": "sha256:1", "RestartCount": 2,
            "State": { "Status": "running", "Running": true, "ExitCode": 3, "Health": { "Status": "starting" } },
            "Config": {
                "Image": "web:1.0", "Env": ["A=1", "B=x=y", "A=2"], "Cmd": ["serve"], "Entrypoint": ["/web"],
                "Labels": { "pb.run": "R", "team": "shop" }, "StopTimeout": 30,
            },
            "HostConfig": {
                "NetworkMode": "shop", "Binds": ["data:/data:rw", "/etc/x:/x:ro"],
                "PortBindings": { "8000/tcp": [{ "HostIp": "127.0.0.1", "HostPort": "8080" }] },
                "RestartPolicy": { "Name": "on-failure", "MaximumRetryCount": 3 },
            },
            "NetworkSettings": { "Networks": { "shop": { "IPAddress": "172.20.0.3" } } },
        }));
        let print = |text: &str| vault().fingerprint(&text.into()).expect("plain");
        let recipe = Recipe {
            image_id: "sha256:1".into(),
            env: [("A".into(), print("2")), ("B".into(), print("x=y"))].into(),
            labels: [("team".into(), "shop".into())].into(),
            ports: [port("127.0.0.1:8080:8000")].into(),
            volumes: ["data:/data".into(), "/etc/x:/x:ro".into()].into(),
            network: "shop".into(),
            entrypoint: vec!["/web".into()],
            command: vec!["serve".into()],
            restart: Restart::OnFailure(3),
            stop_grace: Some(30),
        };
        assert_eq!(seen.recipe, recipe);
        assert_eq!(
            (seen.name.as_str(), seen.short_id()),
            ("web-1", "3f2a9c0d1e2f")
        );
        assert_eq!(seen.labels, [("pb.run".into(), "R".into())].into());
        assert_eq!(
            seen.address,
            Some("172.20.0.3".parse().expect("an address"))
        );
        assert_eq!(seen.health.as_deref(), Some("starting"));
        assert_eq!(seen.state(), "running, restarted 2 times");
    }

    #[test]
    fn a_restarting_container_does_not_run() {
        let state =
            json!({ "Status": "restarting", "Running": true, "Restarting": true, "ExitCode": 1 });
        let network = json!({ "Networks": { "bridge": { "IPAddress": "172.17.0.2" } } });
        let seen = read(json!({ "State": state, "RestartCount": 4, "NetworkSettings": network }));
        assert_eq!((seen.status, seen.address), (Status::Restarting, None));
        assert_eq!(seen.state(), "ended with code 1, restarting (restart 4)");
    }

    #[test]
    fn a_container_on_the_hosts_network_answers_on_loopback() {
        let host = json!({ "NetworkMode": "host" });
        let seen = read(json!({ "State": { "Status": "running" }, "HostConfig": host }));
        assert_eq!(seen.address, Some(Ipv4Addr::LOCALHOST.into()));
        let exited = read(json!({ "State": { "Status": "exited", "ExitCode": 137 } }));
        assert_eq!(
            (exited.address, exited.state().as_str()),
            (None, "exited with code 137")
        );
    }
}

//! What is there: every container of the name, and the router's servers.

use super::health::{Health, health};
use super::serving::Serving;
use super::traffic::dead_servers;
use crate::docker::container::{Container, label};
use crate::docker::driver::DockerDriver;
use crate::docker::name::{ContainerName, Role};
use crate::docker::recipe;
use crate::haproxy::{ADDED, Admin, HaproxyDriver, Server};
use futures_util::future::try_join_all;
use pb_core::{Readers, Result};
use serde::{Deserialize, Serialize};

/// Every container of the name, and the router's servers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Scene {
    /// Those that are kept in the order of their end, newest first.
    pub(crate) containers: Vec<Seen>,
    /// `None` without a router.
    pub(crate) servers: Option<Vec<Server>>,
    /// The network whose addresses the router should know.
    pub(crate) network: String,
    /// Servers that send requests to where no container is any more.
    pub(crate) dead: Vec<String>,
}

/// One container of the name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Seen {
    pub(crate) role: Role,
    pub(crate) container: Container,
    /// The port that it serves, where that could be told.
    pub(crate) port: Option<u16>,
    pub(crate) health: Health,
}

impl Scene {
    /// `network` is the one that the containers are on; left out, that of the first of them.
    pub(crate) async fn observe(
        read: &Readers,
        serving: &Serving<'_>,
        network: Option<&str>,
    ) -> Result<Self> {
        let docker = read.of::<DockerDriver>();
        let pattern = vec![serving.name.pattern()];
        let listed = docker.list(serving.docker, "name", pattern).await?;
        let of_name = listed
            .iter()
            .filter(|l| serving.name.role(&l.name, &l.id).is_some());
        let seen = try_join_all(of_name.map(|l| Seen::observe(read, serving, &l.id))).await?;
        let mut containers: Vec<_> = seen.into_iter().flatten().collect();
        containers.sort_by(|one, other| {
            let order = |seen: &Seen| (seen.role != Role::Current, seen.role != Role::Next);
            let newest = other.container.ended.cmp(&one.container.ended);
            order(one).cmp(&order(other)).then(newest)
        });
        let first = containers
            .first()
            .map(|seen| seen.container.recipe.network.clone());
        let network = network
            .map(Into::into)
            .or(first)
            .unwrap_or_else(|| recipe::network(""));
        let (servers, dead) = match serving.router {
            Some(router) => {
                let servers = read.of::<HaproxyDriver>().servers(router).await?;
                let dead = dead_servers(read, serving.docker, &network, &servers).await?;
                (Some(servers), dead)
            }
            None => (None, vec![]),
        };
        Ok(Self {
            containers,
            servers,
            network,
            dead,
        })
    }

    pub(crate) fn current(&self) -> Option<&Seen> {
        self.of_role(Role::Current).next()
    }

    pub(crate) fn next(&self) -> Option<&Seen> {
        self.of_role(Role::Next).next()
    }

    pub(crate) fn of_role(&self, role: Role) -> impl Iterator<Item = &Seen> {
        self.containers.iter().filter(move |seen| seen.role == role)
    }

    /// The servers that lead to a container.
    pub(crate) fn servers_of(&self, seen: &Seen) -> Vec<&Server> {
        let servers = self.servers.iter().flatten();
        servers
            .filter(|server| leads_to(server, &seen.container, seen.port))
            .collect()
    }

    /// Whether requests reach a container, where there is a router at all.
    pub(crate) fn is_routed(&self, seen: &Seen) -> bool {
        self.servers.is_none()
            || self
                .servers_of(seen)
                .iter()
                .any(|s| s.admin == Admin::Ready)
    }

    /// What is true of the container of the name, as a sentence.
    pub(crate) fn state(&self, name: &ContainerName) -> String {
        let Some(seen) = self.current() else {
            return match self
                .containers
                .iter()
                .find(|seen| seen.container.is_running())
            {
                Some(seen) => format!("`{}` runs {}", seen.container.name, seen.container.image),
                None => format!("`{name}` is not there"),
            };
        };
        let image = &seen.container.image;
        if !seen.container.is_running() {
            return format!("`{name}` ({image}) is {}", seen.container.state());
        }
        let traffic = if self.is_routed(seen) {
            ""
        } else {
            ", gets no requests"
        };
        match &seen.health {
            Health::Well => format!("`{name}` runs {image} (healthy){traffic}"),
            Health::Ill(_) => format!("`{name}` runs {image} (unhealthy){traffic}"),
            Health::Unknown => format!("`{name}` runs {image}{traffic}"),
        }
    }
}

/// Whether a server leads to a container. The address is enough: on a bridge it is the container's alone, and a
/// container that does not run has none. On the host's network all share one, and the port tells.
pub(super) fn leads_to(server: &Server, container: &Container, port: Option<u16>) -> bool {
    if server.name.strip_prefix(ADDED) == Some(container.short_id()) {
        return true;
    }
    let (Some(at), Some(address)) = (server.address, container.address) else {
        return false;
    };
    at.ip() == address && (!address.is_loopback() || Some(at.port()) == port)
}

impl Seen {
    async fn observe(read: &Readers, serving: &Serving<'_>, id: &str) -> Result<Option<Self>> {
        let docker = read.of::<DockerDriver>();
        let Some(container) = docker.container(serving.docker, read.vault(), id).await? else {
            return Ok(None);
        };
        // Between the list and this it may have been renamed.
        let Some(role) = serving.name.role(&container.name, &container.id) else {
            return Ok(None);
        };
        let asked = serving.needs_port() && serving.port.is_none() && container.is_running();
        let port = match asked {
            true => {
                let image = docker
                    .image(serving.docker, &container.recipe.image_id)
                    .await?;
                image.and_then(|image| serving.port_of(&image.ports))
            }
            false => serving.port,
        };
        let health = match container.is_running() {
            true => health(read, serving, &container, port).await?,
            false => Health::Unknown,
        };
        Ok(Some(Self {
            role,
            container,
            port,
            health,
        }))
    }

    pub(crate) fn is_running(&self) -> bool {
        self.container.is_running()
    }

    /// Whether pb made it for that name.
    pub(crate) fn is_ours(&self, name: &ContainerName) -> bool {
        self.container
            .labels
            .get(label::NAME)
            .is_some_and(|label| label == name.as_str())
    }
}

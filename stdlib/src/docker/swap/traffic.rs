//! Requests to a container and away from it, by the router's servers.

use super::action::{Told, Who};
use super::scene::leads_to;
use super::serving::Serving;
use crate::docker::container::Container;
use crate::docker::driver::DockerDriver;
use crate::docker::network::Network;
use crate::haproxy::{ADDED, Admin, Check, HaproxyDriver, Server};
use pb_core::{Failure, Handle, Permit, Readers, Result, World, code};
use serde_json::Value;
use std::net::SocketAddr;
use std::time::Duration;

/// Between two looks at the open requests.
const POLL: Duration = Duration::from_millis(5);
/// So often is looked for a free server while others take them.
const TRIES: u32 = 100;

/// The servers that send requests to an address where no container is any more.
///
/// Only addresses of a bridge of this engine are judged, and only while HAProxy's own check does not say that all is
/// well there. `servers` were read before: whoever was stopped since then had been taken out of the router first.
pub(super) async fn dead_servers(
    read: &Readers,
    engine: &Handle,
    network: &str,
    servers: &[Server],
) -> Result<Vec<String>> {
    let docker = read.of::<DockerDriver>();
    let open = |server: &&Server| server.admin != Admin::Maint && server.check != Check::Up;
    let suspects: Vec<_> = servers.iter().filter(open).collect();
    if suspects.is_empty() {
        return Ok(vec![]);
    }
    let Some(network) = docker.network(engine, network).await? else {
        return Ok(vec![]);
    };
    let suspects: Vec<_> = suspects
        .into_iter()
        .filter(|s| is_dead(s, &network))
        .collect();
    if suspects.is_empty() {
        return Ok(vec![]);
    }
    // Between two lives a container has no address, and gets its old one back as a rule.
    let restarting = docker
        .list(engine, "status", vec!["restarting".into()])
        .await?;
    if !restarting.is_empty() {
        return Ok(vec![]);
    }
    Ok(suspects
        .into_iter()
        .map(|server| server.name.clone())
        .collect())
}

fn is_dead(server: &Server, network: &Network) -> bool {
    server
        .address
        .is_some_and(|at| network.covers(at.ip()) && !network.uses(at.ip()))
}

/// Whether a server may be given another address: it is in maintenance, and leads to a placeholder or to nobody.
fn is_free(server: &Server, network: Option<&Network>) -> bool {
    let placeholder = match server.address {
        None => true,
        Some(at) => at.ip().is_loopback() || at.ip().is_unspecified(),
    };
    let deserted = network.is_some_and(|network| is_dead(server, network));
    server.admin == Admin::Maint && !server.name.starts_with(ADDED) && (placeholder || deserted)
}

/// One container and the router in front of it.
pub(super) struct Traffic<'a> {
    pub(super) world: &'a World,
    pub(super) permit: &'a Permit,
    pub(super) serving: &'a Serving<'a>,
    pub(super) router: &'a Handle,
    /// The port of the container.
    pub(super) port: Option<u16>,
}

impl Traffic<'_> {
    /// Lets requests go to a container: by the server that leads there already, a free one, or an added one.
    pub(super) async fn route(&self, container: &Container, at: SocketAddr) -> Result<()> {
        for _ in 0..TRIES {
            let servers = self.servers().await?;
            let to = |server: &&Server| leads_to(server, container, Some(at.port()));
            let known = servers.iter().find(to);
            if known.is_some_and(|s| s.admin == Admin::Ready && s.address == Some(at)) {
                return Ok(());
            }
            let network = self.network(container).await?;
            let free = known.or_else(|| servers.iter().find(|s| is_free(s, network.as_ref())));
            let Some(server) = free else {
                let name = format!("{ADDED}{}", container.short_id());
                let checked = servers.iter().any(|server| server.check != Check::None);
                return self.writer().add(self.router, &name, at, checked).await;
            };
            if self
                .open(server, known.is_some(), network.as_ref(), at)
                .await?
            {
                return Ok(());
            }
        }
        let message = format!(
            "no server of the router could be had for `{}`",
            container.name
        );
        Err(Failure::new(&code::NO_SLOT, message).because("other steps took them all the time"))
    }

    /// Opens a server, unless another step was faster.
    async fn open(
        &self,
        server: &Server,
        known: bool,
        network: Option<&Network>,
        at: SocketAddr,
    ) -> Result<bool> {
        let Some(_claim) = self.writer().claim(self.router, &server.name)? else {
            tokio::time::sleep(POLL).await;
            return Ok(false);
        };
        let now = self
            .servers()
            .await?
            .into_iter()
            .find(|s| s.name == server.name);
        let still = now.is_some_and(|now| known || is_free(&now, network));
        if still {
            self.writer().open(self.router, &server.name, at).await?;
        }
        Ok(still)
    }

    /// Lets no new requests go to a container, and waits for those that it has; tells how many are still open.
    pub(super) async fn drain(&self, who: &Who, container: &Container) -> Result<Value> {
        let read = self.world.read();
        for server in self.leading_to(container).await? {
            if server.admin == Admin::Ready {
                self.writer()
                    .set(self.router, &server.name, Admin::Drain)
                    .await?;
            }
        }
        let clock = read.clock();
        let end = clock.elapsed() + self.serving.drain.0;
        let mut said = None;
        loop {
            clock.sleep(POLL).await;
            let open: u64 = self
                .leading_to(container)
                .await?
                .iter()
                .map(|s| s.sessions)
                .sum();
            if open == 0 {
                return Ok(Told::Open(0).value());
            }
            if said != Some(open) {
                read.progress(format!("draining {who}: {open} requests open"));
                said = Some(open);
            }
            if clock.elapsed() >= end {
                let limit = self.serving.drain;
                read.progress(format!(
                    "{who} still had {open} requests open after {limit}"
                ));
                return Ok(Told::Open(open).value());
            }
        }
    }

    /// Takes a container out of the router.
    pub(super) async fn close(&self, container: &Container) -> Result<()> {
        for server in self.leading_to(container).await? {
            self.shut(&server).await?;
        }
        if !container.is_running() {
            // It ended by itself and has no address any more to tell its server by.
            let (read, servers) = (self.world.read(), self.servers().await?);
            let network = &container.recipe.network;
            for server in dead_servers(read, self.serving.docker, network, &servers).await? {
                self.sweep(&server, network).await?;
            }
        }
        Ok(())
    }

    /// Closes a server whose container is gone, unless it leads to another one by now.
    pub(super) async fn sweep(&self, server: &str, network: &str) -> Result<()> {
        let Some(_claim) = self.writer().claim(self.router, server)? else {
            return Ok(());
        };
        let servers = self.servers().await?;
        let dead = dead_servers(self.world.read(), self.serving.docker, network, &servers).await?;
        match servers
            .iter()
            .find(|s| s.name == server && dead.contains(&s.name))
        {
            Some(server) => self.shut(server).await,
            None => Ok(()),
        }
    }

    async fn shut(&self, server: &Server) -> Result<()> {
        let (writer, name) = (self.writer(), &server.name);
        if server.admin != Admin::Maint {
            writer.set(self.router, name, Admin::Maint).await?;
        }
        if name.starts_with(ADDED) {
            writer.delete(self.router, name).await?;
        }
        Ok(())
    }

    async fn leading_to(&self, container: &Container) -> Result<Vec<Server>> {
        let servers = self.servers().await?.into_iter();
        Ok(servers
            .filter(|server| leads_to(server, container, self.port))
            .collect())
    }

    async fn servers(&self) -> Result<Vec<Server>> {
        self.world
            .read()
            .of::<HaproxyDriver>()
            .servers(self.router)
            .await
    }

    async fn network(&self, container: &Container) -> Result<Option<Network>> {
        let docker = self.world.read().of::<DockerDriver>();
        docker
            .network(self.serving.docker, &container.recipe.network)
            .await
    }

    fn writer(&self) -> &crate::haproxy::Writer {
        self.world.of::<HaproxyDriver>(self.permit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::docker::container::Status;
    use crate::docker::testing::container;

    fn server(name: &str, address: &str, admin: Admin) -> Server {
        Server {
            name: name.into(),
            address: address.parse().ok(),
            admin,
            check: Check::Down,
            sessions: 0,
        }
    }

    #[test]
    fn only_a_closed_server_that_leads_to_nobody_is_free() {
        let network = Network::of("172.20.0.0/16", &["172.20.0.2"]);
        let check = |name, address, admin, free| {
            let server = server(name, address, admin);
            assert_eq!(
                is_free(&server, Some(&network)),
                free,
                "{name} {address} {admin:?}"
            );
        };
        check("slot1", "127.0.0.1:8000", Admin::Maint, true);
        check("slot1", "0.0.0.0:8000", Admin::Maint, true);
        check("slot1", "-", Admin::Maint, true);
        check("slot1", "172.20.0.9:8000", Admin::Maint, true);
        check("slot1", "172.20.0.2:8000", Admin::Maint, false);
        check("slot1", "10.0.0.9:8000", Admin::Maint, false);
        check("slot1", "172.20.0.9:8000", Admin::Ready, false);
        check("slot1", "127.0.0.1:8000", Admin::Drain, false);
        check("pb-3f2a", "172.20.0.9:8000", Admin::Maint, false);
        assert!(!is_free(
            &server("slot1", "172.20.0.9:8000", Admin::Maint),
            None
        ));
    }

    #[test]
    fn a_server_leads_to_the_container_of_its_address_or_name() {
        let mut one = container("web-1", Status::Running);
        one.address = "172.20.0.2".parse().ok();
        let check = |one: &Container, name, address, port, leads| {
            let server = server(name, address, Admin::Ready);
            assert_eq!(
                leads_to(&server, one, port),
                leads,
                "{name} {address} {port:?}"
            );
        };
        check(&one, "slot1", "172.20.0.2:8000", None, true);
        check(&one, "slot1", "172.20.0.3:8000", None, false);
        check(&one, "pb-000000000000", "172.20.0.3:8000", None, true);
        one.address = None;
        check(&one, "slot1", "172.20.0.2:8000", None, false);
        check(&one, "pb-000000000000", "172.20.0.3:8000", None, true);
        // On the host's network all containers have the same address.
        one.address = "127.0.0.1".parse().ok();
        check(&one, "slot1", "127.0.0.1:8000", Some(8000), true);
        check(&one, "slot1", "127.0.0.1:8000", Some(9000), false);
        check(&one, "slot1", "127.0.0.1:8000", None, false);
    }
}

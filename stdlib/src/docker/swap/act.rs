//! Does the actions that both primitives share.

use super::action::{Action, Told, Who};
use super::gate::Gate;
use super::serving::Serving;
use super::traffic::Traffic;
use crate::docker::container::{Container, Status};
use crate::docker::driver::DockerDriver;
use crate::docker::wanted::seconds;
use crate::docker::writer::{USUAL_GRACE, Writer};
use pb_core::{Failure, Permit, Result, World, code};
use serde_json::Value;
use std::net::SocketAddr;

/// What an action needs.
pub(crate) struct Act<'a> {
    pub(crate) world: &'a World,
    pub(crate) permit: &'a Permit,
    pub(crate) serving: &'a Serving<'a>,
}

impl Act<'_> {
    /// Does any action but pulling and creating, which need to know the recipe.
    pub(crate) async fn run(&self, action: &Action) -> Result<Value> {
        let engine = self.serving.docker;
        match action {
            Action::Pull { .. } | Action::Create { .. } => return Ok(Value::Null),
            Action::Start { container } => self.start(container).await?,
            Action::Check { container, healthy } => return self.check(container, *healthy).await,
            Action::Route { container } => self.route(container).await?,
            Action::Drain { container } => return self.drain(container).await,
            Action::Close { container } => self.close(container).await?,
            Action::Stop { container, .. } => return self.stop(container).await,
            Action::SetRestart { container, restart } => {
                self.writer()
                    .set_restart(engine, container.key(), restart)
                    .await?;
            }
            Action::Rename { container, to } => {
                self.writer().rename(engine, container.key(), to).await?;
            }
            Action::Remove { container } => self.writer().remove(engine, container.key()).await?,
            Action::Sweep { server, network } => self.sweep(server, network).await?,
        }
        Ok(Value::Null)
    }

    async fn start(&self, who: &Who) -> Result<()> {
        let engine = self.serving.docker;
        let Err(failure) = self.writer().start(engine, who.key()).await else {
            return Ok(());
        };
        // A start that failed leaves the container behind; one that was made for this is of no use to anybody.
        let left = self.find(who).await?;
        if who.id.is_none() && left.is_some_and(|c| c.status == Status::Created) {
            self.writer().remove(engine, who.key()).await?;
        }
        Err(failure)
    }

    async fn check(&self, who: &Who, ask: bool) -> Result<Value> {
        let container = self.get(who).await?;
        let at = match self.serving.health {
            Some(_) if ask && container.is_running() => Some(self.address(&container).await?),
            _ => None,
        };
        let gate = Gate::new(self.world.read(), self.serving, who, container).await?;
        gate.pass(at, ask).await
    }

    async fn route(&self, who: &Who) -> Result<()> {
        let container = self.get(who).await?;
        let at = self.address(&container).await?;
        match self.traffic(&container).await? {
            Some(traffic) => traffic.route(&container, at).await,
            None => Ok(()),
        }
    }

    async fn drain(&self, who: &Who) -> Result<Value> {
        let container = self.get(who).await?;
        match self.traffic(&container).await? {
            Some(traffic) => traffic.drain(who, &container).await,
            None => Ok(Value::Null),
        }
    }

    async fn close(&self, who: &Who) -> Result<()> {
        let container = self.get(who).await?;
        match self.traffic(&container).await? {
            Some(traffic) => traffic.close(&container).await,
            None => Ok(()),
        }
    }

    async fn sweep(&self, server: &str, network: &str) -> Result<()> {
        let Some(router) = self.serving.router else {
            return Ok(());
        };
        let traffic = Traffic {
            world: self.world,
            permit: self.permit,
            serving: self.serving,
            router,
            port: None,
        };
        traffic.sweep(server, network).await
    }

    async fn stop(&self, who: &Who) -> Result<Value> {
        let gone = self.world.read().clock().elapsed().as_secs_f64();
        let container = self.get(who).await?;
        let own = container.recipe.stop_grace.unwrap_or(USUAL_GRACE);
        let grace = self.serving.stop_grace.map_or(own, seconds);
        self.writer()
            .stop(self.serving.docker, who.key(), grace)
            .await?;
        Ok(Told::Gone(gone).value())
    }

    async fn traffic(&self, container: &Container) -> Result<Option<Traffic<'_>>> {
        let Some(router) = self.serving.router else {
            return Ok(None);
        };
        let port = match container.recipe.network.as_str() {
            "host" => self.address(container).await.ok().map(|at| at.port()),
            _ => self.serving.port,
        };
        Ok(Some(Traffic {
            world: self.world,
            permit: self.permit,
            serving: self.serving,
            router,
            port,
        }))
    }

    /// Where the container answers. Asked for whenever it is needed: a restart may have changed it.
    async fn address(&self, container: &Container) -> Result<SocketAddr> {
        let Some(address) = container.address else {
            let name = &container.name;
            let message = format!(
                "`{name}` has no address on the network `{}`",
                container.recipe.network
            );
            let failure = Failure::new(&code::DOCKER, message);
            return Err(failure.because(format!("it is {}", container.state())));
        };
        let port = match self.serving.port {
            Some(port) => port,
            None => {
                let docker = self.world.read().of::<DockerDriver>();
                let id = &container.recipe.image_id;
                let image = docker
                    .image(self.serving.docker, id)
                    .await?
                    .unwrap_or_default();
                let no_port = || self.serving.no_port(&container.image, &image.ports);
                self.serving.port_of(&image.ports).ok_or_else(no_port)?
            }
        };
        Ok(SocketAddr::new(address, port))
    }

    async fn get(&self, who: &Who) -> Result<Container> {
        self.find(who).await?.ok_or_else(|| {
            let message = format!("the container {who} is gone");
            Failure::new(&code::DOCKER, message).because("somebody else removed it meanwhile")
        })
    }

    async fn find(&self, who: &Who) -> Result<Option<Container>> {
        let read = self.world.read();
        let docker = read.of::<DockerDriver>();
        docker
            .container(self.serving.docker, read.vault(), who.key())
            .await
    }

    fn writer(&self) -> &Writer {
        self.world.of::<DockerDriver>(self.permit)
    }
}

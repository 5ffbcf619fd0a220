//! An engine and a router in memory, as far as a swap can tell them from real ones.

use super::action::{Action, Who};
use super::health::Health;
use super::scene::{Scene, Seen};
use crate::docker::container::{Container, Status, label};
use crate::docker::name::ContainerName;
use crate::docker::port::port;
use crate::docker::recipe::Recipe;
use crate::docker::restart::Restart;
use crate::docker::swap_facts::{Facts, FoundImage};
use crate::docker::testing::container;
use crate::docker::wanted::Wanted;
use crate::haproxy::{Admin, Check, Server};
use std::net::{IpAddr, SocketAddr};

pub(super) const PORT: u16 = 8000;

/// Docker and HAProxy, with everything that `web-1` has there.
#[derive(Clone)]
pub(super) struct Model {
    pub(super) containers: Vec<Container>,
    pub(super) servers: Vec<Server>,
    /// Ids of the containers that answer well.
    pub(super) well: Vec<String>,
    pub(super) router: bool,
    /// The fixed port that recipes publish.
    pub(super) published: Option<&'static str>,
    /// Whether it is wanted that nothing serves in the end.
    pub(super) may_end: bool,
    made: usize,
}

pub(super) fn name() -> ContainerName {
    ContainerName::try_from("web-1".to_owned()).expect("a name")
}

impl Model {
    pub(super) fn new(router: bool) -> Self {
        let slot = |n| Server {
            name: format!("slot{n}"),
            address: Some(SocketAddr::from(([127, 0, 0, 1], PORT))),
            admin: Admin::Maint,
            check: Check::Down,
            sessions: 0,
        };
        Self {
            containers: vec![],
            servers: (1..=3).map(slot).collect(),
            well: vec![],
            router,
            published: None,
            may_end: false,
            made: 0,
        }
    }

    pub(super) fn recipe(&self, image: &str) -> Recipe {
        Recipe {
            image_id: image.into(),
            ports: self.published.iter().map(|text| port(text)).collect(),
            network: "bridge".into(),
            restart: Restart::UnlessStopped,
            ..Recipe::default()
        }
    }

    /// Makes a container that serves under the name.
    pub(super) fn serve(&mut self, image: &str) -> String {
        let id = self.create("web-1", image);
        let who = Who::new("web-1".into());
        self.start(&who);
        self.well.push(id.clone());
        if self.router {
            self.route(&who);
        }
        id
    }

    pub(super) fn create(&mut self, name: &str, image: &str) -> String {
        assert!(
            self.containers.iter().all(|c| c.name != name),
            "`{name}` is in use"
        );
        self.made += 1;
        let id = format!("{:012x}{:052x}", self.made, 0);
        self.containers.push(Container {
            id: id.clone(),
            image: image.into(),
            recipe: self.recipe(image),
            labels: [(label::NAME.into(), "web-1".into())].into(),
            ..container(name, Status::Created)
        });
        id
    }

    pub(super) fn get(&mut self, who: &Who) -> &mut Container {
        let key = who.key();
        let found = self
            .containers
            .iter_mut()
            .find(|c| c.id == key || c.name == key);
        found.unwrap_or_else(|| panic!("there is no {who}"))
    }

    pub(super) fn apply(&mut self, action: &Action) {
        match action {
            Action::Pull { .. } => {}
            Action::Create { name, image, .. } => drop(self.create(name, image)),
            Action::Start { container } => self.start(container),
            Action::Check { container, .. } => {
                let id = self.get(container).id.clone();
                self.well.push(id);
            }
            Action::Route { container } => self.route(container),
            Action::Drain { container } => self.set(container, Admin::Drain),
            Action::Close { container } => self.set(container, Admin::Maint),
            Action::Stop { container, .. } => self.stop(container),
            Action::SetRestart { container, restart } => {
                self.get(container).recipe.restart = restart.clone();
            }
            Action::Rename { container, to } => {
                assert!(
                    self.containers.iter().all(|c| c.name != *to),
                    "`{to}` is in use"
                );
                self.get(container).name.clone_from(to);
            }
            Action::Remove { container } => {
                let seen = self.get(container);
                assert!(!seen.is_running(), "{container} runs");
                let id = seen.id.clone();
                self.containers.retain(|c| c.id != id);
            }
            Action::Sweep { server, .. } => {
                let server = self.servers.iter_mut().find(|s| s.name == *server);
                server.expect("it is there").admin = Admin::Maint;
            }
        }
    }

    fn start(&mut self, who: &Who) {
        // Addresses are used again at once: the lowest that is free.
        let free = |n: &u8| {
            self.containers
                .iter()
                .all(|c| c.address != Some(address(*n)))
        };
        let given = (2..).find(free).expect("a free address");
        let taken = self.published.is_some() && self.containers.iter().any(Container::is_running);
        assert!(!taken, "the port is taken");
        let container = self.get(who);
        container.status = Status::Running;
        container.address = Some(address(given));
    }

    pub(super) fn stop(&mut self, who: &Who) {
        let at = self.get(who).address;
        let open = |s: &Server| s.admin != Admin::Maint && s.address.map(|a| a.ip()) == at;
        assert!(
            !self.servers.iter().any(open),
            "{who} is stopped while requests go there"
        );
        self.end(who);
    }

    /// The container ends, by itself or not.
    pub(super) fn end(&mut self, who: &Who) {
        let made = self.made;
        let container = self.get(who);
        container.status = Status::Exited;
        container.address = None;
        container.ended = format!("{made:04}");
        let id = container.id.clone();
        self.well.retain(|well| *well != id);
    }

    fn route(&mut self, who: &Who) {
        let at = SocketAddr::new(self.get(who).address.expect("it runs"), PORT);
        let used: Vec<_> = self.containers.iter().filter_map(|c| c.address).collect();
        let known = self.servers.iter().position(|s| s.address == Some(at));
        let free = self.servers.iter().position(|s| {
            s.admin == Admin::Maint && s.address.is_none_or(|a| !used.contains(&a.ip()))
        });
        let server = &mut self.servers[known.or(free).expect("a free server")];
        server.address = Some(at);
        server.admin = Admin::Ready;
    }

    fn set(&mut self, who: &Who, admin: Admin) {
        let at = self.get(who).address;
        for server in self
            .servers
            .iter_mut()
            .filter(|s| s.address.map(|a| a.ip()) == at)
        {
            server.admin = admin;
        }
    }

    /// Forgets what was set at runtime, as HAProxy does when it is restarted.
    pub(super) fn restart_router(&mut self) {
        self.servers = Self::new(true).servers;
    }

    pub(super) fn facts(&self, image: &str) -> Facts {
        let recipe = self.recipe(image);
        Facts {
            scene: self.scene(),
            image: Some(FoundImage {
                digest: image.into(),
                exposed: vec![PORT],
                has_healthcheck: true,
            }),
            wanted: Some(Wanted {
                hash: recipe.hash(),
                recipe,
            }),
            stale: false,
            network_there: true,
            env_file: None,
        }
    }

    pub(super) fn scene(&self) -> Scene {
        let seen = |container: &Container| {
            let role = name().role(&container.name, &container.id)?;
            let well = self.well.contains(&container.id);
            let health = match (container.is_running(), well) {
                (false, _) => Health::Unknown,
                (true, true) => Health::Well,
                (true, false) => Health::Ill("503".into()),
            };
            Some(Seen {
                role,
                container: container.clone(),
                port: Some(PORT),
                health,
            })
        };
        let mut containers: Vec<_> = self.containers.iter().filter_map(seen).collect();
        containers.sort_by(|a, b| b.container.ended.cmp(&a.container.ended));
        Scene {
            containers,
            servers: self.router.then(|| self.servers.clone()),
            network: "bridge".into(),
            dead: match self.router {
                true => self.dead(),
                false => vec![],
            },
        }
    }

    fn dead(&self) -> Vec<String> {
        let used: Vec<_> = self.containers.iter().filter_map(|c| c.address).collect();
        let open = self.servers.iter().filter(|s| s.admin != Admin::Maint);
        let dead = open.filter(|s| s.address.is_none_or(|a| !used.contains(&a.ip())));
        dead.map(|s| s.name.clone()).collect()
    }

    /// Whether requests are answered, and only by containers that are well.
    pub(super) fn serves(&self) -> bool {
        let ready = self.servers.iter().filter(|s| s.admin == Admin::Ready);
        let mut led: Vec<_> = vec![];
        for server in ready {
            let at = server.address.map(|a| a.ip());
            led.push(
                self.containers
                    .iter()
                    .any(|c| c.address == at && self.well.contains(&c.id)),
            );
        }
        !led.is_empty() && led.iter().all(|well| *well)
    }

    /// Every container by name, image and state, in the order of names.
    pub(super) fn shown(&self) -> Vec<String> {
        let show = |c: &Container| {
            let to =
                |s: &&Server| s.admin == Admin::Ready && s.address.map(|a| a.ip()) == c.address;
            let routed = c.is_running() && self.servers.iter().any(|s| to(&s));
            let routed = if routed { ", routed" } else { "" };
            let name = c.name.replace("00000000000", "");
            format!("{name}: {} {}{routed}", c.image, c.state())
        };
        let mut shown: Vec<_> = self.containers.iter().map(show).collect();
        shown.sort();
        shown
    }
}

fn address(n: u8) -> IpAddr {
    IpAddr::from([172, 17, 0, n])
}

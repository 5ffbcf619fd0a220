//! A web tier: containers behind a HAProxy of its own.

use crate::kernel::{self, Kernel, docker, once};
use crate::support::docker::{Container, Docker};
use crate::support::haproxy::Haproxy;
use crate::support::image::Image;
use crate::support::need;
use crate::support::stage::Stage;
use pb_core::Failure;
use serde_json::{Value, json};
use std::time::Duration;

/// An engine, a router, and images of the demo's service.
pub(crate) struct Tier {
    pub(crate) docker: &'static Docker,
    pub(crate) haproxy: Haproxy,
    pub(crate) stage: Stage<'static>,
}

impl Tier {
    /// `None` where Docker or HAProxy is not there.
    pub(crate) fn new(name: &str) -> Option<Self> {
        let docker = need::docker()?;
        let (haproxy, stage) = (need::haproxy()?, Stage::new(docker, name));
        // Addresses are used again at once, on the default bridge by the containers of anybody.
        docker.run(&["network", "create", &stage.name("net")]);
        Some(Self {
            docker,
            haproxy,
            stage,
        })
    }

    /// The demo's service at a version, ready after half a second.
    pub(crate) fn image(&self, tag: &str) -> String {
        let image = Image::web(tag)
            .env("READY_AFTER_MS", "500")
            .env("DRAIN_MS", "200");
        image.import(self.docker)
    }

    pub(crate) fn router(&self) -> Value {
        let socket = format!("unix:{}", self.haproxy.socket().display());
        kernel::handle(
            "haproxy",
            "router",
            json!({ "haproxy": socket, "backend": "web" }),
        )
    }

    /// Arguments of `swap_container` behind the router.
    pub(crate) fn args(&self, short: &str, image: &str, more: Value) -> Value {
        let health = json!({ "path": "/health/", "deadline": "20s" });
        let mut args =
            json!({ "name": self.stage.name(short), "image": image, "docker": docker() });
        args["health"] = health;
        args["network"] = self.stage.name("net").into();
        args["router"] = self.router();
        for (key, value) in more.as_object().unwrap() {
            args[key] = value.clone();
        }
        // `()` leaves an option out.
        args.as_object_mut()
            .unwrap()
            .retain(|_, value| !value.is_null());
        args
    }

    pub(crate) async fn swap(&self, short: &str, image: &str) -> Result<Value, Failure> {
        once("swap_container", self.args(short, image, json!({}))).await
    }

    /// Swaps several at the same time, in one run.
    pub(crate) async fn swap_all(&self, shorts: &[&str], image: &str) -> Vec<Value> {
        let kernel = Kernel::open().await;
        let swaps = shorts
            .iter()
            .map(|short| kernel.call("swap_container", self.args(short, image, json!({}))));
        let results = futures_util::future::join_all(swaps).await;
        results.into_iter().map(|result| result.unwrap()).collect()
    }

    /// Short names, images and states of all containers; ids as stars.
    pub(crate) fn shown(&self) -> Vec<String> {
        let shown = |c: Container| {
            let name = match c.name.rsplit_once('.') {
                Some((name, id)) if id.len() == 12 => format!("{name}.*"),
                _ => c.name,
            };
            let image = c.image.rsplit(':').next().unwrap().to_owned();
            format!("{name} {image} {}", c.state)
        };
        let mut all: Vec<_> = self.stage.containers().into_iter().map(shown).collect();
        all.sort();
        all
    }

    /// The addresses that the router sends requests to, as long as its own check finds them well.
    pub(crate) fn routed(&self) -> Vec<String> {
        let closed = ["MAINT", "DRAIN"];
        let servers = self.haproxy.servers().into_iter();
        let open = servers.filter(|s| !closed.contains(&s.status.as_str()));
        let mut open: Vec<_> = open.map(|s| s.address).collect();
        open.sort();
        open
    }

    /// Where a container answers.
    pub(crate) fn address(&self, short: &str) -> String {
        let template = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}";
        format!(
            "{}:8000",
            self.docker.inspect(&self.stage.name(short), template)
        )
    }

    pub(crate) fn id(&self, short: &str) -> String {
        self.docker.inspect(&self.stage.name(short), "{{.Id}}")
    }
}

/// What breaks late is counted as well.
pub(crate) async fn aftermath() {
    tokio::time::sleep(Duration::from_secs(1)).await;
}

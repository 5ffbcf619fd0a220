//! A web tier behind HAProxy with its database, and all that can be seen of it.

use super::log::EVERYTHING;
use crate::support::checkout;
use crate::support::docker::Docker;
use crate::support::haproxy::Haproxy;
use crate::support::image::Image;
use crate::support::need;
use crate::support::outcome::Outcome;
use crate::support::pb::Pb;
use crate::support::postgres::Postgres;
use crate::support::stage::Stage;
use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

/// Columns of `show servers state` that no clock and no check moves: name, address, states, weights, port.
const STEADY: [usize; 7] = [3, 4, 5, 6, 7, 8, 18];

pub(super) struct Tier {
    pub(super) docker: &'static Docker,
    pub(super) haproxy: Haproxy,
    pub(super) postgres: Postgres,
    pub(super) stage: Stage<'static>,
    pub(super) images: [String; 2],
    pub(super) broken: String,
    pub(super) pb: Pb,
}

impl Tier {
    /// Two containers' names, none of which is there yet; `name` is the test's own.
    pub(super) fn new(name: &str) -> Option<Tier> {
        let (docker, haproxy) = (need::docker()?, need::haproxy()?);
        let postgres = need::own_postgres(&EVERYTHING)?;
        let stage = Stage::new(docker, name);
        let url = postgres.fresh_database("shop").url();
        let toml = format!(
            "[env.local]\ndatabase = {{ postgres = \"{url}\" }}\ndocker = {{ docker = \"{}\" }}\n\
             router = {{ haproxy = \"unix:{}\", backend = \"web\" }}\nurl = \"{}\"\nweb = [\"{}\", \"{}\"]\n",
            docker.host(),
            haproxy.socket().display(),
            haproxy.url(),
            stage.name("web-1"),
            stage.name("web-2"),
        );
        let rolling = fs::read_to_string(checkout::root().join("playbooks/rolling.rhai")).unwrap();
        let pb = Pb::new()
            .env("USER", "dana")
            .toml(&toml)
            .file("rolling.rhai", &rolling)
            .file(
                "migrations/0001_orders.sql",
                "CREATE TABLE orders (id int);\n",
            )
            .file("migrations/0001_orders.down.sql", "DROP TABLE orders;\n");
        Some(Tier {
            images: ["planned-1.0", "planned-2.0"].map(|tag| Image::web(tag).import(docker)),
            broken: Image::web("broken").import(docker),
            docker,
            haproxy,
            postgres,
            stage,
            pb,
        })
    }

    /// Dump, containers, images, networks and volumes with their ids, and what HAProxy does.
    pub(super) fn seen(&self) -> String {
        let ours = format!("name=^{}", self.stage.name(""));
        let images = format!("reference={}/web:planned*", self.docker.prefix());
        let state = self.haproxy.command("show servers state web");
        let servers = state
            .lines()
            .filter(|line| !line.starts_with('#'))
            .map(|line| {
                let columns: Vec<_> = line.split(' ').collect();
                let steady = STEADY.iter().filter_map(|column| columns.get(*column));
                steady.copied().collect::<Vec<_>>().join(" ") + "\n"
            });
        let format = "{{.ID}} {{.Names}} {{.Image}} {{.State}} {{.Networks}} {{.Mounts}}";
        let listed: &[&[&str]] = &[
            &[
                "ps",
                "-a",
                "--no-trunc",
                "--filter",
                &ours,
                "--format",
                format,
            ],
            &[
                "image",
                "ls",
                "--no-trunc",
                "--filter",
                &images,
                "--format",
                "{{.ID}} {{.Tag}}",
            ],
            &["network", "ls", "--no-trunc", "--filter", &ours],
            &["volume", "ls", "--filter", &ours],
        ];
        let listed = listed.iter().map(|args| {
            let text = self.docker.run(args);
            let mut rows: Vec<_> = text.lines().collect();
            rows.sort_unstable();
            rows.join("\n") + "\n"
        });
        let listed: String = listed.chain(servers).collect();
        format!("{listed}{}", self.postgres.dump("shop"))
    }

    /// What Docker's events tell of the stage while that is done.
    pub(super) fn events<T>(&self, work: impl FnOnce() -> T) -> (T, Vec<String>) {
        let now = || {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
            format!("{}.{:09}", now.as_secs(), now.subsec_nanos())
        };
        let since = now();
        let done = work();
        let format = "{{.Type}} {{.Action}} {{json .Actor.Attributes}}";
        let until = now();
        let told = self.docker.run(&[
            "events", "--since", &since, "--until", &until, "--format", format,
        ]);
        let ours = self.stage.name("");
        let ours = told.lines().filter(|line| line.contains(&ours));
        (done, ours.map(str::to_owned).collect())
    }

    /// An output without names and ports of this process.
    pub(super) fn redacted(&self, outcome: Outcome) -> Outcome {
        outcome
            .hide(&self.stage.name(""), "")
            .hide(self.docker.prefix(), "<prefix>")
            .hide_plans()
    }
}

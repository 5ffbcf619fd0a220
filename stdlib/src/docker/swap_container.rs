//! `swap_container`: a container of another image takes the place of the one that serves, without losing a request.

use super::driver::DockerDriver;
use super::env_file;
use super::image_name::untagged;
use super::make;
use super::network;
use super::pull::find_image;
use super::restore_container::{self, RestoreContainer};
use super::swap::{
    Act, Action, Goal, Health, Plan, Scene, Was, effect, gap, open_requests, unchecked,
};
use super::swap_args::Args;
use super::swap_facts::{Facts, FoundImage};
use super::swap_outlook::{self, image_of, shown};
use crate::known::Known;
use pb_core::finding::{Complaint, Standing};
use pb_core::{
    Class, Decision, Effect, Permit, Primitive, Readers, Result, Subject, Survey, Undo, World,
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

/// Lets a container of another image take the place of the one that serves.
pub struct SwapContainer;

/// What was swapped.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Out {
    /// The image that ran before; `()` where nothing was.
    pub from: Option<String>,
    /// The image that runs now.
    pub to: String,
    /// The digest of that image.
    pub digest: String,
    /// Seconds in which neither the old nor the new container served; 0 unless the old one had to stop first.
    pub gap: f64,
    /// Requests that were still open when `drain` had passed.
    pub open: u64,
    /// `healthy`, or `unchecked` where nothing tells.
    pub health: String,
}

impl Primitive for SwapContainer {
    type Args = Args;
    type Facts = Facts;
    type Action = Action;
    type Out = Out;

    const NAME: &'static str = "swap_container";
    const CLASS: Class = Class::Ensure;
    const DOC: &'static str = "\
Lets a container of another image take the place of the one that serves, without losing a request.

The new container is made as `NAME.next`, started, and waited for until it is healthy; only then requests go to it. The old one
gets no new requests, is waited for until it has none open (at most `drain`), is stopped, and is kept as `NAME.` and the first
letters of its id, to go back to. Until the new one is healthy the old one is not touched. Where both need the same port of the
host, the old one has to stop first, and `gap` tells for how long nothing served.

A container is as wanted when its image, environment, ports, volumes, network, labels, command, restart policy and grace are, it
runs, it is healthy and the router sends requests to it: then nothing is done. One that was made by hand under that name is
compared in the same way and, where it differs, replaced and kept like any other. A router that was restarted has forgotten
everything: it is set right from what runs.

Running is not healthy. Without `health`, and without a HEALTHCHECK in the image, nothing tells: the new container has to stay up
for a second, and the result says `unchecked`.

Shape: `#{ changed, from, to, digest, gap, open, health, took }`; `gap` in seconds, `open` the number of requests that were still
open when `drain` had passed.

Errors: `PB0042` when it did not become healthy, `PB0403` at once when it ended instead, both with its state and the last lines of
its log; `PB0402` for an image that is not there, `PB0404` for a port and `PB0405` for a name that something else has, `PB0406`
when the port is not told, `PB0410` and `PB0411` for the router, `PB0043` for a server that cannot be reached, `PB0401` for
whatever else Docker refuses, `PB0012` for the `env_file`. The text of that file is kept in the journal: write secrets in it as
references.

Effect: reversible: `restore_container` starts the old container again and removes the new one.

Source: Docker Engine API 1.41; HAProxy 2.6 Management Guide, 9.3.";
    const EXAMPLE: &'static str = "\
swap_container(\"web-1\", #{ image: \"shop:2.0\", health: #{ path: \"/health/\" }, router: target.router, drain: \"10s\" });";

    async fn observe(&self, read: &Readers, args: &Args) -> Result<Facts> {
        let engine = &args.docker.0;
        let begun = read.begun_with::<Facts>()?.map(|facts| facts.env_file);
        let env_file = env_file::kept(read, args.env_file.as_deref(), begun).await?;
        let text = env_file.as_ref().map(|file| read.kept_file(file));
        let lines = args.lines(text.transpose()?.as_deref())?;
        let recipes = args.recipes(&lines);
        recipes.check()?;
        let (image, stale) = find_image(read, engine, &args.image, args.pull).await?;
        let network = recipes.network();
        let network_there = network::is_there(read, engine, &network).await?;
        let wanted = image
            .as_ref()
            .map(|image| recipes.wanted(image, read.vault()))
            .transpose()?;
        let scene = Scene::observe(read, &args.serving(), Some(&network)).await?;
        Ok(Facts {
            scene,
            image: image.map(FoundImage::of),
            wanted,
            stale,
            network_there,
            env_file,
        })
    }

    fn decide(&self, args: &Args, facts: &Facts) -> Result<Decision<Action>> {
        if let Some(failure) = facts.obstacle(args) {
            return Err(failure);
        }
        let goal = facts.goal();
        let image = facts.image.as_ref().filter(|_| !facts.stale);
        let plan = Plan {
            scene: &facts.scene,
            serving: &args.serving(),
            goal: goal.map_or(Goal::Make, |seen| Goal::Have(seen, Was::Healthy)),
            ports: &args.ports.iter().cloned().collect(),
            network: &args.recipes(&[]).network(),
            restart: &args.restart,
            make: args.make(facts),
            telling: args.health.is_some() || image.is_none_or(|image| image.has_healthcheck),
            keep: Some(args.keep as usize),
        };
        Ok(plan.decide())
    }

    fn effect(&self, _: &Args, action: &Action) -> Effect {
        effect(action)
    }

    async fn act(
        &self,
        world: &World,
        permit: &Permit,
        args: &Args,
        action: &Action,
    ) -> Result<Value> {
        let engine = &args.docker.0;
        let writer = world.of::<DockerDriver>(permit);
        match action {
            Action::Pull { image } => {
                let said = |here, all| {
                    let read = world.read();
                    read.progress_of(format!("pulling `{image}`"), here, all);
                };
                writer.pull(engine, image, said).await?;
            }
            Action::Create { name, env_file, .. } => {
                make::create(world, permit, args, name, env_file.as_ref()).await?;
            }
            _ => {
                let serving = &args.serving();
                let act = Act {
                    world,
                    permit,
                    serving,
                };
                return act.run(action).await;
            }
        }
        Ok(Value::Null)
    }

    fn result(
        &self,
        args: &Args,
        before: &Facts,
        after: &Facts,
        outcomes: &[Value],
    ) -> Result<Out> {
        let (old, new) = (before.scene.current(), after.scene.current());
        let digest = after.image.as_ref().map(|image| image.digest.clone());
        let healthy = new.is_some_and(|seen| seen.health == Health::Well) && !unchecked(outcomes);
        let (from, to) = match new {
            Some(new) => shown(old.map(image_of), image_of(new)),
            None => (
                old.map(|seen| seen.container.image.clone()),
                args.image.to_string(),
            ),
        };
        Ok(Out {
            from,
            to,
            digest: digest.unwrap_or_default(),
            gap: gap(outcomes),
            open: open_requests(outcomes),
            health: if healthy { "healthy" } else { "unchecked" }.into(),
        })
    }

    fn foresee(&self, args: &Args, before: &Facts, actions: &[&Action]) -> Map<String, Value> {
        swap_outlook::foresee(args, before, actions)
    }

    async fn survey(
        &self,
        _: &Readers,
        args: &Args,
        before: &Facts,
        actions: &[&Action],
    ) -> Result<Survey> {
        Ok(swap_outlook::survey(args, before, actions))
    }

    fn undo(&self, args: &Args, before: &Facts) -> Undo {
        let old = before.scene.current();
        let was = match old {
            None => Was::Absent,
            Some(seen) if !seen.is_running() => Was::Stopped,
            Some(seen) if seen.health == Health::Well => Was::Healthy,
            Some(_) => Was::Running,
        };
        Undo::call::<RestoreContainer>(&restore_container::Args {
            name: args.name.clone(),
            container: old
                .map(|seen| seen.container.id.clone())
                .unwrap_or_default(),
            image: old.map(|seen| seen.container.image.clone()),
            was,
            restart: old.map(|seen| seen.container.recipe.restart.clone()),
            port: args.port,
            health: args.health.clone(),
            router: args.router.clone(),
            drain: args.drain,
            stop_grace: args.stop_grace,
            docker: args.docker.clone(),
        })
    }

    fn subjects(&self, args: &Args) -> Vec<Subject> {
        vec![Subject::new("container", args.name.as_str())]
    }

    fn inspect(&self, known: &Map<String, Value>, _: &Standing<'_>) -> Vec<Complaint> {
        untagged(Known(known)).into_iter().collect()
    }

    fn summary(&self, _: &Args, out: &Value) -> String {
        let new = out["to"].as_str().unwrap_or_default();
        let old = out["from"].as_str().filter(|old| *old != new);
        let gap = out["gap"].as_f64().unwrap_or_default() * 1000.0;
        let open = out["open"].as_u64().unwrap_or_default();
        let health = if out["health"] == "healthy" {
            ""
        } else {
            ", health unchecked"
        };
        let images = match (old, out["from"].is_null()) {
            (Some(old), _) => format!("{old} → {new}, gap {gap:.0} ms"),
            (None, true) => format!("nothing → {new}"),
            (None, false) => new.to_owned(),
        };
        let cut = match open {
            0 => String::new(),
            open => format!(", {open} requests still open when stopped"),
        };
        format!("{images}{cut}{health}")
    }

    fn state(&self, args: &Args, facts: &Facts) -> Option<String> {
        Some(facts.scene.state(&args.name))
    }
}

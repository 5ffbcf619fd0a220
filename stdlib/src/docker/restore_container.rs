//! `restore_container`: a container that was replaced serves again, and the one in its place goes.

use super::container::short;
use super::driver::Docker;
use super::name::ContainerName;
use super::restart::Restart;
use super::swap::{
    Act, Action, Goal, Outlook, Plan, Scene, Seen, Serving, Was, effect, gap, open_requests,
};
use crate::haproxy::Router;
use crate::http::HealthOptions;
use pb_core::spec::position;
use pb_core::{
    Class, Decision, Effect, Failure, HandleOf, Permit, Primitive, Readers, Result, Span, Subject,
    Survey, Undo, World, code,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Lets a container that was replaced serve again.
pub struct RestoreContainer;

/// Which container, and how requests come and go.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Args {
    /// The name under which the container served.
    #[schemars(transform = position::<0>)]
    pub name: ContainerName,
    /// The container to go back to: its id, or the name under which it is kept.
    #[schemars(transform = position::<1>)]
    pub container: String,
    /// The image that it runs, for the error when it is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// What it is brought back to: `absent` removes whatever has the name now.
    #[serde(default)]
    pub was: Was,
    /// The restart policy that it had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restart: Option<Restart>,
    /// Its port that serves; left out, the only one that its image exposes.
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
    /// How long a container has between SIGTERM and SIGKILL; left out, what it was made with, or 10 seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_grace: Option<Span>,
    /// The engine.
    pub docker: HandleOf<Docker>,
}

fn half_a_minute() -> Span {
    Span::seconds(30)
}

/// What serves again.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Out {
    /// The image that ran before; `()` where nothing was.
    pub from: Option<String>,
    /// The image that runs now; `()` where nothing does.
    pub to: Option<String>,
    /// Seconds in which neither container served.
    pub gap: f64,
    /// Requests that were still open when `drain` had passed.
    pub open: u64,
}

impl Args {
    fn serving(&self) -> Serving<'_> {
        Serving {
            name: &self.name,
            docker: &self.docker.0,
            router: self.router.as_ref().map(|router| &router.0),
            // What was not well before is not waited for.
            health: self.health.as_ref().filter(|_| self.was == Was::Healthy),
            port: self.port,
            drain: self.drain,
            stop_grace: self.stop_grace,
        }
    }

    fn id(&self) -> &str {
        let kept = self.container.strip_prefix(self.name.as_str());
        kept.and_then(|rest| rest.strip_prefix('.'))
            .unwrap_or(&self.container)
    }

    fn goal<'a>(&self, scene: &'a Scene) -> Result<Goal<'a>> {
        if self.was == Was::Absent {
            return Ok(Goal::Gone);
        }
        // Fewer letters could mean another one.
        let id = Some(self.id()).filter(|id| id.len() >= 12);
        let is_it = |seen: &&Seen| id.is_some_and(|id| seen.container.id.starts_with(id));
        match scene.containers.iter().find(is_it) {
            Some(seen) => Ok(Goal::Have(seen, self.was)),
            None => Err(self.gone(scene)),
        }
    }

    fn coming<'a>(&self, scene: &'a Scene) -> Option<&'a Seen> {
        match self.goal(scene) {
            Ok(Goal::Have(seen, _)) => Some(seen),
            Ok(Goal::Make | Goal::Gone) | Err(_) => None,
        }
    }

    fn gone(&self, scene: &Scene) -> Failure {
        let (name, id) = (&self.name, short(self.id()));
        let message = format!("`{name}` cannot go back: its container `{id}` is gone");
        let failure = Failure::new(&code::DOCKER, message).because("it is not kept any more");
        let failure = failure.state(scene.state(name));
        match &self.image {
            Some(image) => failure.hint(format!(
                "swap_container(\"{name}\", #{{ image: \"{image}\", … }})"
            )),
            None => failure,
        }
    }
}

impl Primitive for RestoreContainer {
    type Args = Args;
    type Facts = Scene;
    type Action = Action;
    type Out = Out;

    const NAME: &'static str = "restore_container";
    const CLASS: Class = Class::Ensure;
    const DOC: &'static str = "\
Lets a container that `swap_container` had replaced serve again, and removes the one in its place.

It is started again as it is, with its old environment and files: nobody needs to know its secrets. It is waited for until it is
healthy, then it gets requests; the other one is drained, stopped and removed. This is also how a swap is undone.

Shape: `#{ changed, from, to, gap, open, took }`; `gap` in seconds.

Errors: `PB0401` when the container is gone; those of `swap_container` otherwise.

Effect: the container in its place is removed, so there is no way back but another swap.

Source: Docker Engine API 1.41; HAProxy 2.6 Management Guide, 9.3.";
    const EXAMPLE: &'static str = "\
restore_container(\"web-1\", \"web-1.3f2a9c0d1e2f\", #{ health: #{ path: \"/health/\" }, router: target.router });";

    async fn observe(&self, read: &Readers, args: &Args) -> Result<Scene> {
        Scene::observe(read, &args.serving(), None).await
    }

    fn decide(&self, args: &Args, scene: &Scene) -> Result<Decision<Action>> {
        let goal = args.goal(scene)?;
        let seen = match goal {
            Goal::Have(seen, _) => Some(seen),
            Goal::Make | Goal::Gone => None,
        };
        let recipe = seen
            .map(|seen| seen.container.recipe.clone())
            .unwrap_or_default();
        let plan = Plan {
            scene,
            serving: &args.serving(),
            goal,
            ports: &recipe.ports,
            network: &recipe.network,
            restart: args.restart.as_ref().unwrap_or(&recipe.restart),
            make: vec![],
            telling: args.health.is_some() || seen.is_some_and(|s| s.container.health.is_some()),
            keep: None,
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
        let serving = &args.serving();
        let act = Act {
            world,
            permit,
            serving,
        };
        act.run(action).await
    }

    fn result(&self, _: &Args, before: &Scene, after: &Scene, outcomes: &[Value]) -> Result<Out> {
        let image = |scene: &Scene| scene.current().map(|seen| seen.container.image.clone());
        Ok(Out {
            from: image(before),
            to: image(after),
            gap: gap(outcomes),
            open: open_requests(outcomes),
        })
    }

    fn foresee(&self, args: &Args, before: &Scene, actions: &[&Action]) -> Map<String, Value> {
        let serving = &args.serving();
        let outlook = Outlook {
            scene: before,
            serving,
            actions,
        };
        let mut told = outlook.foresee();
        let image = |seen: Option<&Seen>| seen.map(|seen| seen.container.image.clone());
        told.insert("from".into(), image(before.current()).into());
        told.insert("to".into(), image(args.coming(before)).into());
        told
    }

    async fn survey(
        &self,
        _: &Readers,
        args: &Args,
        before: &Scene,
        actions: &[&Action],
    ) -> Result<Survey> {
        let serving = &args.serving();
        let outlook = Outlook {
            scene: before,
            serving,
            actions,
        };
        let image = |seen: &'_ Seen| seen.container.image.clone();
        let (from, to) = (before.current().map(image), args.coming(before).map(image));
        Ok(outlook.survey(from.as_deref(), to.as_deref()))
    }

    fn undo(&self, _: &Args, _: &Scene) -> Undo {
        Undo::none("the container that it replaced was removed")
    }

    fn subjects(&self, args: &Args) -> Vec<Subject> {
        vec![Subject::new("container", args.name.as_str())]
    }

    fn summary(&self, _: &Args, out: &Value) -> String {
        match (out["from"].as_str(), out["to"].as_str()) {
            (Some(old), Some(new)) if old != new => format!("{old} → {new}"),
            (_, Some(new)) => new.into(),
            (Some(old), None) => format!("{old} → nothing"),
            (None, None) => String::new(),
        }
    }

    fn state(&self, args: &Args, scene: &Scene) -> Option<String> {
        Some(scene.state(&args.name))
    }
}

//! What a plan tells of a swap: images, traffic, waits, and as much of the result as is certain.

use super::action::{Action, Who};
use super::scene::Scene;
use super::serving::Serving;
use crate::docker::wanted::seconds;
use crate::docker::writer::USUAL_GRACE;
use crate::http::CheckOptions;
use pb_core::{Span, Survey};
use serde_json::{Map, Value};

/// What a plan tells of these actions.
pub(crate) struct Outlook<'a> {
    pub(crate) scene: &'a Scene,
    pub(crate) serving: &'a Serving<'a>,
    pub(crate) actions: &'a [&'a Action],
}

impl Outlook<'_> {
    /// `gap` and `open`, where they are certain.
    pub(crate) fn foresee(&self) -> Map<String, Value> {
        let mut told = Map::new();
        if self.stopped_first().is_none() {
            told.insert("gap".into(), 0.0.into());
        }
        if !self
            .actions
            .iter()
            .any(|action| matches!(action, Action::Drain { .. }))
        {
            told.insert("open".into(), 0.into());
        }
        told
    }

    /// The images from and to, where requests go and what is waited for.
    pub(crate) fn survey(&self, from: Option<&str>, to: Option<&str>) -> Survey {
        let mut survey = Survey::default();
        let shown = |image: Option<&str>| image.unwrap_or("nothing").to_owned();
        survey.details.push(match from == to {
            true => format!("image {}, as before", shown(to)),
            false => format!("image {} → {}", shown(from), shown(to)),
        });
        let pulled = self
            .actions
            .iter()
            .any(|action| matches!(action, Action::Pull { .. }));
        if pulled {
            survey.details.push("the image is pulled".into());
        }
        survey.details.extend(self.traffic());
        if self
            .actions
            .iter()
            .any(|action| matches!(action, Action::Start { .. }))
        {
            survey.details.push(match self.stopped_first() {
                Some(who) => format!(
                    "nothing serves between the stop of {who} and the start: both need its port"
                ),
                None => "no gap".into(),
            });
        }
        let waits = self.waits();
        if !waits.is_empty() {
            survey.details.push(format!("waits: {}", waits.join(", ")));
        }
        survey
    }

    fn stopped_first(&self) -> Option<&Who> {
        self.actions.iter().find_map(|action| match action {
            Action::Stop {
                container,
                first: true,
            } => Some(container),
            _ => None,
        })
    }

    /// Which servers of the router lose their container, and that the new one gets requests.
    fn traffic(&self) -> Option<String> {
        self.serving.router?;
        let routed = self
            .actions
            .iter()
            .any(|action| matches!(action, Action::Route { .. }));
        let mut leave = vec![];
        for action in self.actions {
            let (Action::Drain { container } | Action::Close { container }) = action else {
                continue;
            };
            let id = container.id.as_deref();
            let seen = self
                .scene
                .containers
                .iter()
                .find(|seen| Some(seen.container.id.as_str()) == id);
            for server in seen
                .into_iter()
                .flat_map(|seen| self.scene.servers_of(seen))
            {
                let line = match server.sessions {
                    0 => format!("`{}`", server.name),
                    open => format!("`{}` ({open} open)", server.name),
                };
                if !leave.contains(&line) {
                    leave.push(line);
                }
            }
        }
        match (leave.is_empty(), routed) {
            (true, true) => Some("requests begin to reach it".into()),
            (false, true) => Some(format!(
                "requests leave server {} for a new one",
                leave.join(", ")
            )),
            (false, false) => Some(format!("requests leave server {}", leave.join(", "))),
            (true, false) => None,
        }
    }

    /// At most so long for each.
    fn waits(&self) -> Vec<String> {
        let mut waits = vec![];
        for action in self.actions {
            waits.extend(match action {
                Action::Check { healthy: true, .. } => {
                    let (delay, pace) = match self.serving.health {
                        Some(options) => (options.start_delay, options.check.pace()),
                        None => (Span::seconds(0), CheckOptions::default().pace()),
                    };
                    let most = Span(delay.0 + pace.deadline.0);
                    Some(format!("up to {most} until it is healthy"))
                }
                Action::Drain { .. } => {
                    let drain = self.serving.drain;
                    Some(format!("up to {drain} for open requests"))
                }
                Action::Stop { container, .. } => {
                    Some(format!("up to {} to stop", self.grace(container)))
                }
                _ => None,
            });
        }
        waits.dedup();
        waits
    }

    fn grace(&self, who: &Who) -> Span {
        let id = who.id.as_deref();
        let seen = self
            .scene
            .containers
            .iter()
            .find(|seen| Some(seen.container.id.as_str()) == id);
        let own = seen.and_then(|seen| seen.container.recipe.stop_grace);
        Span::seconds(
            self.serving
                .stop_grace
                .map_or(own.unwrap_or(USUAL_GRACE), seconds),
        )
    }
}

/// Whether the new one will have been found healthy, where these actions tell.
pub(crate) fn foreseen_health(actions: &[&Action]) -> Option<&'static str> {
    actions.iter().find_map(|action| match action {
        Action::Check { healthy: true, .. } => Some("healthy"),
        Action::Check { healthy: false, .. } => Some("unchecked"),
        _ => None,
    })
}

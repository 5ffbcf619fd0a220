//! The actions of a swap: each one atomic, each one a line of the plan.

use super::scene::Seen;
use crate::docker::restart::Restart;
use pb_core::Effect;
use pb_core::run::BlobRef;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::fmt;

/// One change on the way from one container to the next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Fetches the image.
    Pull {
        /// Its reference.
        image: String,
    },
    /// Makes the new container.
    Create {
        /// The name that it has until it serves.
        name: String,
        /// Its image.
        image: String,
        /// Text of the `env_file`.
        env_file: Option<BlobRef>,
    },
    /// Starts a container.
    Start {
        /// Which.
        container: Who,
    },
    /// Waits until a container is healthy or, where nothing tells, until it has stayed up for a moment.
    Check {
        /// Which.
        container: Who,
        /// Whether its health is asked for.
        healthy: bool,
    },
    /// Lets requests go to a container.
    Route {
        /// Which.
        container: Who,
    },
    /// Lets no new requests go to a container and waits for those that it has.
    Drain {
        /// Which.
        container: Who,
    },
    /// Takes a container out of the router.
    Close {
        /// Which.
        container: Who,
    },
    /// Ends a container.
    Stop {
        /// Which.
        container: Who,
        /// Whether its replacement waits for the port that it holds.
        first: bool,
    },
    /// Sets when the engine starts a container again by itself.
    SetRestart {
        /// Which.
        container: Who,
        /// From now on.
        restart: Restart,
    },
    /// Gives a container another name.
    Rename {
        /// Which.
        container: Who,
        /// The name.
        to: String,
    },
    /// Removes a stopped container.
    Remove {
        /// Which.
        container: Who,
    },
    /// Closes a server whose container is gone.
    Sweep {
        /// Its name in the router.
        server: String,
        /// The network that the container was on.
        network: String,
    },
}

/// A container that an action is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Who {
    /// As people know it.
    pub(crate) name: String,
    /// `None` for one that is yet to be made.
    pub(crate) id: Option<String>,
}

impl Who {
    pub(crate) fn of(seen: &Seen) -> Self {
        Self {
            name: seen.container.name.clone(),
            id: Some(seen.container.id.clone()),
        }
    }

    /// One that is yet to be made.
    pub(crate) fn new(name: String) -> Self {
        Self { name, id: None }
    }

    /// As the engine knows it.
    pub(crate) fn key(&self) -> &str {
        self.id.as_ref().unwrap_or(&self.name)
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.name)
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pull { image } => write!(f, "pull `{image}`"),
            Self::Create { name, image, .. } => write!(f, "create `{name}` from `{image}`"),
            Self::Start { container } => write!(f, "start {container}"),
            Self::Check {
                container,
                healthy: true,
            } => {
                write!(f, "wait until {container} is healthy")
            }
            Self::Check {
                container,
                healthy: false,
            } => write!(f, "see that {container} stays up"),
            Self::Route { container } => write!(f, "send requests to {container}"),
            Self::Drain { container } => write!(f, "drain {container}"),
            Self::Close { container } => write!(f, "take {container} out of the router"),
            Self::Stop {
                container,
                first: true,
            } => {
                write!(f, "stop {container} first: its replacement needs its port")
            }
            Self::Stop {
                container,
                first: false,
            } => write!(f, "stop {container}"),
            Self::SetRestart { container, restart } => {
                write!(f, "set the restart policy of {container} to `{restart}`")
            }
            Self::Rename { container, to } => write!(f, "rename {container} to `{to}`"),
            Self::Remove { container } => write!(f, "remove {container}"),
            Self::Sweep { server, .. } => {
                write!(f, "close server `{server}`, whose container is gone")
            }
        }
    }
}

/// How doubt about an action is settled: everything here can be observed.
pub(crate) fn effect(action: &Action) -> Effect {
    match action {
        Action::Check { .. } => Effect::Gate,
        _ => Effect::Ensure,
    }
}

/// What an action tells the result: the time at which the old one went, or the new one was there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Told {
    /// Seconds on the run's clock.
    Gone(f64),
    There {
        at: f64,
        /// Whether anything told that it is healthy.
        checked: bool,
    },
    /// Requests that were still open when the drain ended.
    Open(u64),
}

impl Told {
    pub(super) fn value(&self) -> Value {
        json!(self)
    }
}

fn told(outcomes: &[Value]) -> impl Iterator<Item = Told> {
    outcomes
        .iter()
        .filter_map(|value| Told::deserialize(value).ok())
}

/// Seconds in which neither the old container nor the new one served.
pub(crate) fn gap(outcomes: &[Value]) -> f64 {
    let gone = told(outcomes).find_map(|told| match told {
        Told::Gone(at) => Some(at),
        _ => None,
    });
    let there = told(outcomes).find_map(|told| match told {
        Told::There { at, .. } => Some(at),
        _ => None,
    });
    match (gone, there) {
        (Some(gone), Some(there)) => (there - gone).max(0.0),
        _ => 0.0,
    }
}

/// Requests that were still open when the drain ended.
pub(crate) fn open_requests(outcomes: &[Value]) -> u64 {
    told(outcomes)
        .map(|told| match told {
            Told::Open(requests) => requests,
            _ => 0,
        })
        .sum()
}

/// Whether the container was started although nothing tells whether it is healthy.
pub(crate) fn unchecked(outcomes: &[Value]) -> bool {
    told(outcomes).any(|told| matches!(told, Told::There { checked: false, .. }))
}

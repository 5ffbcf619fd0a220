//! What remains to be done, from wherever a swap was left. Pure.

use super::action::{Action, Who};
use super::goal::{Goal, Was};
use super::health::Health;
use super::scene::{Scene, Seen};
use super::serving::Serving;
use crate::docker::container::Status;
use crate::docker::name::Role;
use crate::docker::port::PublishedPort;
use crate::docker::restart::Restart;
use crate::haproxy::{ADDED, Admin};
use pb_core::Decision;
use std::collections::BTreeSet;

/// What becomes of a container that shall serve no more.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Keep,
    Remove,
}

/// What remains to be done so that the goal serves and nothing else of the name does.
pub(crate) struct Plan<'a> {
    pub(crate) scene: &'a Scene,
    pub(crate) serving: &'a Serving<'a>,
    pub(crate) goal: Goal<'a>,
    /// Ports that the goal publishes.
    pub(crate) ports: &'a BTreeSet<PublishedPort>,
    /// The network that the goal is on.
    pub(crate) network: &'a str,
    /// When the engine starts the goal again by itself.
    pub(crate) restart: &'a Restart,
    /// What makes the goal, where it is yet to be made.
    pub(crate) make: Vec<Action>,
    /// Whether anything tells that the goal is healthy.
    pub(crate) telling: bool,
    /// How many replaced containers are kept; `None` removes the replaced one.
    pub(crate) keep: Option<usize>,
}

impl Plan<'_> {
    /// The actions: dead servers first, then the goal comes up, then everything else goes.
    pub(crate) fn decide(&self) -> Decision<Action> {
        let sweep = self.scene.dead.iter().map(|server| Action::Sweep {
            server: server.clone(),
            network: self.scene.network.clone(),
        });
        let mut stages = vec![vec![sweep.collect()], vec![self.raise()], self.retire()];
        for lanes in &mut stages {
            lanes.retain(|lane: &Vec<Action>| !lane.is_empty());
        }
        stages.retain(|lanes| !lanes.is_empty());
        if stages.is_empty() {
            Decision::Nothing
        } else {
            Decision::Act(stages)
        }
    }

    fn who(&self) -> Who {
        match self.goal {
            Goal::Have(seen, _) => Who::of(seen),
            Goal::Make | Goal::Gone => Who::new(self.serving.name.next()),
        }
    }

    /// Brings the goal up: made, started, healthy, with traffic. One that did not run before is stopped.
    fn raise(&self) -> Vec<Action> {
        match self.goal {
            Goal::Gone => vec![],
            Goal::Make => self.bring_up(None, true),
            Goal::Have(seen, Was::Healthy) => self.bring_up(Some(seen), true),
            Goal::Have(seen, Was::Running) => self.bring_up(Some(seen), false),
            Goal::Have(seen, Was::Stopped | Was::Absent) => {
                let mut actions = match seen.is_running() {
                    true => self.silence(seen, false),
                    false => vec![],
                };
                actions.extend(self.set_restart(seen));
                actions
            }
        }
    }

    fn bring_up(&self, seen: Option<&Seen>, well: bool) -> Vec<Action> {
        let container = self.who();
        let mut actions = vec![];
        if seen.is_none() {
            let left = self.scene.next();
            actions.extend(left.into_iter().flat_map(|left| self.discard(left)));
            actions.extend(self.make.clone());
        }
        if self.starts() {
            let first = self.others().filter(|other| self.blocks(other));
            actions.extend(first.flat_map(|other| self.silence(other, true)));
            actions.push(Action::Start {
                container: container.clone(),
            });
        }
        actions.extend(seen.and_then(|seen| self.set_restart(seen)));
        let ill = seen.is_some_and(|seen| matches!(seen.health, Health::Ill(_)));
        if self.starts() || ill && well {
            actions.push(Action::Check {
                container: container.clone(),
                healthy: well && self.telling,
            });
        }
        let routed = seen.is_some_and(|seen| seen.is_running() && self.scene.is_routed(seen));
        if self.serving.router.is_some() && !routed {
            actions.push(Action::Route { container });
        }
        actions
    }

    /// Sets when the engine starts the goal again by itself, where that is not as wanted.
    fn set_restart(&self, seen: &Seen) -> Option<Action> {
        let differs = seen.container.recipe.restart != *self.restart;
        differs.then(|| Action::SetRestart {
            container: Who::of(seen),
            restart: self.restart.clone(),
        })
    }

    /// Takes everything but the goal away, and puts the names right.
    fn retire(&self) -> Vec<Vec<Action>> {
        let mut lanes = vec![];
        let mut names = vec![];
        for (other, fate) in self.fates() {
            let container = Who::of(other);
            let stopped = self.starts() && self.blocks(other);
            let mut lane = if stopped {
                vec![]
            } else {
                self.silence(other, false)
            };
            match fate {
                Fate::Keep => lane.extend(self.hold(other)),
                Fate::Remove => lane.push(Action::Remove {
                    container: container.clone(),
                }),
            }
            match (other.role, fate) {
                (Role::Current, Fate::Keep) => names.push(Action::Rename {
                    to: self.serving.name.kept(&other.container.id),
                    container,
                }),
                // The name is free only when its owner is gone.
                (Role::Current, Fate::Remove) => lane.extend(self.rename()),
                (Role::Next | Role::Kept, _) => {}
            }
            lanes.push(lane);
        }
        if lanes
            .iter()
            .flatten()
            .all(|action| self.rename().as_ref() != Some(action))
        {
            names.extend(self.rename());
        }
        lanes.push(names);
        lanes
    }

    /// What becomes of everything but the goal.
    fn fates(&self) -> Vec<(&Seen, Fate)> {
        let mut kept = 0;
        let mut fates = vec![];
        for other in self.others() {
            let fate = match (other.role, self.keep) {
                // It was discarded to make room for the new one.
                (Role::Next, _) if matches!(self.goal, Goal::Make) => continue,
                (Role::Next, _) if !other.is_ours(self.serving.name) => continue,
                (Role::Next, _) | (Role::Current, None) => Fate::Remove,
                // One more than asked for: the newest is what undoing this very swap goes back to.
                (Role::Kept, Some(keep)) if kept > keep => Fate::Remove,
                (Role::Current | Role::Kept, _) => Fate::Keep,
            };
            kept += usize::from(fate == Fate::Keep);
            fates.push((other, fate));
        }
        fates
    }

    fn others(&self) -> impl Iterator<Item = &Seen> {
        let goal = match self.goal {
            Goal::Have(seen, _) => Some(&seen.container.id),
            Goal::Make | Goal::Gone => None,
        };
        self.scene
            .containers
            .iter()
            .filter(move |seen| Some(&seen.container.id) != goal)
    }

    fn starts(&self) -> bool {
        match self.goal {
            Goal::Make => true,
            Goal::Have(seen, was) => {
                matches!(was, Was::Healthy | Was::Running) && !seen.is_running()
            }
            Goal::Gone => false,
        }
    }

    fn rename(&self) -> Option<Action> {
        let misnamed = match self.goal {
            Goal::Make => true,
            Goal::Have(seen, _) => seen.role != Role::Current,
            Goal::Gone => false,
        };
        misnamed.then(|| Action::Rename {
            container: self.who(),
            to: self.serving.name.to_string(),
        })
    }

    /// Whether a container holds a port of the host that the goal needs.
    fn blocks(&self, other: &Seen) -> bool {
        let recipe = &other.container.recipe;
        // On the host's network what serves binds its port there.
        let both_on_host = self.network == "host" && recipe.network == "host";
        let publishes = recipe
            .ports
            .iter()
            .any(|port| self.ports.iter().any(|p| p.collides(port)));
        let up = other.is_running();
        up && (publishes
            || both_on_host && (self.serving.needs_port() || self.serving.port.is_some()))
    }

    /// Ends a container without losing a request.
    fn silence(&self, seen: &Seen, first: bool) -> Vec<Action> {
        let container = Who::of(seen);
        let mut actions = vec![];
        let servers = self.scene.servers_of(seen);
        let open = servers.iter().any(|server| server.admin != Admin::Maint);
        if open {
            actions.push(Action::Drain {
                container: container.clone(),
            });
        }
        if open || servers.iter().any(|server| server.name.starts_with(ADDED)) {
            actions.push(Action::Close {
                container: container.clone(),
            });
        }
        match seen.container.status {
            Status::Created | Status::Exited | Status::Dead => {}
            Status::Running | Status::Restarting | Status::Paused => {
                actions.push(Action::Stop { container, first });
            }
        }
        actions
    }

    fn discard(&self, seen: &Seen) -> Vec<Action> {
        let mut actions = self.silence(seen, false);
        actions.push(Action::Remove {
            container: Who::of(seen),
        });
        actions
    }

    /// Keeps a stopped container from coming back with the daemon.
    fn hold(&self, seen: &Seen) -> Option<Action> {
        seen.container
            .recipe
            .restart
            .comes_back()
            .then(|| Action::SetRestart {
                container: Who::of(seen),
                restart: Restart::No,
            })
    }
}

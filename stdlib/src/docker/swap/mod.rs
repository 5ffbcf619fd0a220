//! What `swap_container` and `restore_container` share: what is there, what remains to be done, and doing it.

mod act;
mod action;
mod gate;
mod goal;
mod health;
#[cfg(test)]
mod killed;
#[cfg(test)]
mod model;
mod outlook;
mod plan;
#[cfg(test)]
mod play;
mod scene;
mod serving;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod told;
mod traffic;

pub(super) use act::Act;
pub(super) use action::{Action, effect, gap, open_requests, unchecked};
pub(super) use goal::{Goal, Was};
pub(super) use health::Health;
pub(super) use outlook::{Outlook, foreseen_health};
pub(super) use plan::Plan;
pub(super) use scene::{Scene, Seen};
pub(super) use serving::Serving;

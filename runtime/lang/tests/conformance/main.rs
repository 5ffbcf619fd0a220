//! What playbooks rely on, held against the pinned Rhai: run it at every upgrade.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod closures;
mod errors;
mod keys;
mod limits;
mod modules;
mod reads;
mod scopes;
mod secrets;
mod shown;
mod stage;

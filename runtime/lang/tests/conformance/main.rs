//! What playbooks rely on, held against the pinned Rhai: run it at every upgrade.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod closures;
mod edits;
mod errors;
mod keys;
mod limits;
mod modules;
mod plan;
mod plan_chance;
mod reads;
mod scopes;
mod secrets;
mod shown;
mod stage;

/// Says something that libtest's capture of passed tests would swallow.
fn say(text: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "{text}");
}

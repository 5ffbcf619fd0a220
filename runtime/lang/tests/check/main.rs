//! What a check finds, and what it is silent about.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod found;
mod hostile;
mod silent;
mod stage;
mod true_in_runs;

//! Kinds of steps and of actions: what decides how doubt about them is settled.

use serde::{Deserialize, Serialize};

/// What a primitive is, as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Looks and tells; nothing in the world changes.
    Read,
    /// Looks until a condition holds.
    Gate,
    /// Makes the world look as wanted; a second run finds nothing to do.
    Ensure,
    /// Has nothing to converge on and runs every time.
    Every,
}

/// What one action does to the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Waits for a condition within a step that acts.
    Gate,
    /// Can be observed afterwards.
    Ensure,
    /// One database transaction.
    Transaction,
    /// A statement outside of any transaction; the catalogue tells how far it came.
    Ddl,
    /// A program with a probe, or a request with an idempotency key.
    Command,
    /// Nobody can tell afterwards whether it happened.
    Opaque,
    /// A message; a duplicate is worse than a loss.
    Notify,
}

impl Effect {
    /// Whether an action in doubt may simply be tried again: a look before it, or a key that the other side knows,
    /// keeps it from happening twice.
    pub(crate) fn bears_repeating(self) -> bool {
        match self {
            Self::Gate | Self::Ensure | Self::Command => true,
            Self::Transaction | Self::Ddl | Self::Opaque | Self::Notify => false,
        }
    }
}

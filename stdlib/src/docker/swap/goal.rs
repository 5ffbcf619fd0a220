//! Which container shall serve in the end.

use super::scene::Seen;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which container shall serve in the end.
#[derive(Clone, Copy)]
pub(crate) enum Goal<'a> {
    /// One that is yet to be made.
    Make,
    /// This one, as it was before.
    Have(&'a Seen, Was),
    /// None at all.
    Gone,
}

/// What a container did before it was replaced.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Was {
    /// It ran and was well.
    #[default]
    Healthy,
    /// It ran, well or not.
    Running,
    /// It did not run.
    Stopped,
    /// It was not there.
    Absent,
}

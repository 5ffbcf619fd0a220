//! What `run_once` sees and does.

use super::container::Container;
use pb_core::run::BlobRef;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What is there of the job already.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    /// The name of its container: that of the run and of the step, so that none is made twice.
    pub(super) name: String,
    /// One that an interrupted run left.
    pub(super) container: Option<Container>,
    /// Whether the image has to be pulled.
    pub(super) pull: bool,
    pub(super) network_there: bool,
    pub(super) env_file: Option<BlobRef>,
}

/// One change on the way to the end of the job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Fetches the image.
    Pull {
        /// Its reference.
        image: String,
    },
    /// Makes the container.
    Create {
        /// Its name.
        name: String,
        /// The command line, for people.
        line: String,
        /// Text of the `env_file`.
        env_file: Option<BlobRef>,
    },
    /// Starts it.
    Start {
        /// Its name.
        name: String,
    },
    /// Waits until it has ended.
    Wait {
        /// Its name.
        name: String,
    },
    /// Removes it.
    Remove {
        /// Its name.
        name: String,
    },
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pull { image } => write!(f, "pull `{image}`"),
            Self::Create { name, line, .. } => write!(f, "create `{name}` for `{line}`"),
            Self::Start { name } => write!(f, "start `{name}`"),
            Self::Wait { name } => write!(f, "wait for `{name}`"),
            Self::Remove { name } => write!(f, "remove `{name}`"),
        }
    }
}

//! What is done to one migration: one action for each file.

use pb_core::run::BlobRef;
use serde::{Deserialize, Serialize};
use std::fmt;

/// One file that is run, and the row that says so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Action {
    pub(crate) way: Way,
    /// As in the file's name; `R` for repeatable ones.
    pub(crate) version: String,
    pub(crate) name: String,
    pub(crate) file: String,
    pub(crate) text: BlobRef,
    /// Of the up file.
    pub(crate) checksum: String,
    pub(crate) transactional: bool,
    /// Its place among the actions of the step, from 1.
    pub(crate) n: usize,
    pub(crate) of: usize,
}

/// Which way a migration goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Way {
    /// Up, from that statement on; 0 is the first.
    Up { from: usize },
    /// Down. Where only a part was applied, what is not there need not be taken away.
    Down { partly: bool },
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.way {
            Way::Up { from: 0 } => write!(f, "apply `{}`", self.file),
            Way::Up { from } => write!(f, "apply `{}` from statement {}", self.file, from + 1),
            Way::Down { .. } => write!(f, "revert by `{}`", self.file),
        }
    }
}

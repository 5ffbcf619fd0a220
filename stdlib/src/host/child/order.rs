//! What pb tells the supervisor. It goes through a pipe: it holds the values of secrets.

use crate::host::program::Launch;
use serde::{Deserialize, Serialize};
use std::ffi::OsString;

/// One program to be run.
#[derive(Serialize, Deserialize)]
pub(super) struct Order {
    /// Where it is written down.
    pub(super) folder: OsString,
    /// The command that becomes the program.
    pub(super) begin: Vec<OsString>,
    pub(super) launch: Launch,
    /// The program as it could be typed, without secrets.
    pub(super) line: String,
    /// Values, and what stands in their place.
    pub(super) secrets: Vec<(String, String)>,
}

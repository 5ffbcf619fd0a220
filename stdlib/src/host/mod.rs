//! The machine that pb runs on: its programs and its environment.

mod child;
mod command;
mod command_args;
mod destroyer;
mod driver;
mod exit;
mod follow;
mod output;
mod program;
mod require_env;
mod shell;
mod told;
mod unstartable;

pub use child::{CHILD, Supervisor, child};
pub use command::Command;
pub use command_args::{Codes, TakeBack};
pub use driver::{Host, HostReader, HostWriter};
pub use output::Output;
pub(crate) use output::{KEPT, end_of};
pub use program::Program;
pub(crate) use program::line;
pub use require_env::RequireEnv;
pub(crate) use told::against;

use pb_core::run::Registry;
use pb_core::{Drivers, erase};
use std::path::Path;

/// Adds the primitives of this area and its driver; `base` is what relative paths start from, and a `supervisor` makes
/// programs outlive this one.
pub fn register(
    registry: &mut Registry,
    drivers: &mut Drivers,
    base: &Path,
    supervisor: Option<Supervisor>,
) {
    drivers.add(Host::new(base, std::env::vars_os(), supervisor));
    registry.add(erase(Command));
    registry.add(erase(RequireEnv));
}

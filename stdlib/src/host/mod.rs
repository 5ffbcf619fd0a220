//! The machine that pb runs on: its programs and its environment.

mod command;
mod command_args;
mod driver;
mod exit;
mod output;
mod program;
mod require_env;
mod unstartable;

pub use command::Command;
pub use command_args::{Codes, TakeBack};
pub use driver::{Host, HostReader, HostWriter};
pub use output::Output;
pub(crate) use output::{KEPT, end_of};
pub use program::Program;
pub(crate) use program::line;
pub use require_env::RequireEnv;

use pb_core::run::Registry;
use pb_core::{Drivers, erase};
use std::path::Path;

/// Adds the primitives of this area and its driver; `base` is what relative paths start from.
pub fn register(registry: &mut Registry, drivers: &mut Drivers, base: &Path) {
    drivers.add(Host::new(base, std::env::vars_os()));
    registry.add(erase(Command));
    registry.add(erase(RequireEnv));
}

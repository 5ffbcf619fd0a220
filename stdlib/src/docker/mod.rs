//! Containers of a Docker engine: the driver, and the primitives on it.

mod config;
mod container;
mod driver;
mod engine;
mod env_file;
mod image;
mod image_name;
mod job;
mod make;
mod name;
mod network;
mod port;
mod pull;
mod reader;
mod recipe;
mod refusal;
mod restart;
mod restore_container;
mod run_once;
mod run_once_action;
mod run_once_args;
mod swap;
mod swap_args;
mod swap_container;
mod swap_facts;
mod swap_outlook;
#[cfg(test)]
mod testing;
mod volume;
mod wanted;
mod writer;

pub use config::DockerConfig;
pub use driver::{Docker, DockerDriver};
pub use image_name::ImageName;
pub use name::ContainerName;
pub use port::PublishedPort;
pub use pull::Pull;
pub use reader::Reader;
pub use restart::Restart;
pub use restore_container::RestoreContainer;
pub use run_once::RunOnce;
pub use swap_container::SwapContainer;
pub use volume::Volume;
pub use writer::Writer;

use pb_core::run::Registry;
use pb_core::{Drivers, erase};

/// Adds the primitives of this area, and the driver that they stand on; those of `haproxy`, `http` and
/// `files` they need besides.
pub fn register(registry: &mut Registry, drivers: &mut Drivers) {
    drivers.add(DockerDriver::default());
    registry.add(erase(SwapContainer));
    registry.add(erase(RestoreContainer));
    registry.add(erase(RunOnce));
}

//! HAProxy as the router in front of containers: the driver, over its runtime socket.

mod config;
mod driver;
mod runtime;
mod server;

pub use config::HaproxyConfig;
pub(crate) use driver::ADDED;
pub use driver::{HaproxyDriver, Reader, Router, Writer};
pub(crate) use server::{Admin, Check, Server};

use pb_core::Drivers;
use pb_core::run::Registry;

/// Adds the driver; it has no primitives of its own.
pub fn register(_: &mut Registry, drivers: &mut Drivers) {
    drivers.add(HaproxyDriver::default());
}

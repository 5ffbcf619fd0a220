//! Asking servers: health, reading, sending.

mod address;
mod client;
mod driver;
mod expect;
mod health;
mod health_check;
mod http_get;
mod http_post;
mod judge;
mod post_body;
mod request;
mod sent;
mod status;
mod told;
mod trouble;

pub use driver::{Answer, Ask, Http, HttpReader, HttpWriter};
pub use expect::Expect;
pub use health::{CheckOptions, HealthOptions, Look, NotYet, look};
pub use health_check::HealthCheck;
pub use http_get::HttpGet;
pub use http_post::HttpPost;
pub use request::RequestOptions;
pub use status::Statuses;
pub use trouble::Trouble;

use pb_core::run::Registry;
use pb_core::{Drivers, erase};

/// Adds the primitives of this area, and the driver that they stand on.
pub fn register(registry: &mut Registry, drivers: &mut Drivers) {
    drivers.add(Http::new());
    registry.add(erase(HealthCheck));
    registry.add(erase(HttpGet));
    registry.add(erase(HttpPost));
}

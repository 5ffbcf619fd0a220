//! What asks and sends over HTTP, against servers that behave as badly as servers do.

mod certificate;
mod health_zoo;
mod requests;
pub(crate) mod server;
mod tls;

use crate::stage::Stage;
use pb_core::Drivers;
use pb_core::run::Registry;

/// A run that knows the primitives of this area.
async fn stage() -> Stage {
    Stage::open(|registry: &mut Registry, drivers: &mut Drivers| {
        pb_stdlib::http::register(registry, drivers);
    })
    .await
}

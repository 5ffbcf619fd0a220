//! How a container is, as far as anything tells.

use super::serving::Serving;
use crate::docker::container::Container;
use crate::http::{self, HealthOptions, Look};
use pb_core::{Readers, Result, SecretText};
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::time::Duration;

/// What one look while observing may take: it decides, it does not wait.
const ONE_LOOK: Duration = Duration::from_secs(2);

/// How a running container is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Health {
    Well,
    /// Why not, or not yet.
    Ill(String),
    /// Nothing tells: there is no `health` and no HEALTHCHECK.
    Unknown,
}

/// One look at a running container.
pub(super) async fn health(
    read: &Readers,
    serving: &Serving<'_>,
    container: &Container,
    port: Option<u16>,
) -> Result<Health> {
    let Some(options) = serving.health else {
        return Ok(of_engine(container));
    };
    let (Some(address), Some(port)) = (container.address, port) else {
        return Ok(Health::Ill("it has no address to ask at".into()));
    };
    let at = SocketAddr::new(address, port);
    match look(read, options, at, ONE_LOOK).await? {
        Look::Ok { .. } => Ok(Health::Well),
        Look::NotYet(not_yet) => Ok(Health::Ill(not_yet.why)),
    }
}

/// What its HEALTHCHECK says.
pub(super) fn of_engine(container: &Container) -> Health {
    match container.health.as_deref() {
        Some("healthy") => Health::Well,
        Some(word) => Health::Ill(format!("its HEALTHCHECK says `{word}`")),
        None => Health::Unknown,
    }
}

/// The URL that is asked.
pub(super) fn url(options: &HealthOptions, at: SocketAddr) -> SecretText {
    SecretText::from(format!("http://{at}{}", options.path))
}

/// Asks the application itself.
pub(super) async fn look(
    read: &Readers,
    options: &HealthOptions,
    at: SocketAddr,
    left: Duration,
) -> Result<Look> {
    http::look(
        read,
        &url(options, at),
        &options.check,
        &options.request,
        left,
    )
    .await
}

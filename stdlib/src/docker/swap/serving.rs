//! How a container serves: what both primitives take.

use crate::docker::name::ContainerName;
use crate::http::HealthOptions;
use pb_core::{Failure, Handle, Span, code};

/// How a container serves, whichever image it runs.
pub(crate) struct Serving<'a> {
    pub(crate) name: &'a ContainerName,
    pub(crate) docker: &'a Handle,
    pub(crate) router: Option<&'a Handle>,
    pub(crate) health: Option<&'a HealthOptions>,
    /// The container's port, where it was given.
    pub(crate) port: Option<u16>,
    pub(crate) drain: Span,
    pub(crate) stop_grace: Option<Span>,
}

impl Serving<'_> {
    /// Whether anything has to reach the container's port.
    pub(crate) fn needs_port(&self) -> bool {
        self.router.is_some() || self.health.is_some()
    }

    /// The port that serves: the one given, or the only one that the image exposes.
    pub(crate) fn port_of(&self, exposed: &[u16]) -> Option<u16> {
        match (self.port, exposed) {
            (Some(port), _) => Some(port),
            (None, [port]) => Some(*port),
            (None, _) => None,
        }
    }

    /// The failure of a port that cannot be told.
    pub(crate) fn no_port(&self, image: &str, exposed: &[u16]) -> Failure {
        let message = format!("the port that `{}` serves could not be told", self.name);
        let ports: Vec<_> = exposed.iter().map(ToString::to_string).collect();
        let because = match ports.is_empty() {
            true => format!("the image `{image}` exposes no port"),
            false => format!("the image `{image}` exposes the ports {}", ports.join(", ")),
        };
        let port = exposed.first().unwrap_or(&8000);
        let failure = Failure::new(&code::NO_PORT, message).because(because);
        failure.hint(format!(
            "add `port: {port}` to the call, or `EXPOSE {port}` to the image"
        ))
    }
}

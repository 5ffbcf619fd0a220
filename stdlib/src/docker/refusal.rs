//! What the engine refuses, in words and codes. The texts are those of Docker 20.10 to 29.

use super::config::Endpoint;
use crate::outside_text::one_line;
use bollard::errors::Error;
use pb_core::code::{self, Code};
use pb_core::{Failure, Span};
use std::error::Error as _;
use std::io::ErrorKind;
use std::time::Duration;

/// The engine's own words are shown up to here.
const LONGEST: usize = 600;

/// What the engine was asked for: completes "Docker refused to …".
#[derive(Debug, Clone)]
pub(crate) struct Doing {
    what: String,
    /// Whether something may have been changed when no answer came.
    changes: bool,
}

impl Doing {
    pub(crate) fn read(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            changes: false,
        }
    }

    pub(crate) fn change(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            changes: true,
        }
    }

    fn no_answer(&self, failure: Failure) -> Failure {
        let failure = failure.retryable();
        if self.changes {
            failure.in_doubt()
        } else {
            failure
        }
    }
}

/// Whether the engine said that there is no such thing.
pub(crate) fn is_missing(error: &Error) -> bool {
    status(error) == Some(404)
}

/// Whether the engine is removing it already.
pub(crate) fn is_being_removed(error: &Error) -> bool {
    match error {
        Error::DockerResponseServerError {
            status_code: 409,
            message,
        } => message.contains("already in progress"),
        _ => false,
    }
}

/// The status that the engine answered with.
pub(crate) fn status(error: &Error) -> Option<u16> {
    match error {
        Error::DockerResponseServerError { status_code, .. } => Some(*status_code),
        _ => None,
    }
}

/// A call that did not answer in time.
pub(crate) fn late(endpoint: &Endpoint, doing: &Doing, limit: Duration) -> Failure {
    let message = format!("Docker did not {} within {}", doing.what, Span(limit));
    let failure = Failure::new(&code::DOCKER, message);
    doing.no_answer(failure.because(format!("the engine at `{endpoint}` gave no answer")))
}

/// Every other error of a call.
pub(crate) fn failure(endpoint: &Endpoint, doing: &Doing, error: Error) -> Failure {
    match error {
        Error::DockerResponseServerError {
            status_code,
            message,
        } => refused(doing, status_code, &one_line(&message, LONGEST)),
        Error::DockerStreamError { error } => refused(doing, 500, &one_line(&error, LONGEST)),
        Error::SocketNotFoundError(_) => unreachable(endpoint, "the socket does not exist"),
        Error::JsonDataError { message, .. } => strange(endpoint, doing, &message),
        Error::JsonSerdeError { err } => strange(endpoint, doing, &err.to_string()),
        other => broken(endpoint, doing, &other),
    }
}

/// No answer, or half of one.
fn broken(endpoint: &Endpoint, doing: &Doing, error: &Error) -> Failure {
    let mut reasons = vec![];
    let mut kind = None;
    let mut source = error.source();
    while let Some(inner) = source {
        kind = inner.downcast_ref().map(std::io::Error::kind).or(kind);
        reasons.push(inner.to_string());
        source = inner.source();
    }
    let refused = match error {
        Error::HyperLegacyError { err } => err.is_connect(),
        _ => false,
    };
    match kind {
        Some(ErrorKind::PermissionDenied) => {
            unreachable(endpoint, "permission denied").hint("sudo usermod -aG docker $USER")
        }
        Some(ErrorKind::ConnectionRefused) => unreachable(endpoint, "nobody listens there"),
        Some(ErrorKind::NotFound) => unreachable(endpoint, "the socket does not exist"),
        _ if refused => {
            let reason = reasons.last().cloned().unwrap_or_else(|| error.to_string());
            unreachable(endpoint, &reason)
        }
        _ => {
            let message = format!("the connection to the Docker engine at `{endpoint}` broke");
            let failure = Failure::new(&code::UNREACHABLE, message);
            let reason = reasons.last().cloned().unwrap_or_else(|| error.to_string());
            doing.no_answer(failure.because(format!("it was asked to {}: {reason}", doing.what)))
        }
    }
}

fn unreachable(endpoint: &Endpoint, reason: &str) -> Failure {
    let message = format!("the Docker engine at `{endpoint}` could not be reached");
    let failure = Failure::new(&code::UNREACHABLE, message)
        .because(reason)
        .retryable();
    match endpoint {
        Endpoint::Unix(_) => failure.hint("sudo systemctl start docker"),
        Endpoint::Tcp(host) => failure.hint(format!("docker --host tcp://{host} version")),
    }
}

fn strange(endpoint: &Endpoint, doing: &Doing, reason: &str) -> Failure {
    let message = format!("the answer of the engine at `{endpoint}` could not be read");
    let failure = Failure::new(&code::DOCKER, message);
    doing.no_answer(failure.because(format!("it was asked to {}: {reason}", doing.what)))
}

fn refused(doing: &Doing, status: u16, text: &str) -> Failure {
    let (code, hint) = meaning(status, text);
    let message = match code.id == code::PORT_TAKEN.id {
        true => format!("Docker could not {}: {} is taken", doing.what, port(text)),
        false => format!("Docker refused to {}", doing.what),
    };
    let failure = Failure::new(code, message)
        .because(text)
        .with("status", status);
    match hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

fn meaning(status: u16, text: &str) -> (&'static Code, Option<String>) {
    let has = |part: &str| text.contains(part);
    let taken = has("port is already allocated") || has("address already in use");
    match status {
        500 if taken => (
            &code::PORT_TAKEN,
            Some("docker ps, then stop what holds the port".into()),
        ),
        409 if has("is already in use") => (&code::NAME_TAKEN, None),
        404 if has("No such image") => (&code::NO_SUCH_IMAGE, None),
        404 if has("network ") && has(" not found") => (&code::DOCKER, create_network(text)),
        400 if has("o command specified") => (
            &code::DOCKER,
            Some("give it a `command`: the image has none".into()),
        ),
        _ => (&code::DOCKER, None),
    }
}

fn create_network(text: &str) -> Option<String> {
    let name = text.split("network ").nth(1)?.split(" not found").next()?;
    Some(format!("docker network create {name}"))
}

/// The port that a text such as `Bind for 0.0.0.0:80 failed: port is already allocated` is about.
fn port(text: &str) -> String {
    let near = [
        "Bind for ",
        "listen tcp4 ",
        "listen tcp6 ",
        "listen udp4 ",
        "bind host port for ",
    ];
    let found = near.iter().find_map(|before| text.split(before).nth(1));
    let word = found.and_then(|rest| rest.split([' ', ',']).next());
    match word.map(|word| word.trim_end_matches(':')) {
        Some(port) => format!("port `{port}`"),
        None => "a published port".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(status: u16, text: &str, code: &Code, message: &str, hint: Option<&str>) {
        let failure = refused(&Doing::change("start `web.next`"), status, text);
        assert_eq!(
            (failure.code.as_str(), failure.message.as_str()),
            (code.id, message)
        );
        assert_eq!(
            (failure.because, failure.hint.as_deref()),
            (vec![text.to_owned()], hint)
        );
    }

    #[test]
    fn texts_of_the_engine_become_codes() {
        check(
            500,
            "driver failed programming external connectivity on endpoint web (3f): Bind for \
             127.0.0.1:18180 failed: port is already allocated",
            &code::PORT_TAKEN,
            "Docker could not start `web.next`: port `127.0.0.1:18180` is taken",
            Some("docker ps, then stop what holds the port"),
        );
        check(
            500,
            "driver failed: Error starting userland proxy: listen tcp4 0.0.0.0:80: bind: address \
             already in use",
            &code::PORT_TAKEN,
            "Docker could not start `web.next`: port `0.0.0.0:80` is taken",
            Some("docker ps, then stop what holds the port"),
        );
        check(
            409,
            "Conflict. The container name \"/web\" is already in use by container \"3f\".",
            &code::NAME_TAKEN,
            "Docker refused to start `web.next`",
            None,
        );
        check(
            404,
            "network shop not found",
            &code::DOCKER,
            "Docker refused to start `web.next`",
            Some("docker network create shop"),
        );
        check(
            400,
            "No command specified",
            &code::DOCKER,
            "Docker refused to start `web.next`",
            Some("give it a `command`: the image has none"),
        );
    }

    #[test]
    fn a_socket_that_is_not_there_is_named() {
        let endpoint = Endpoint::Unix("/nowhere/docker.sock".into());
        let error = Error::SocketNotFoundError("/nowhere/docker.sock".into());
        let failure = failure(&endpoint, &Doing::read("list"), error);
        assert_eq!(failure.code, code::UNREACHABLE.id);
        assert_eq!(
            failure.message,
            "the Docker engine at `/nowhere/docker.sock` could not be reached"
        );
        assert_eq!(failure.because, ["the socket does not exist"]);
    }

    #[test]
    fn no_answer_to_a_change_leaves_doubt_and_to_a_read_none() {
        let endpoint = Endpoint::Tcp("h:2375".into());
        let limit = Duration::from_secs(30);
        assert!(late(&endpoint, &Doing::change("start `web`"), limit).doubt);
        let read = late(&endpoint, &Doing::read("look at `web`"), limit);
        assert_eq!((read.doubt, read.retryable), (false, true));
        assert_eq!(read.message, "Docker did not look at `web` within 30s");
    }
}

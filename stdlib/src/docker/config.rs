//! Where the engine listens, as `pb.toml` says it.

use pb_core::{Failure, Result, code};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A table of `pb.toml` that names a Docker engine: `docker = { docker = "unix:///var/run/docker.sock" }`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DockerConfig {
    /// Where the engine listens, in the form of DOCKER_HOST: `unix:///var/run/docker.sock` or `tcp://10.0.0.5:2375`.
    pub docker: String,
}

/// Where an engine listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Endpoint {
    /// Path of its socket.
    Unix(String),
    /// Host and port, without encryption.
    Tcp(String),
}

impl Endpoint {
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let plain = |rest: &str| rest.trim_end_matches('/').to_owned();
        if let Some(path) = text.strip_prefix("unix://").filter(|p| p.starts_with('/')) {
            return Ok(Self::Unix(path.into()));
        }
        if text.starts_with('/') {
            return Ok(Self::Unix(text.into()));
        }
        let tcp = ["tcp://", "http://"];
        let host = tcp.iter().find_map(|scheme| text.strip_prefix(scheme));
        match host.map(plain).filter(|host| !host.is_empty()) {
            Some(host) if host.contains(':') => Ok(Self::Tcp(host)),
            // The port that Docker itself takes when none is given.
            Some(host) => Ok(Self::Tcp(format!("{host}:2375"))),
            None => Err(unknown(text)),
        }
    }
}

fn unknown(text: &str) -> Failure {
    let message = format!("`{text}` is no address of a Docker engine");
    let failure = Failure::new(&code::WRONG_TYPE, message);
    if text.starts_with("ssh://") {
        let tunnel = "ssh -nNT -L /tmp/docker.sock:/var/run/docker.sock HOST";
        return failure.hint(format!(
            "`{tunnel}` brings it here; write `unix:///tmp/docker.sock`"
        ));
    }
    failure.hint("write `unix:///var/run/docker.sock` or `tcp://host:2375`")
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => f.write_str(path),
            Self::Tcp(host) => write!(f, "tcp://{host}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forms_of_docker_host_are_read() {
        let check = |text, endpoint| assert_eq!(Endpoint::parse(text).expect(text), endpoint);
        check("unix:///run/d.sock", Endpoint::Unix("/run/d.sock".into()));
        check("/run/d.sock", Endpoint::Unix("/run/d.sock".into()));
        check("tcp://h:1234", Endpoint::Tcp("h:1234".into()));
        check("tcp://h/", Endpoint::Tcp("h:2375".into()));
        check("http://h:80", Endpoint::Tcp("h:80".into()));
        for text in [
            "",
            "docker.sock",
            "unix://",
            "unix://d.sock",
            "tcp://",
            "npipe:////./pipe/d",
        ] {
            let failure = Endpoint::parse(text).expect_err(text);
            assert_eq!(
                failure.message,
                format!("`{text}` is no address of a Docker engine")
            );
        }
        let ssh = Endpoint::parse("ssh://web-1").expect_err("not spoken");
        assert!(ssh.hint.expect("a way round").starts_with("`ssh -nNT -L"));
    }

    #[test]
    fn a_typing_error_in_the_table_is_refused() {
        let read = serde_json::from_str::<DockerConfig>;
        read(r#"{"docker": "unix:///d.sock"}"#).expect("whole");
        read(r#"{"docker": "unix:///d.sock", "tls": true}"#).expect_err("no such key");
    }
}

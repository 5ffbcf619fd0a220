//! Which backend of which HAProxy, as `pb.toml` says it.

use pb_core::{Failure, Handle, Result, code};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fmt;

/// A table of `pb.toml` that names a backend: `router = { haproxy = "unix:/run/haproxy/admin.sock", backend = "web" }`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HaproxyConfig {
    /// The runtime socket, of level admin: `unix:/run/haproxy/admin.sock` or `tcp:127.0.0.1:9999`.
    pub haproxy: String,
    /// The backend whose servers are switched.
    pub backend: String,
}

/// Where a runtime socket is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Socket {
    Unix(String),
    Tcp(String),
}

/// One backend.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Backend {
    pub(super) socket: Socket,
    pub(super) name: String,
}

impl Backend {
    pub(super) fn of(handle: &Handle) -> Result<Self> {
        let config = HaproxyConfig::deserialize(Value::Object(handle.config.clone()));
        let config = config.map_err(|error| wrong(handle, &error.to_string()))?;
        // The name becomes part of a command line.
        let plain = |c: char| c.is_ascii_alphanumeric() || "_.:-".contains(c);
        if config.backend.is_empty() || !config.backend.chars().all(plain) {
            return Err(wrong(
                handle,
                &format!("`{}` is no name of a backend", config.backend),
            ));
        }
        let socket = Socket::parse(&config.haproxy).ok_or_else(|| {
            let reason = format!("`{}` is no address of a runtime socket", config.haproxy);
            wrong(handle, &reason)
                .hint("write `unix:/run/haproxy/admin.sock` or `tcp:127.0.0.1:9999`")
        })?;
        Ok(Self {
            socket,
            name: config.backend,
        })
    }
}

fn wrong(handle: &Handle, reason: &str) -> Failure {
    let message = format!(
        "the table `{}` of pb.toml was refused: {reason}",
        handle.name
    );
    Failure::new(&code::WRONG_TYPE, message)
}

impl Socket {
    fn parse(text: &str) -> Option<Self> {
        let of = |scheme: &str| {
            let rest = text.strip_prefix(scheme)?;
            Some(rest.strip_prefix("//").unwrap_or(rest))
        };
        let path = of("unix:").unwrap_or(text);
        if path.starts_with('/') {
            return Some(Self::Unix(path.into()));
        }
        of("tcp:")
            .filter(|host| host.contains(':'))
            .map(|host| Self::Tcp(host.into()))
    }

    /// As haproxy.cfg writes it.
    pub(super) fn as_bind(&self) -> &str {
        match self {
            Self::Unix(text) | Self::Tcp(text) => text,
        }
    }
}

impl fmt::Display for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_bind())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn backend(config: Value) -> Result<Backend> {
        let config = config.as_object().cloned().expect("a table");
        Backend::of(&Handle {
            driver: "haproxy".into(),
            name: "router".into(),
            config,
            transaction: None,
        })
    }

    #[test]
    fn both_kinds_of_sockets_are_read() {
        let check = |text, socket| {
            let read = backend(json!({ "haproxy": text, "backend": "web" })).expect(text);
            assert_eq!(read.socket, socket, "{text}");
        };
        check(
            "unix:/run/admin.sock",
            Socket::Unix("/run/admin.sock".into()),
        );
        check(
            "unix:///run/admin.sock",
            Socket::Unix("/run/admin.sock".into()),
        );
        check("/run/admin.sock", Socket::Unix("/run/admin.sock".into()));
        check("tcp:127.0.0.1:9999", Socket::Tcp("127.0.0.1:9999".into()));
        check("tcp://[::1]:9999", Socket::Tcp("[::1]:9999".into()));
    }

    #[test]
    fn what_is_wrong_in_the_table_is_said() {
        let check = |config, reason: &str| {
            let message = backend(config).expect_err("wrong").message;
            assert_eq!(
                message,
                format!("the table `router` of pb.toml was refused: {reason}")
            );
        };
        check(json!({ "haproxy": "/a" }), "missing field `backend`");
        check(
            json!({ "haproxy": "/a", "backend": "" }),
            "`` is no name of a backend",
        );
        let command = json!({ "haproxy": "/a", "backend": "web;quit" });
        check(command, "`web;quit` is no name of a backend");
        let relative = json!({ "haproxy": "unix:admin.sock", "backend": "web" });
        check(
            relative,
            "`unix:admin.sock` is no address of a runtime socket",
        );
        backend(json!({ "haproxy": "/a", "backend": "w", "slots": 8 })).expect_err("no such key");
    }
}

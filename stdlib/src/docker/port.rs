//! A published port, as Docker writes it: `8080:8000`, `127.0.0.1:8080:8000/udp`, `8000`.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;

/// A port of the container that the host answers on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PublishedPort {
    /// `None` for all addresses of the host.
    pub(crate) address: Option<IpAddr>,
    /// `None` for one that the engine chooses.
    pub(crate) host: Option<u16>,
    pub(crate) container: u16,
    pub(crate) udp: bool,
}

impl PublishedPort {
    /// `8000/tcp`, as the engine names the container's side.
    pub(crate) fn key(&self) -> String {
        format!(
            "{}/{}",
            self.container,
            if self.udp { "udp" } else { "tcp" }
        )
    }

    /// What the engine says of one binding.
    pub(crate) fn of_engine(key: &str, address: &str, host: &str) -> Option<Self> {
        let (port, protocol) = key.split_once('/').unwrap_or((key, "tcp"));
        let address = address
            .parse()
            .ok()
            .filter(|ip: &IpAddr| !ip.is_unspecified());
        Some(Self {
            address,
            host: host.parse().ok().filter(|port| *port != 0),
            container: port.parse().ok()?,
            udp: protocol == "udp",
        })
    }

    /// Whether two containers cannot publish both at the same time.
    pub(crate) fn collides(&self, other: &Self) -> bool {
        let same_address = match (self.address, other.address) {
            (Some(one), Some(other)) => one == other,
            _ => true,
        };
        self.host.is_some() && self.host == other.host && self.udp == other.udp && same_address
    }
}

impl TryFrom<String> for PublishedPort {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let wrong = || {
            format!("`{text}` is no port: write `8080:8000`, `127.0.0.1:8080:8000` or `8000/udp`")
        };
        let (ports, udp) = match text.rsplit_once('/') {
            Some((ports, "tcp")) => (ports, false),
            Some((ports, "udp")) => (ports, true),
            Some(_) => return Err(wrong()),
            None => (text.as_str(), false),
        };
        let number = |text: &str| text.parse().ok().filter(|n: &u16| *n > 0).ok_or_else(wrong);
        let (rest, container) = ports.rsplit_once(':').unwrap_or(("", ports));
        let (address, host) = match rest.rsplit_once(':') {
            Some((address, host)) => (address.trim_matches(['[', ']']), host),
            None => ("", rest),
        };
        let address = match address {
            "" => None,
            text => Some(text.parse().map_err(|_| wrong())?),
        };
        Ok(Self {
            address: address.filter(|ip: &IpAddr| !ip.is_unspecified()),
            host: if host.is_empty() {
                None
            } else {
                Some(number(host)?)
            },
            container: number(container)?,
            udp,
        })
    }
}

impl From<PublishedPort> for String {
    fn from(port: PublishedPort) -> Self {
        port.to_string()
    }
}

impl fmt::Display for PublishedPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = self.host.map(|port| port.to_string()).unwrap_or_default();
        match self.address {
            Some(IpAddr::V6(address)) => write!(f, "[{address}]:{host}:")?,
            Some(address) => write!(f, "{address}:{host}:")?,
            None if self.host.is_some() => write!(f, "{host}:")?,
            None => {}
        }
        write!(
            f,
            "{}{}",
            self.container,
            if self.udp { "/udp" } else { "" }
        )
    }
}

impl JsonSchema for PublishedPort {
    fn schema_name() -> Cow<'static, str> {
        "PublishedPort".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string" })
    }
    fn inline_schema() -> bool {
        true
    }
}

#[cfg(test)]
pub(crate) fn port(text: &str) -> PublishedPort {
    PublishedPort::try_from(text.to_owned()).expect("a port")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forms_of_docker_are_read_and_written() {
        let check = |text, shown: &str| assert_eq!(port(text).to_string(), shown, "{text}");
        check("8000", "8000");
        check("8080:8000", "8080:8000");
        check("8080:8000/tcp", "8080:8000");
        check("0.0.0.0:53:53/udp", "53:53/udp");
        check("127.0.0.1:8080:8000", "127.0.0.1:8080:8000");
        check("127.0.0.1::8000", "127.0.0.1::8000");
        check("[::1]:8080:8000", "[::1]:8080:8000");
        for text in [
            "",
            "0",
            "x:8000",
            "8000-8010:8000",
            "70000",
            "8000/sctp",
            "1.2.3:1:1",
        ] {
            PublishedPort::try_from(text.to_owned()).expect_err(text);
        }
    }

    #[test]
    fn what_the_engine_says_is_the_same_port() {
        let check = |text, key, address, host| {
            assert_eq!(
                PublishedPort::of_engine(key, address, host),
                Some(port(text)),
                "{text}"
            );
            assert_eq!(port(text).key(), key);
        };
        check("8080:8000", "8000/tcp", "", "8080");
        check("8080:8000", "8000/tcp", "0.0.0.0", "8080");
        check("127.0.0.1::53/udp", "53/udp", "127.0.0.1", "");
        check("8000", "8000/tcp", "", "0");
    }

    #[test]
    fn only_the_same_port_of_the_host_collides() {
        let check = |one, other, collides| {
            assert_eq!(port(one).collides(&port(other)), collides, "{one} {other}");
        };
        check("8080:8000", "8080:9000", true);
        check("8080:8000", "127.0.0.1:8080:8000", true);
        check("127.0.0.2:8080:8000", "127.0.0.1:8080:8000", false);
        check("8080:8000", "8081:8000", false);
        check("8080:8000", "8080:8000/udp", false);
        check("8000", "8000", false);
    }
}

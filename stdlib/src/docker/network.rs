//! A network: its subnets and the addresses in use on it.
//!
//! Only a bridge is this engine's alone: on an overlay or beside the machine's own addresses there are others that it
//! knows nothing of, so there no address counts as covered.

use super::driver::DockerDriver;
use bollard::models::NetworkInspect;
use pb_core::{Failure, Handle, Readers, Result, code};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// A network as the engine tells it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Network {
    /// Such as `172.17.0.0/16`; none unless it is a bridge.
    subnets: Vec<Subnet>,
    /// Addresses of running containers.
    used: Vec<IpAddr>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Subnet {
    base: IpAddr,
    bits: u8,
}

/// Whether a container can be put on a network. The engine itself notices only when it starts.
pub(crate) async fn is_there(read: &Readers, engine: &Handle, name: &str) -> Result<bool> {
    let known = ["bridge", "host", "none"].contains(&name) || name.starts_with("container:");
    Ok(known
        || read
            .of::<DockerDriver>()
            .network(engine, name)
            .await?
            .is_some())
}

/// The failure of a network that is not there.
pub(crate) fn missing(name: &str) -> Failure {
    let failure = Failure::new(
        &code::DOCKER,
        format!("the network `{name}` does not exist"),
    );
    failure.hint(format!("docker network create {name}"))
}

impl Network {
    pub(crate) fn read(inspected: NetworkInspect) -> Self {
        let is_bridge = inspected.driver.as_deref() == Some("bridge");
        let ipam = inspected.ipam.filter(|_| is_bridge);
        let config = ipam.and_then(|ipam| ipam.config).unwrap_or_default();
        let endpoints = inspected.containers.unwrap_or_default().into_values();
        let addresses =
            endpoints.flat_map(|endpoint| [endpoint.ipv4_address, endpoint.ipv6_address]);
        let mut used: Vec<_> = addresses
            .flatten()
            .filter_map(|text| Some(Subnet::parse(&text)?.base))
            .collect();
        used.sort_unstable();
        Self {
            subnets: config
                .into_iter()
                .filter_map(|c| Subnet::parse(&c.subnet?))
                .collect(),
            used,
        }
    }

    /// Whether an address could belong to a container on it.
    pub(crate) fn covers(&self, address: IpAddr) -> bool {
        self.subnets.iter().any(|subnet| subnet.covers(address))
    }

    /// Whether a running container on it has that address.
    pub(crate) fn uses(&self, address: IpAddr) -> bool {
        self.used.contains(&address)
    }
}

impl Subnet {
    fn parse(text: &str) -> Option<Self> {
        let (base, bits) = text.split_once('/')?;
        Some(Self {
            base: base.parse().ok()?,
            bits: bits.parse().ok()?,
        })
    }

    fn covers(&self, address: IpAddr) -> bool {
        match (self.base, address) {
            (IpAddr::V4(base), IpAddr::V4(address)) => {
                let host = u32::MAX.checked_shr(self.bits.into()).unwrap_or(0);
                base.to_bits() | host == address.to_bits() | host
            }
            (IpAddr::V6(base), IpAddr::V6(address)) => {
                let host = u128::MAX.checked_shr(self.bits.into()).unwrap_or(0);
                base.to_bits() | host == address.to_bits() | host
            }
            _ => false,
        }
    }
}

#[cfg(test)]
impl Network {
    /// A network for tests.
    pub(crate) fn of(subnet: &str, used: &[&str]) -> Self {
        Self {
            subnets: vec![Subnet::parse(subnet).expect("a subnet")],
            used: used
                .iter()
                .map(|text| text.parse().expect("an address"))
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_bridge_covers_addresses() {
        let read = |driver: &str| {
            let inspected = serde_json::json!({
                "Driver": driver, "IPAM": { "Config": [{ "Subnet": "172.20.0.0/16" }] },
                "Containers": { "3f2a": { "IPv4Address": "172.20.0.3/16", "IPv6Address": "" } },
            });
            Network::read(serde_json::from_value(inspected).expect("an answer of the engine"))
        };
        assert_eq!(
            read("bridge"),
            Network::of("172.20.0.0/16", &["172.20.0.3"])
        );
        let address = "172.20.0.9".parse().expect("an address");
        assert!(!read("overlay").covers(address) && !read("macvlan").covers(address));
    }

    #[test]
    fn subnets_cover_their_addresses_alone() {
        let check = |subnet, address: &str, covered| {
            let network = Network::of(subnet, &[]);
            assert_eq!(
                network.covers(address.parse().expect("an address")),
                covered,
                "{address}"
            );
        };
        check("172.17.0.0/16", "172.17.255.254", true);
        check("172.17.0.0/16", "172.18.0.1", false);
        check("172.17.0.0/16", "127.0.0.1", false);
        check("10.0.0.4/32", "10.0.0.4", true);
        check("10.0.0.4/32", "10.0.0.5", false);
        check("0.0.0.0/0", "8.8.8.8", true);
        check("fd00::/64", "fd00::1:2", true);
        check("fd00::/64", "fd01::1", false);
        check("fd00::/64", "172.17.0.1", false);
    }
}

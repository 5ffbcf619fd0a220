//! Addresses that are never asked: link-local ones and the metadata services of clouds, which hand out credentials.

use super::trouble::Trouble;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use url::{Host, Url};

/// Metadata services outside of the link-local range: Alibaba, Azure, Oracle.
const METADATA: [Ipv4Addr; 3] = [
    Ipv4Addr::new(100, 100, 100, 200),
    Ipv4Addr::new(168, 63, 129, 16),
    Ipv4Addr::new(192, 0, 0, 192),
];
/// `fd00:ec2::/32`, where AWS has its own, and Google's `fd20:ce::254`.
const AWS: [u16; 2] = [0xfd00, 0x0ec2];
const GOOGLE: Ipv6Addr = Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254);
/// `64:ff9b::/96`, by which a network with NAT64 reaches IPv4.
const NAT64: [u16; 6] = [0x64, 0xff9b, 0, 0, 0, 0];

/// Whether pb asks nothing of that address.
pub(super) fn is_forbidden(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_link_local() || METADATA.contains(&v4),
        IpAddr::V6(v6) => match v4_within(v6) {
            Some(v4) => is_forbidden(v4.into()),
            None => v6.is_unicast_link_local() || v6.segments()[..2] == AWS || v6 == GOOGLE,
        },
    }
}

fn v4_within(v6: Ipv6Addr) -> Option<Ipv4Addr> {
    let by_nat64 = || {
        let [.., a, b, c, d] = v6.octets();
        (v6.segments()[..6] == NAT64).then(|| Ipv4Addr::new(a, b, c, d))
    };
    v6.to_ipv4_mapped().or_else(by_nat64)
}

/// Refuses URLs that name a forbidden address; names are judged when they are resolved.
pub(super) fn check(url: &Url) -> Result<(), Trouble> {
    let address: IpAddr = match url.host() {
        Some(Host::Ipv4(v4)) => v4.into(),
        Some(Host::Ipv6(v6)) => v6.into(),
        Some(Host::Domain(_)) | None => return Ok(()),
    };
    match is_forbidden(address) {
        false => Ok(()),
        true => Err(Trouble::Forbidden {
            host: url.host_str().unwrap_or_default().into(),
            address,
        }),
    }
}

/// Resolves names with the system, and refuses those that lead to a forbidden address.
#[derive(Debug, Clone, Default)]
pub(super) struct Resolver {
    /// The host to connect to, whatever the name in the URL: the name is for TLS and the server.
    pub(super) instead: Option<String>,
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let host = self
            .instead
            .clone()
            .unwrap_or_else(|| name.as_str().to_owned());
        Box::pin(async move { Ok(Box::new(addresses(host).await?.into_iter()) as Addrs) })
    }
}

async fn addresses(host: String) -> Result<Vec<SocketAddr>, Trouble> {
    let name = host.trim_matches(['[', ']']);
    let unresolved = |why: &str| Trouble::Unresolved {
        host: host.clone(),
        why: why.into(),
    };
    let found: Vec<SocketAddr> = match tokio::net::lookup_host((name, 0)).await {
        Ok(found) => found.collect(),
        Err(error) => {
            let text = error.to_string();
            let why = text.trim_start_matches("failed to lookup address information: ");
            return Err(unresolved(why));
        }
    };
    match found.iter().find(|found| is_forbidden(found.ip())) {
        Some(found) => Err(Trouble::Forbidden {
            host,
            address: found.ip(),
        }),
        None if found.is_empty() => Err(unresolved("it has no address")),
        None => Ok(found),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn link_local_and_metadata_addresses_are_forbidden_in_every_spelling() {
        for url in [
            "http://169.254.169.254/latest/meta-data/",
            "http://169.254.0.1/",
            "http://0xa9fea9fe/",
            "http://2852039166/",
            "http://0251.0376.0251.0376/",
            "http://[::ffff:169.254.169.254]/",
            "http://[64:ff9b::a9fe:a9fe]/",
            "http://[fe80::1]/",
            "http://[fd00:ec2::254]/",
            "http://[fd20:ce::254]/",
            "http://100.100.100.200/",
        ] {
            let parsed = Url::parse(url).expect(url);
            assert!(
                matches!(check(&parsed), Err(Trouble::Forbidden { .. })),
                "{url}"
            );
        }
        for url in [
            "http://127.0.0.1/",
            "http://10.0.0.1/",
            "http://[::1]:8000/",
            "http://[fd00::1]/",
            "http://169.253.0.1/",
            "http://100.100.100.201/",
            "http://shop/",
        ] {
            assert_eq!(check(&Url::parse(url).expect(url)), Ok(()), "{url}");
        }
    }

    #[tokio::test]
    async fn a_name_that_leads_to_a_forbidden_address_is_refused() {
        let found = addresses("[::ffff:169.254.169.254]".into()).await;
        assert!(matches!(found, Err(Trouble::Forbidden { .. })), "{found:?}");
        let found = addresses("localhost".into()).await;
        assert!(found.is_ok_and(|found| !found.is_empty()));
    }
}

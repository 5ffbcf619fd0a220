//! What `Cargo.lock` may hold.

use super::{none, read};

const BANNED: &[(&str, &str)] = &[
    ("atty", "use std::io::IsTerminal"),
    ("aws-lc-rs", "use ring: aws-lc builds a C library"),
    ("aws-lc-sys", "use ring: aws-lc builds a C library"),
    ("dotenv", "unmaintained"),
    ("native-tls", "use rustls"),
    ("openssl", "use rustls"),
    ("openssl-sys", "use rustls"),
    ("serde_yml", "unsound, RUSTSEC-2025-0068"),
    ("sigstore", "pulls in OpenSSL"),
    ("tokio-tar", "RUSTSEC-2025-0111, unmaintained"),
];

/// The first version without a published advisory.
const FLOORS: &[(&str, [u64; 3])] = &[
    ("bytes", [1, 11, 1]),
    ("h2", [0, 4, 16]),
    ("postgres-protocol", [0, 6, 12]),
    ("rustls-webpki", [0, 103, 13]),
    ("time", [0, 3, 47]),
    ("tokio-postgres", [0, 7, 18]),
    ("tracing-subscriber", [0, 3, 20]),
];

#[test]
fn no_banned_crate_is_locked() {
    let found = locked().into_iter().filter_map(|(name, version)| {
        let (_, why) = BANNED.iter().find(|(banned, _)| *banned == name)?;
        Some(format!(
            "{name} {version}: {why}; `cargo tree -i {name}` says who asks for it"
        ))
    });
    none(
        &found.collect::<Vec<_>>(),
        "take these out of the tree, often by `default-features = false`",
    );
}

#[test]
fn no_crate_with_an_advisory_is_locked() {
    let found = locked().into_iter().filter_map(|(name, version)| {
        let (_, floor) = FLOORS.iter().find(|(known, _)| *known == name)?;
        let mut numbers = version
            .split(['.', '+', '-'])
            .map_while(|part| part.parse().ok());
        let numbers = [(); 3].map(|()| numbers.next().unwrap_or(0));
        let [major, minor, patch] = floor;
        (numbers < *floor)
            .then(|| format!("{name} {version}, wanted {major}.{minor}.{patch} or later"))
    });
    none(
        &found.collect::<Vec<_>>(),
        "run `cargo update -p NAME` for these",
    );
}

fn locked() -> Vec<(String, String)> {
    let lock: toml::Table = read("Cargo.lock").parse().unwrap();
    let packages = lock["package"].as_array().unwrap();
    let field = |package: &toml::Value, name| package[name].as_str().unwrap().to_string();
    packages
        .iter()
        .map(|package| (field(package, "name"), field(package, "version")))
        .collect()
}

//! Licences of what is linked in: all of them can be shipped in one binary under MIT or Apache-2.0.

use std::env;
use std::process::Command;

use serde_json::Value;

use super::none;
use crate::support::checkout;

const ALLOWED: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// Rhai's string type: its source is not changed, so MPL asks for nothing but its notice.
const EXCEPTIONS: &[(&str, &str)] = &[("smartstring", "MPL-2.0+")];

#[test]
fn every_licence_is_allowed() {
    let found = packages().into_iter().filter_map(|package| {
        let name = package["name"].as_str().unwrap();
        let licence = package["license"].as_str().unwrap_or("none");
        let fine = EXCEPTIONS.contains(&(name, licence)) || is_allowed(licence);
        (!fine).then(|| format!("{name} {}: {licence}", package["version"].as_str().unwrap()))
    });
    none(
        &found.collect::<Vec<_>>(),
        "take these out, or have them agreed and add the licence to ALLOWED here",
    );
}

#[test]
fn licence_expressions_are_understood() {
    let fine = [
        "MIT",
        "MIT/Apache-2.0",
        "(GPL-3.0 OR MIT) AND Zlib",
        "Apache-2.0 / MIT",
    ];
    for licence in fine {
        assert!(is_allowed(licence), "{licence}");
    }
    let not = [
        "GPL-3.0",
        "MIT AND GPL-3.0",
        "MIT AND (GPL-3.0 OR MPL-2.0)",
        "none",
        "MIT OR",
    ];
    for licence in not {
        assert!(!is_allowed(licence), "{licence}");
    }
}

/// What the lock names for this platform; cargo has the others' sources only where it was asked for them.
fn packages() -> Vec<Value> {
    let cargo = env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let version = Command::new("rustc").arg("-vV").output().unwrap().stdout;
    let version = String::from_utf8(version).unwrap();
    let host = version
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .unwrap();
    let output = Command::new(cargo)
        .args(["metadata", "--offline", "--locked", "--format-version", "1"])
        .args(["--filter-platform", host])
        .current_dir(checkout::root())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "cargo metadata: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    metadata["packages"].as_array().unwrap().clone()
}

/// An SPDX expression; `/` is how old manifests write OR. What cannot be read is not allowed.
fn is_allowed(licence: &str) -> bool {
    let text = licence
        .replace('/', " OR ")
        .replace('(', " ( ")
        .replace(')', " ) ");
    let words: Vec<_> = text.split_whitespace().collect();
    let mut rest = &words[..];
    any(&mut rest) == Some(true) && rest.is_empty()
}

fn any(words: &mut &[&str]) -> Option<bool> {
    let mut allowed = all(words)?;
    while let ["OR", rest @ ..] = words {
        *words = rest;
        allowed |= all(words)?;
    }
    Some(allowed)
}

fn all(words: &mut &[&str]) -> Option<bool> {
    let mut allowed = one(words)?;
    while let ["AND", rest @ ..] = words {
        *words = rest;
        allowed &= one(words)?;
    }
    Some(allowed)
}

fn one(words: &mut &[&str]) -> Option<bool> {
    let (first, rest) = words.split_first()?;
    *words = rest;
    if *first == "(" {
        let allowed = any(words)?;
        *words = words.strip_prefix(&[")"])?;
        return Some(allowed);
    }
    // An exception only allows more.
    if let ["WITH", _, rest @ ..] = words {
        *words = rest;
    }
    Some(ALLOWED.contains(first))
}

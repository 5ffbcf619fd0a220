//! Secrets: references in scripts, arguments and journals; values in the vault and in drivers alone.

use crate::code;
use crate::failure::{Failure, Result};
use crate::scrub::{SHORTEST_SECRET, Scrubber};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

const OPEN: &str = "‹secret ";
const OPEN_URL: &str = "‹secret-url ";
const CLOSE: char = '›';

/// Text that may hold secrets, by reference: `postgres://app:‹secret-url env:PGPASSWORD›@db/shop`.
///
/// It prints, compares and serializes as that reference. `Vault::expose` gives the text itself.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SecretText(String);

impl SecretText {
    /// The secret that a reference such as `env:PGPASSWORD` names.
    pub fn reference(reference: &str) -> Self {
        Self(format!("{OPEN}{reference}{CLOSE}"))
    }

    /// The same, percent-encoded when it is exposed, for a place within a URL.
    pub fn within_url(reference: &str) -> Self {
        Self(format!("{OPEN_URL}{reference}{CLOSE}"))
    }

    /// Reads the form of `pb.toml`: `secret:env:NAME` is a reference, everything else is itself.
    pub fn of_config(text: &str) -> Self {
        text.strip_prefix("secret:")
            .map_or_else(|| Self(text.into()), Self::reference)
    }

    /// Text with references, as it may be shown.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether anything in it is secret.
    pub fn is_secret(&self) -> bool {
        holds_secret(&self.0)
    }

    /// The references in it.
    pub fn references(&self) -> Vec<&str> {
        parts(&self.0)
            .filter_map(|part| part.reference().map(|(r, _)| r))
            .collect()
    }
}

/// Whether a text holds a reference to a secret.
pub fn holds_secret(text: &str) -> bool {
    parts(text).any(|part| part.reference().is_some())
}

impl From<&str> for SecretText {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl From<String> for SecretText {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Display for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl JsonSchema for SecretText {
    fn schema_name() -> Cow<'static, str> {
        "SecretText".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "secret" })
    }
    fn inline_schema() -> bool {
        true
    }
}

enum Part<'a> {
    Plain(&'a str),
    Secret(&'a str),
    UrlEncoded(&'a str),
}

impl<'a> Part<'a> {
    fn reference(&self) -> Option<(&'a str, bool)> {
        match self {
            Part::Plain(_) => None,
            Part::Secret(reference) => Some((reference, false)),
            Part::UrlEncoded(reference) => Some((reference, true)),
        }
    }
}

fn parts(mut text: &str) -> impl Iterator<Item = Part<'_>> {
    std::iter::from_fn(move || {
        if text.is_empty() {
            return None;
        }
        let next = [(OPEN, false), (OPEN_URL, true)]
            .into_iter()
            .filter_map(|(open, url)| text.find(open).map(|at| (at, open, url)))
            .filter_map(|(at, open, url)| {
                let end = text[at..].find(CLOSE)?;
                Some((at, at + open.len(), at + end, url))
            })
            .min();
        let part;
        (part, text) = match next {
            Some((0, from, to, url)) => {
                let reference = &text[from..to];
                let part = if url {
                    Part::UrlEncoded(reference)
                } else {
                    Part::Secret(reference)
                };
                (part, &text[to + CLOSE.len_utf8()..])
            }
            Some((at, ..)) => (Part::Plain(&text[..at]), &text[at..]),
            None => (Part::Plain(text), ""),
        };
        Some(part)
    })
}

/// Where the values of secrets come from: the environment, files, commands.
pub trait SecretSource: Send + Sync {
    /// The value that a reference such as `env:PGPASSWORD` names.
    fn fetch(&self, reference: &str) -> Result<String>;
}

/// Holds the values of this run's secrets and the filter that keeps them out of every text.
pub struct Vault {
    source: Box<dyn SecretSource>,
    values: Mutex<BTreeMap<String, Result<Arc<str>>>>,
    scrubber: Scrubber,
    key: [u8; 32],
}

impl Vault {
    /// `key` makes fingerprints comparable between runs; it is kept outside of every journal.
    pub fn new(source: impl SecretSource + 'static, key: [u8; 32]) -> Self {
        let values = Mutex::default();
        Self {
            source: Box::new(source),
            values,
            scrubber: Scrubber::default(),
            key,
        }
    }

    /// Fetches a value, once.
    ///
    /// # Errors
    /// `PB0011` when it cannot be fetched or is too short to be kept out of texts.
    pub fn fetch(&self, reference: &str) -> Result<Arc<str>> {
        let mut values = self.values.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = values.get(reference) {
            return known.clone();
        }
        let value = self
            .source
            .fetch(reference)
            .and_then(|value| long_enough(reference, value));
        if let Ok(value) = &value {
            self.scrubber
                .add(value, SecretText::reference(reference).as_str());
        }
        values.insert(reference.into(), value.clone());
        value
    }

    /// The text with its secrets in it. For drivers, at the moment of use.
    pub fn expose(&self, text: &SecretText) -> Result<String> {
        parts(text.as_str())
            .map(|part| match part {
                Part::Plain(plain) => Ok(plain.to_owned()),
                Part::Secret(reference) => Ok(self.fetch(reference)?.to_string()),
                Part::UrlEncoded(reference) => {
                    Ok(utf8_percent_encode(&self.fetch(reference)?, NON_ALPHANUMERIC).to_string())
                }
            })
            .collect()
    }

    /// A short text that is equal for equal values and tells nothing about them.
    pub fn fingerprint(&self, text: &SecretText) -> Result<String> {
        use sha2::{Digest, Sha256};
        // The key goes first and last, which is enough against guessing and extension alike.
        let exposed = self.expose(text)?;
        let digest = Sha256::new()
            .chain_update(self.key)
            .chain_update(exposed)
            .chain_update(self.key);
        Ok(hex::encode(&digest.finalize()[..12]))
    }

    /// Every value fetched so far with what stands in its place, for another process that has to keep texts clean.
    pub fn fetched(&self) -> Vec<(Arc<str>, SecretText)> {
        let values = self.values.lock().unwrap_or_else(PoisonError::into_inner);
        let fetched = values.iter().filter_map(|(reference, value)| {
            let value = value.as_ref().ok()?;
            Some((value.clone(), SecretText::reference(reference)))
        });
        fetched.collect()
    }

    /// The filter that knows every value fetched so far.
    pub fn scrubber(&self) -> &Scrubber {
        &self.scrubber
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Vault(…)")
    }
}

fn long_enough(reference: &str, value: String) -> Result<Arc<str>> {
    if value.len() >= SHORTEST_SECRET {
        return Ok(value.into());
    }
    let message = format!(
        "the secret `{reference}` was refused: it has {} bytes",
        value.len()
    );
    Err(Failure::new(&code::SECRET, message)
        .because(format!(
            "a value of fewer than {SHORTEST_SECRET} bytes cannot be kept out of logs"
        ))
        .hint("use a longer value, or write it as plain text where it is none"))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixed;
    impl SecretSource for Fixed {
        fn fetch(&self, reference: &str) -> Result<String> {
            match reference {
                "env:P" => Ok("p@ssword".into()),
                "env:SHORT" => Ok("abc".into()),
                _ => Err(Failure::new(
                    &code::SECRET,
                    format!("`{reference}` is not set"),
                )),
            }
        }
    }

    fn vault() -> Vault {
        Vault::new(Fixed, [7; 32])
    }

    #[test]
    fn references_are_resolved_where_they_stand() {
        let text = SecretText::from(format!(
            "a:{}@{}",
            SecretText::within_url("env:P"),
            SecretText::reference("env:P")
        ));
        assert_eq!(
            vault().expose(&text).expect("known"),
            "a:p%40ssword@p@ssword"
        );
        assert_eq!(text.references(), ["env:P", "env:P"]);
        assert!(text.is_secret());
    }

    #[test]
    fn what_looks_like_the_beginning_of_a_reference_is_text() {
        for plain in ["", "‹secret env:P", "›", "‹secret›"] {
            let text = SecretText::from(plain);
            assert!(!text.is_secret(), "{plain}");
            assert_eq!(vault().expose(&text).expect("plain"), plain);
        }
    }

    #[test]
    fn short_and_missing_values_are_refused() {
        assert!(
            vault()
                .fetch("env:SHORT")
                .expect_err("short")
                .message
                .contains("3 bytes")
        );
        assert!(vault().fetch("env:NONE").is_err());
    }

    #[test]
    fn a_fetched_value_is_scrubbed_from_then_on() {
        let vault = vault();
        assert_eq!(vault.scrubber().text("p@ssword"), "p@ssword");
        vault.fetch("env:P").expect("known");
        assert_eq!(vault.scrubber().text("p@ssword"), "‹secret env:P›");
        drop(vault.fetch("env:NONE"));
        let fetched = [("p@ssword".into(), SecretText::reference("env:P"))];
        assert_eq!(vault.fetched(), fetched);
    }

    #[test]
    fn fingerprints_tell_equal_from_different() {
        let (vault, other) = (vault(), Vault::new(Fixed, [8; 32]));
        let print = |vault: &Vault, text: &str| vault.fingerprint(&text.into()).expect("plain");
        assert_eq!(print(&vault, "a"), print(&vault, "a"));
        assert_ne!(print(&vault, "a"), print(&vault, "b"));
        assert_ne!(print(&vault, "a"), print(&other, "a"));
    }
}

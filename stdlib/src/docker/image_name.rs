//! The name of an image: `shop:2.0`, `registry:5000/team/shop@sha256:…`.

use super::image::split_reference;
use crate::known::Known;
use pb_core::code;
use pb_core::finding::{At, Complaint};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;

/// A name that Docker takes for an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ImageName(String);

impl ImageName {
    /// Whether it says which of the images of that name is meant, or is an id itself.
    fn is_precise(&self) -> bool {
        let is_id = self.0.len() == 64 && self.0.chars().all(|c| c.is_ascii_hexdigit());
        let behind_host = self.0.rsplit('/').next().unwrap_or_default();
        is_id || behind_host.contains([':', '@'])
    }
}

/// A note on an image that may be another one tomorrow.
pub(crate) fn untagged(known: Known<'_>) -> Option<Complaint> {
    let name = ImageName::try_from(known.text("image")?.to_owned()).ok()?;
    let message =
        format!("`{name}` has neither tag nor digest: which image that is depends on the day");
    let note =
        Complaint::note(&code::NO_TAG, message).hint(format!("name one, such as `{name}:2.0`"));
    (!name.is_precise()).then(|| note.at(At::Argument("image".into())))
}

impl TryFrom<String> for ImageName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let wrong = |why: &str| Err(format!("`{text}` is no name of an image: {why}"));
        let (repository, _) = split_reference(&text);
        let rest = text.strip_prefix(repository).unwrap_or_default();
        let (host, path) = match repository.split_once('/') {
            Some((host, path)) if host.contains(['.', ':']) || host == "localhost" => {
                (Some(host), path)
            }
            _ => (None, repository),
        };
        if path.chars().any(|c| c.is_ascii_uppercase()) {
            return wrong("Docker takes repositories in lower case only");
        }
        let (tag, digest) = match rest.split_once('@') {
            Some((tag, digest)) => (tag, Some(digest)),
            None => (rest, None),
        };
        let fits = host.is_none_or(is_host)
            && path.split('/').all(is_component)
            && (tag.is_empty() || tag.strip_prefix(':').is_some_and(is_tag))
            && digest.is_none_or(is_digest);
        match fits {
            true => Ok(Self(text)),
            false => wrong("write `shop:2.0`, `registry:5000/team/shop:2.0` or `shop@sha256:…`"),
        }
    }
}

fn is_host(text: &str) -> bool {
    let (name, port) = text.rsplit_once(':').unwrap_or((text, "0"));
    let plain = |c: char| c.is_ascii_alphanumeric() || ".-[:]".contains(c);
    !name.is_empty() && name.chars().all(plain) && port.parse::<u16>().is_ok()
}

/// Letters and digits, with one of `.`, `_`, `__` or any number of `-` between them.
fn is_component(text: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let mut between = text.split(is_plain).filter(|piece| !piece.is_empty());
    let joins = |piece: &str| matches!(piece, "." | "_" | "__") || piece.chars().all(|c| c == '-');
    text.starts_with(is_plain) && text.ends_with(is_plain) && between.all(joins)
}

fn is_tag(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    let first = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.len() <= 128 && text.starts_with(first) && text.chars().all(plain)
}

fn is_digest(text: &str) -> bool {
    text.split_once(':').is_some_and(|(algorithm, hex)| {
        let plain = |c: char| c.is_ascii_alphanumeric() || "+._-".contains(c);
        algorithm.starts_with(|c: char| c.is_ascii_alphabetic())
            && algorithm.chars().all(plain)
            && hex.len() >= 32
            && hex.chars().all(|c| c.is_ascii_hexdigit())
    })
}

impl Deref for ImageName {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl From<ImageName> for String {
    fn from(name: ImageName) -> Self {
        name.0
    }
}

impl fmt::Display for ImageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl JsonSchema for ImageName {
    fn schema_name() -> Cow<'static, str> {
        "ImageName".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string" })
    }
    fn inline_schema() -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn names_that_docker_takes_are_taken_and_others_are_not() {
        let digest = "0".repeat(64);
        let (with_digest, with_both) = (
            format!("shop@sha256:{digest}"),
            format!("r.io/a/b:1@sha256:{digest}"),
        );
        let id = format!("sha256:{digest}");
        for good in [
            "shop",
            "shop:2.0",
            "shop:V2_0-rc.1",
            "library/shop",
            "a.b/c__d/e-f---g:1",
            "127.0.0.1:5000/team/shop:2.0",
            "[::1]:5000/shop",
            "localhost/shop",
            "registry.example.com/Team".to_lowercase().as_str(),
            "3f2a9c0d1e2f",
            &with_digest,
            &with_both,
            &id,
        ] {
            ImageName::try_from(good.to_owned()).expect(good);
        }
        for bad in [
            "",
            " ",
            "shop:",
            "shop 2.0",
            "shop:2 0",
            ":2.0",
            "/shop",
            "shop/",
            "a//b",
            "shop:a:b",
            "-shop",
            "shop-",
            "a..b",
            "a___b",
            "shop@2.0",
            "shop@sha256:12",
            "https://r.io/shop",
            "r.io:port/shop",
            "sch\u{f6}n",
        ] {
            let error = ImageName::try_from(bad.to_owned()).expect_err(bad);
            let wanted = format!(
                "`{bad}` is no name of an image: write `shop:2.0`, `registry:5000/team/shop:2.0` or `shop@sha256:…`"
            );
            assert_eq!(error, wanted);
        }
        assert_eq!(
            ImageName::try_from("r.io/Shop:2.0".to_owned()).expect_err("upper case"),
            "`r.io/Shop:2.0` is no name of an image: Docker takes repositories in lower case only"
        );
    }

    #[test]
    fn an_image_without_tag_or_digest_is_noted() {
        let check = |image: serde_json::Value, expect: Option<&str>| {
            let known = json!({ "image": image });
            let note = untagged(Known(known.as_object().expect("a map")));
            assert_eq!(note.map(|note| note.message).as_deref(), expect);
        };
        let noted =
            "`r.io:5000/shop` has neither tag nor digest: which image that is depends on the day";
        check(json!("r.io:5000/shop"), Some(noted));
        check(json!("r.io:5000/shop:2.0"), None);
        check(json!("shop:latest"), None);
        check(json!(format!("shop@sha256:{}", "0".repeat(64))), None);
        check(json!("0".repeat(64)), None);
        check(json!("no name"), None);
        check(json!(null), None);
    }
}

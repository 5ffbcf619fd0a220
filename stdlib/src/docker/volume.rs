//! A volume, as Docker writes it: `name:/path`, `/host:/container:ro`.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// What a container sees of its host at a path of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Volume(String);

impl Volume {
    /// As Docker takes it.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Volume {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let parts: Vec<&str> = text.split(':').collect();
        let fits = match parts[..] {
            [source, path] | [source, path, _] => is_source(source) && path.starts_with('/'),
            _ => false,
        };
        match fits {
            true => Ok(Self(text)),
            false => Err(format!(
                "`{text}` is no volume: write `/host:/container:ro` or `name:/path`"
            )),
        }
    }
}

/// A path of the host, or the name of a volume. A relative path would be the engine's, which has no folder to start from.
fn is_source(text: &str) -> bool {
    let rest = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    let first = |c: char| c.is_ascii_alphanumeric();
    text.starts_with('/') || (text.starts_with(first) && text.chars().all(rest))
}

impl From<Volume> for String {
    fn from(volume: Volume) -> Self {
        volume.0
    }
}

impl JsonSchema for Volume {
    fn schema_name() -> Cow<'static, str> {
        "Volume".into()
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

    #[test]
    fn volumes_that_docker_takes_are_taken_and_others_are_not() {
        for good in [
            "data:/data",
            "/srv/data:/data:ro",
            "/:/host",
            "a.b-c_d:/x:rw,z",
        ] {
            Volume::try_from(good.to_owned()).expect(good);
        }
        for bad in [
            "",
            "data",
            "/data",
            ":/data",
            "data:",
            "data:data",
            "./data:/data",
            "~/x:/x",
            "a:/b:ro:z",
        ] {
            let error = Volume::try_from(bad.to_owned()).expect_err(bad);
            let wanted =
                format!("`{bad}` is no volume: write `/host:/container:ro` or `name:/path`");
            assert_eq!(error, wanted);
        }
    }
}

//! When the engine starts a container again by itself.

use bollard::models::{RestartPolicy as Policy, RestartPolicyNameEnum as Name};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fmt;

/// `no`, `always`, `unless-stopped`, `on-failure` or `on-failure:3`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Restart {
    /// Never.
    #[default]
    No,
    /// Always, also after a stop once the daemon was restarted.
    Always,
    /// Unless it was stopped.
    UnlessStopped,
    /// When it ended with another code than 0, so many times; 0 is without end.
    OnFailure(u32),
}

impl Restart {
    pub(crate) fn read(policy: Option<&Policy>) -> Self {
        let most = policy
            .and_then(|p| p.maximum_retry_count)
            .unwrap_or_default();
        match policy.and_then(|p| p.name) {
            None | Some(Name::EMPTY | Name::NO) => Self::No,
            Some(Name::ALWAYS) => Self::Always,
            Some(Name::UNLESS_STOPPED) => Self::UnlessStopped,
            Some(Name::ON_FAILURE) => Self::OnFailure(most.try_into().unwrap_or_default()),
        }
    }

    pub(crate) fn policy(&self) -> Policy {
        let (name, most) = match self {
            Self::No => (Name::NO, None),
            Self::Always => (Name::ALWAYS, None),
            Self::UnlessStopped => (Name::UNLESS_STOPPED, None),
            Self::OnFailure(most) => (Name::ON_FAILURE, Some(i64::from(*most))),
        };
        Policy {
            name: Some(name),
            maximum_retry_count: most,
        }
    }

    /// Whether a container that was stopped can come back by itself when the daemon is restarted.
    pub(crate) fn comes_back(&self) -> bool {
        matches!(self, Self::Always | Self::OnFailure(_))
    }
}

impl TryFrom<String> for Restart {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let (name, most) = text.split_once(':').unwrap_or((&text, "0"));
        match (name, most.parse()) {
            ("no", Ok(0)) => Ok(Self::No),
            ("always", Ok(0)) => Ok(Self::Always),
            ("unless-stopped", Ok(0)) => Ok(Self::UnlessStopped),
            ("on-failure", Ok(most)) => Ok(Self::OnFailure(most)),
            _ => Err(format!(
                "`{text}` is no restart policy: write `no`, `always`, `unless-stopped` or `on-failure:3`"
            )),
        }
    }
}

impl From<Restart> for String {
    fn from(restart: Restart) -> Self {
        restart.to_string()
    }
}

impl fmt::Display for Restart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::No => f.write_str("no"),
            Self::Always => f.write_str("always"),
            Self::UnlessStopped => f.write_str("unless-stopped"),
            Self::OnFailure(0) => f.write_str("on-failure"),
            Self::OnFailure(most) => write!(f, "on-failure:{most}"),
        }
    }
}

impl JsonSchema for Restart {
    fn schema_name() -> Cow<'static, str> {
        "Restart".into()
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
    fn policies_are_those_of_docker() {
        for text in [
            "no",
            "always",
            "unless-stopped",
            "on-failure",
            "on-failure:3",
        ] {
            let restart = Restart::try_from(text.to_owned()).expect(text);
            assert_eq!(restart.to_string(), text);
            assert_eq!(Restart::read(Some(&restart.policy())), restart);
        }
        for text in ["", "never", "always:3", "on-failure:x", "on-failure:-1"] {
            Restart::try_from(text.to_owned()).expect_err(text);
        }
        assert_eq!(Restart::read(None), Restart::No);
    }
}

//! Names of containers: the one that serves, the one on its way in, and those on their way out.

use super::container::short;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fmt;

const NEXT: &str = ".next";

/// A name that a container serves under.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ContainerName(String);

/// What a container is by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Role {
    /// It has the name.
    Current,
    /// It is about to get it.
    Next,
    /// It had it, and is kept to go back to.
    Kept,
}

impl ContainerName {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The name of the container that shall replace the one of this name.
    pub(crate) fn next(&self) -> String {
        format!("{}{NEXT}", self.0)
    }

    /// The name under which a replaced container is kept. It holds its own id, so that no label is needed to know a
    /// container made by hand again, and no name can be taken twice.
    pub(crate) fn kept(&self, id: &str) -> String {
        format!("{}.{}", self.0, short(id))
    }

    /// What a container of that name and id is to this one.
    pub(crate) fn role(&self, name: &str, id: &str) -> Option<Role> {
        match name.strip_prefix(self.as_str())? {
            "" => Some(Role::Current),
            NEXT => Some(Role::Next),
            _ if name == self.kept(id) => Some(Role::Kept),
            _ => None,
        }
    }

    /// A filter of the engine that finds all three, and little else.
    pub(crate) fn pattern(&self) -> String {
        format!(
            r"^/?{}(\.next|\.[0-9a-f]{{12}})?$",
            self.0.replace('.', r"\.")
        )
    }
}

impl TryFrom<String> for ContainerName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let rest = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
        let first = text.starts_with(|c: char| c.is_ascii_alphanumeric());
        if !first || text.len() < 2 || !text.chars().all(rest) {
            return Err(format!(
                "`{text}` is no name of a container: two or more of letters, digits, `_`, `.` and `-`"
            ));
        }
        if text.ends_with(NEXT) {
            return Err(format!(
                "`{text}` is no name to serve under: pb itself names by `{NEXT}`"
            ));
        }
        Ok(Self(text))
    }
}

impl From<ContainerName> for String {
    fn from(name: ContainerName) -> Self {
        name.0
    }
}

impl fmt::Display for ContainerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl JsonSchema for ContainerName {
    fn schema_name() -> Cow<'static, str> {
        "ContainerName".into()
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

    fn name(text: &str) -> Result<ContainerName, String> {
        ContainerName::try_from(text.to_owned())
    }

    #[test]
    fn the_role_is_read_off_the_name() {
        let web = name("web-1").expect("a name");
        let id = "3f2a9c0d1e2f4455";
        let check = |text, role| assert_eq!(web.role(text, id), role, "{text}");
        check("web-1", Some(Role::Current));
        check("web-1.next", Some(Role::Next));
        check("web-1.3f2a9c0d1e2f", Some(Role::Kept));
        check("web-1.000000000000", None);
        check("web-1.next.next", None);
        check("web-10", None);
        check("web", None);
        assert_eq!(web.pattern(), r"^/?web-1(\.next|\.[0-9a-f]{12})?$");
        assert_eq!(
            name("a.b").expect("a name").pattern(),
            r"^/?a\.b(\.next|\.[0-9a-f]{12})?$"
        );
    }

    #[test]
    fn names_that_docker_or_pb_cannot_have_are_refused() {
        for text in ["", "w", "-web", "web 1", "web/1", "wäb", "web.next"] {
            name(text).expect_err(text);
        }
        assert_eq!(
            name("a b").expect_err("a space"),
            "`a b` is no name of a container: two or more of letters, digits, `_`, `.` and `-`"
        );
    }
}

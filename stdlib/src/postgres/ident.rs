//! Names of things in a database. An SQL text takes an identifier from here or from nowhere.

use std::fmt;
use std::ops::Deref;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Longer names are cut by the server, so that two of them can become one.
/// Source: `NAMEDATALEN` is 64, its last byte the terminator.
pub const MAX_IDENT_BYTES: usize = 63;

/// Any name that PostgreSQL keeps as it is: 1 to 63 bytes, no NUL.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(try_from = "String", into = "String")]
pub struct Ident(String);

/// A name for what pb creates, a schema or a role: PostgreSQL keeps the prefix `pg_` for itself.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(try_from = "String", into = "String")]
pub struct UnreservedIdent(Ident);

/// The name of a tenant and of its schema: `[a-z][a-z0-9_]*`, so that it is the same name with
/// quotes and without, in a URL and in a file system that ignores case.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("pattern" = "^[a-z][a-z0-9_]{0,62}$"))]
pub struct TenantName(UnreservedIdent);

/// Why a text is no name.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum IdentError {
    #[error("an empty text was given as a name")]
    Empty,
    #[error("the name `{name}` was refused: it has {} bytes, and the server cuts names to 63", name.len())]
    TooLong { name: String },
    #[error("the name `{}` was refused: it holds a NUL", name.escape_debug())]
    Nul { name: String },
    #[error("the name `{name}` was refused: the server keeps the prefix `pg_` for itself")]
    ReservedPrefix { name: String },
    #[error(
        "the tenant name `{}` was refused: it is not a letter from a to z, followed by such letters, \
         digits and `_`",
        name.escape_debug()
    )]
    TenantLetters { name: String },
    #[error("the tenant name `{name}` was refused: that schema is not a tenant's")]
    ReservedSchema { name: String },
}

impl Ident {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name as an SQL text takes it, always in quotes.
    pub fn quoted(&self) -> String {
        format!("\"{}\"", self.0.replace('"', "\"\""))
    }
}

impl TryFrom<String> for Ident {
    type Error = IdentError;

    fn try_from(name: String) -> Result<Self, IdentError> {
        if name.is_empty() {
            Err(IdentError::Empty)
        } else if name.contains('\0') {
            Err(IdentError::Nul { name })
        } else if name.len() > MAX_IDENT_BYTES {
            Err(IdentError::TooLong { name })
        } else {
            Ok(Self(name))
        }
    }
}

impl TryFrom<String> for UnreservedIdent {
    type Error = IdentError;

    fn try_from(name: String) -> Result<Self, IdentError> {
        // In this case alone, as in the server: the names are quoted.
        if name.starts_with("pg_") {
            return Err(IdentError::ReservedPrefix { name });
        }
        Ident::try_from(name).map(Self)
    }
}

impl TryFrom<String> for TenantName {
    type Error = IdentError;

    fn try_from(name: String) -> Result<Self, IdentError> {
        let name = UnreservedIdent::try_from(name)?;
        let mut bytes = name.as_str().bytes();
        let fits = bytes.next().is_some_and(|first| first.is_ascii_lowercase())
            && bytes.all(|next| next.is_ascii_lowercase() || next.is_ascii_digit() || next == b'_');
        if !fits {
            Err(IdentError::TenantLetters { name: name.into() })
        } else if NOT_TENANTS.contains(&name.as_str()) {
            Err(IdentError::ReservedSchema { name: name.into() })
        } else {
            Ok(Self(name))
        }
    }
}

/// What every database has, and where pb keeps its runs.
const NOT_TENANTS: [&str; 3] = ["information_schema", "pb", "public"];

impl Deref for UnreservedIdent {
    type Target = Ident;

    fn deref(&self) -> &Ident {
        &self.0
    }
}

impl Deref for TenantName {
    type Target = UnreservedIdent;

    fn deref(&self) -> &UnreservedIdent {
        &self.0
    }
}

impl From<Ident> for String {
    fn from(name: Ident) -> Self {
        name.0
    }
}

impl From<UnreservedIdent> for String {
    fn from(name: UnreservedIdent) -> Self {
        name.0.into()
    }
}

impl From<TenantName> for String {
    fn from(name: TenantName) -> Self {
        name.0.into()
    }
}

/// For messages. An SQL text takes [`quoted`](Ident::quoted).
impl fmt::Display for Ident {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for UnreservedIdent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for TenantName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use serde::de::DeserializeOwned;

    use super::*;
    use crate::postgres::cursor::Cursor;
    use crate::postgres::noise::Noise;
    use crate::postgres::split::split;

    /// Reads the name as a playbook's argument is read.
    #[track_caller]
    fn check<T: DeserializeOwned + Into<String>>(name: &str, refusal: Option<&str>) {
        let found = serde_json::from_value::<T>(name.into());
        let found = found.map(Into::into).map_err(|error| error.to_string());
        assert_eq!(
            found,
            refusal.map_or(Ok(name.to_owned()), |error| Err(error.to_owned()))
        );
    }

    #[test]
    fn any_name_that_the_server_keeps_is_an_ident() {
        check::<Ident>("pg_trgm", None);
        check::<Ident>("uuid-ossp", None);
        check::<Ident>("A \"b\"; DROP", None);
        check::<Ident>(&"a".repeat(63), None);
        check::<Ident>("", Some("an empty text was given as a name"));
        check::<Ident>("a\0b", Some("the name `a\\0b` was refused: it holds a NUL"));
        for long in ["a".repeat(64), "é".repeat(32)] {
            let error = format!(
                "the name `{long}` was refused: it has 64 bytes, and the server cuts names to 63"
            );
            check::<Ident>(&long, Some(&error));
        }
    }

    #[test]
    fn the_prefix_of_the_server_is_not_for_schemas_and_roles() {
        check::<UnreservedIdent>("shop", None);
        check::<UnreservedIdent>("Shop-1", None);
        check::<UnreservedIdent>("pg", None);
        check::<UnreservedIdent>("PG_shop", None);
        check::<UnreservedIdent>("a_pg_", None);
        let error = "the name `pg_shop` was refused: the server keeps the prefix `pg_` for itself";
        check::<UnreservedIdent>("pg_shop", Some(error));
        check::<UnreservedIdent>("", Some("an empty text was given as a name"));
    }

    #[test]
    fn tenants_have_plain_names() {
        for name in [
            "a",
            "acme",
            "acme_2",
            "a__",
            "pgx",
            "pb_shop",
            "publican",
            &"a".repeat(63),
        ] {
            check::<TenantName>(name, None);
        }
        for name in [
            "Acme", "1a", "_a", "a-b", "a b", "é", "a\"", "a;", "a.b", " a", "a\n",
        ] {
            let error = format!(
                "the tenant name `{}` was refused: it is not a letter from a to z, followed by such \
                 letters, digits and `_`",
                name.escape_debug()
            );
            check::<TenantName>(name, Some(&error));
        }
        for name in ["public", "information_schema", "pb"] {
            let error =
                format!("the tenant name `{name}` was refused: that schema is not a tenant's");
            check::<TenantName>(name, Some(&error));
        }
        check::<TenantName>(
            "pg_toast",
            Some("the name `pg_toast` was refused: the server keeps the prefix `pg_` for itself"),
        );
        let long = "a".repeat(64);
        let error = format!(
            "the name `{long}` was refused: it has 64 bytes, and the server cuts names to 63"
        );
        check::<TenantName>(&long, Some(&error));
        check::<TenantName>("", Some("an empty text was given as a name"));
    }

    #[test]
    fn a_quote_in_a_name_is_doubled() {
        let check = |name: &str, expect: &str| {
            let name = Ident::try_from(name.to_owned()).expect("the test writes a name");
            assert_eq!(name.quoted(), expect);
        };
        check("a", "\"a\"");
        check("A b", "\"A b\"");
        check("a\"; drop table t; --", "\"a\"\"; drop table t; --\"");
        check("\"\"", "\"\"\"\"\"\"");
    }

    /// Every name is refused, or is one identifier: the one token that the server would read, cut as
    /// the server cuts it, is the name again. So no two names become one.
    #[test]
    fn each_accepted_name_is_exactly_one_identifier() {
        const PIECES: &[&str] = &[
            "a",
            "B",
            "z9",
            "_",
            "-",
            "\"",
            "\"\"",
            "'",
            ";",
            "--",
            "/*",
            "*/",
            "$$",
            "\\",
            " ",
            "\n",
            "\0",
            "é",
            "日本",
            "pg_",
            "public",
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            "u&",
            ".",
            "\u{feff}",
        ];
        let mut noise = Noise::new(5);
        let (mut refused, mut tenants) = (0, 0);
        for _ in 0..10_000 {
            let text = noise.soup(PIECES, 6);
            let Ok(name) = Ident::try_from(text.clone()) else {
                assert!(
                    text.is_empty() || text.len() > 63 || text.contains('\0'),
                    "{text:?}"
                );
                assert_eq!(TenantName::try_from(text).ok(), None);
                refused += 1;
                continue;
            };
            let sql = name.quoted();
            let statements = split(&sql).expect("a quoted name is closed");
            let mut cursor = Cursor::new(&statements[0]);
            assert_eq!(cursor.identifier().as_deref(), Some(text.as_str()));
            assert!(cursor.is_done() && statements.len() == 1, "{text:?}");
            if let Ok(tenant) = TenantName::try_from(text.clone()) {
                let bare = split(&text).expect("a tenant's name is a word");
                assert_eq!(
                    Cursor::new(&bare[0]).identifier().as_deref(),
                    Some(tenant.as_str())
                );
                tenants += 1;
            }
        }
        assert!(refused > 1_000 && tenants > 100, "{refused} {tenants}");
    }

    #[test]
    fn the_schemas_are_those_of_texts() {
        let ident = schemars::schema_for!(Ident);
        assert_eq!(ident.get("type"), Some(&"string".into()));
        let tenant = schemars::schema_for!(TenantName);
        assert_eq!(tenant.get("type"), Some(&"string".into()));
        assert_eq!(
            tenant.get("pattern"),
            Some(&"^[a-z][a-z0-9_]{0,62}$".into())
        );
    }
}

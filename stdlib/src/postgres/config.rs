//! The table of `pb.toml` that names a database. Passwords stand in it by reference only.

use pb_core::spec::{self, Field};
use pb_core::{Failure, Result, SecretText, Span, code};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

const SCHEMES: [&str; 2] = ["postgres://", "postgresql://"];

/// A table of `pb.toml` with the key `postgres`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PostgresConfig {
    /// `postgres://USER@HOST:PORT/DATABASE`, or `secret:env:NAME` where a secret holds the whole URL.
    pub postgres: SecretText,
    /// The password, by reference: `secret:env:PGPASSWORD`.
    pub password: Option<SecretText>,
    /// How the connection is encrypted; `verify-full`, or `prefer` where the server is on this machine.
    pub sslmode: Option<SslMode>,
    /// File with the certificates of the authorities that sign the server's, instead of the system's.
    pub sslrootcert: Option<String>,
    /// How long making a connection may take.
    #[serde(default = "ten_seconds")]
    pub connect_timeout: Span,
}

fn ten_seconds() -> Span {
    Span::seconds(10)
}

/// How a connection is encrypted, in the words of libpq.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SslMode {
    /// Not at all.
    Disable,
    /// Where the server offers it; its certificate is not looked at.
    Prefer,
    /// Always; the certificate is not looked at.
    Require,
    /// Always; the certificate is signed by a known authority.
    VerifyCa,
    /// Always; the certificate is signed by a known authority and is that of the host.
    VerifyFull,
}

impl PostgresConfig {
    /// Reads the table of a handle.
    ///
    /// # Errors
    /// `PB0207` and `PB0208` for its keys, `PB0011` for a password that stands there as it is.
    pub fn of(config: &Map<String, Value>) -> Result<Self> {
        spec::check("database", &Field::all_of::<Self>(), config)?;
        let mut read = Self::deserialize(Value::Object(config.clone())).map_err(|error| {
            Failure::new(
                &code::WRONG_TYPE,
                format!("the table of the database was refused: {error}"),
            )
        })?;
        read.postgres = SecretText::of_config(read.postgres.as_str());
        read.password = read.password.map(|p| SecretText::of_config(p.as_str()));
        read.check()?;
        Ok(read)
    }

    fn check(&self) -> Result<()> {
        if let Some(password) = &self.password {
            if password_reference(password).is_none() {
                let message = "`password` of the database was written out";
                return Err(literal_password(message).with("option", "password"));
            }
            if self.is_secret_url() {
                let message = "`password` has no place beside a URL that is a secret";
                return Err(Failure::new(&code::SECRET, message)
                    .hint("put the password into the URL's secret, and delete `password`"));
            }
        }
        if self.is_secret_url() {
            return Ok(());
        }
        let Some(parts) = self.parts() else {
            let message = format!("`{}` is no URL of a database", self.postgres);
            return Err(Failure::new(&code::WRONG_TYPE, message)
                .hint("write `postgres://USER@HOST:5432/DATABASE`"));
        };
        match parts.password {
            Some(password) if !SecretText::from(password).is_secret() => Err(literal_password(
                "the password was written out in the database's URL",
            )),
            Some(_) if self.password.is_some() => Err(Failure::new(
                &code::SECRET,
                "the database has two passwords: in its URL and as `password`",
            )
            .hint("delete the one in the URL")),
            _ => Ok(()),
        }
    }

    fn is_secret_url(&self) -> bool {
        password_reference(&self.postgres).is_some()
    }

    /// The connection text with its password, by reference: what `db.url` is.
    pub fn url(&self) -> SecretText {
        let reference = self.password.as_ref().and_then(password_reference);
        let (Some(reference), Some(parts)) = (reference, self.parts()) else {
            return self.postgres.clone();
        };
        let Parts {
            scheme, user, rest, ..
        } = parts;
        let password = SecretText::within_url(reference);
        SecretText::from(format!("{scheme}{user}:{password}@{rest}"))
    }

    fn parts(&self) -> Option<Parts<'_>> {
        let text = self.postgres.as_str();
        let scheme = SCHEMES.into_iter().find(|s| text.starts_with(s))?;
        let after = &text[scheme.len()..];
        let end = after.find(['/', '?', '#']).unwrap_or(after.len());
        let Some(at) = after[..end].rfind('@') else {
            return Some(Parts {
                scheme,
                user: "",
                password: None,
                rest: after,
            });
        };
        let (user, password) = match after[..at].split_once(':') {
            Some((user, password)) => (user, Some(password)),
            None => (&after[..at], None),
        };
        Some(Parts {
            scheme,
            user,
            password,
            rest: &after[at + 1..],
        })
    }
}

/// A URL, cut where a password stands or would stand.
struct Parts<'a> {
    scheme: &'a str,
    user: &'a str,
    password: Option<&'a str>,
    rest: &'a str,
}

/// The reference that the text is, when it is nothing else.
fn password_reference(text: &SecretText) -> Option<&str> {
    match text.references()[..] {
        [reference] if SecretText::reference(reference) == *text => Some(reference),
        _ => None,
    }
}

fn literal_password(message: &str) -> Failure {
    Failure::new(&code::SECRET, message)
        .because("whoever can read `pb.toml` or its history could read it")
        .hint("write `password = \"secret:env:PGPASSWORD\"` and set the variable PGPASSWORD")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(config: Value) -> Result<PostgresConfig> {
        PostgresConfig::of(config.as_object().expect("a table"))
    }

    fn refusal(config: Value) -> String {
        let failure = read(config).expect_err("refused");
        format!("{} {}", failure.code, failure.message)
    }

    #[test]
    fn the_url_holds_the_password_by_reference() {
        let check = |config: Value, url: &str| {
            let config = read(config).expect("good");
            assert_eq!(config.url().as_str(), url);
        };
        check(
            json!({ "postgres": "postgres://shop@127.0.0.1:5432/shop", "password": "secret:env:P" }),
            "postgres://shop:‹secret-url env:P›@127.0.0.1:5432/shop",
        );
        check(
            json!({ "postgres": "postgresql://db/shop?sslmode=require", "password": "‹secret file:p›" }),
            "postgresql://:‹secret-url file:p›@db/shop?sslmode=require",
        );
        check(
            json!({ "postgres": "secret:env:DATABASE_URL" }),
            "‹secret env:DATABASE_URL›",
        );
        check(
            json!({ "postgres": "postgres://db/a@b" }),
            "postgres://db/a@b",
        );
    }

    #[test]
    fn a_password_that_anyone_can_read_is_refused() {
        assert_eq!(
            refusal(json!({ "postgres": "postgres://shop:hunter22@db/shop" })),
            "PB0011 the password was written out in the database's URL"
        );
        assert_eq!(
            refusal(json!({ "postgres": "postgres://shop@db/shop", "password": "hunter22" })),
            "PB0011 `password` of the database was written out"
        );
        assert_eq!(
            refusal(json!({ "postgres": "secret:env:U", "password": "secret:env:P" })),
            "PB0011 `password` has no place beside a URL that is a secret"
        );
        let hint = read(json!({ "postgres": "postgres://a:b@c/d" }))
            .expect_err("refused")
            .hint;
        assert_eq!(
            hint.as_deref(),
            Some("write `password = \"secret:env:PGPASSWORD\"` and set the variable PGPASSWORD")
        );
    }

    #[test]
    fn keys_and_urls_that_nobody_knows_are_refused() {
        assert_eq!(
            refusal(json!({ "postgres": "postgres://db/shop", "pasword": "secret:env:P" })),
            "PB0207 `database` has no option `pasword`"
        );
        assert_eq!(
            refusal(json!({ "postgres": "mysql://db/shop" })),
            "PB0208 `mysql://db/shop` is no URL of a database"
        );
        assert_eq!(
            refusal(json!({ "postgres": "postgres://db/shop", "sslmode": "verify-ful" })),
            "PB0208 `sslmode` of `database` takes \"disable\" or \"prefer\" or \"require\" or \
             \"verify-ca\" or \"verify-full\", not \"verify-ful\""
        );
    }
}

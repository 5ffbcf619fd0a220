//! Passwords and tokens that stand in a playbook as they are.

use super::arguments::{Assigned, Given};
use super::finder::Finder;
use pb_core::Spec;
use pb_core::code;
use pb_core::spec::Kind;
use rhai::{Expr, Position};

const BECAUSE: &str = "whoever reads the playbook or its journal reads it";
const HINT: &str = "take it from where secrets are kept: secret(\"env:NAME\")";

/// What the names of credentials end with: `PASSWORD_FILE` and `TOKEN_TTL` hold none.
const TELLING: [&str; 14] = [
    "access_key",
    "api_key",
    "apikey",
    "bearer",
    "credential",
    "credentials",
    "passphrase",
    "passwd",
    "password",
    "private_key",
    "secret",
    "secret_key",
    "secret_key_base",
    "token",
];

/// Values of what is named like a credential and only says something about one.
const SETTINGS: [&str; 10] = [
    "", "0", "1", "false", "no", "none", "off", "on", "true", "yes",
];

/// How the value of the header `Authorization` begins.
const SCHEMES: [&str; 4] = ["Basic ", "Bearer ", "Digest ", "Token "];

impl<'a> Finder<'a> {
    /// Options that take secrets, and are named like one.
    pub(super) fn credentials(&mut self, spec: &Spec, assigned: &Assigned<'a>) {
        for (name, given) in &assigned.named {
            let field = spec.fields.iter().find(|field| field.name == *name);
            if let Some(field) = field {
                self.credential(name, &field.kind, given);
            }
        }
    }

    fn credential(&mut self, name: &str, kind: &Kind, given: &Given<'a>) {
        match (kind, given.expr) {
            (Kind::Secret, _) => {
                let text = given.shape.text();
                if text.is_some_and(|text| is_credential(name, text)) {
                    let message = format!("the value of `{name}` stands in the playbook as it is");
                    self.literal(message, given.at);
                }
            }
            (Kind::MapOf(inner), Some(Expr::Map(map, _))) => {
                for (key, value) in &map.0 {
                    let given = self.given(value);
                    self.credential(&key.name, inner, &given);
                }
            }
            (Kind::Options(fields), Some(Expr::Map(map, _))) => {
                for (key, value) in &map.0 {
                    if let Some(field) = fields.iter().find(|field| field.name == key.name.as_str())
                    {
                        let given = self.given(value);
                        self.credential(&key.name, &field.kind, &given);
                    }
                }
            }
            (Kind::AnyOf(kinds), _) => {
                let fits = kinds.iter().find(|kind| {
                    matches!(
                        (kind, given.expr),
                        (Kind::Secret, _)
                            | (Kind::MapOf(_) | Kind::Options(_), Some(Expr::Map(..)))
                    )
                });
                if let Some(kind) = fits {
                    self.credential(name, kind, given);
                }
            }
            _ => {}
        }
    }

    /// `scheme://user:password@host`.
    pub(super) fn password_in_url(&mut self, text: &str, at: Position) {
        let is_prose = text.contains(char::is_whitespace);
        let found = text.match_indices("://").any(|(i, _)| {
            let rest = &text[i + 3..];
            let host = rest
                .find(['/', '?', '#', ' ', '"', '\''])
                .unwrap_or(rest.len());
            let Some((user, _)) = rest[..host].rsplit_once('@') else {
                return false;
            };
            let password = user.split_once(':').map_or("", |(_, password)| password);
            !password.is_empty() && !is_placeholder(password, is_prose)
        });
        if found {
            let message = "the password of a URL stands in the playbook as it is";
            self.literal(message.into(), at);
        }
    }

    fn literal(&mut self, message: String, at: Position) {
        let finding = self.error(&code::LITERAL_SECRET, message, at);
        finding.because.push(BECAUSE.into());
        finding.hint = Some(HINT.into());
    }
}

fn is_credential(name: &str, text: &str) -> bool {
    let name = name.to_lowercase().replace('-', "_");
    let is_telling = TELLING.iter().any(|end| name.ends_with(end));
    let is_scheme = |scheme: &&str| {
        text.get(..scheme.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    };
    let is_authorization = name.ends_with("authorization") && SCHEMES.iter().any(is_scheme);
    let is_setting = SETTINGS.contains(&text.to_lowercase().as_str());
    // A path leads to a credential, a URL to who gives one.
    let is_place = text.starts_with(['/', '.', '$']) || text.contains("://");
    is_authorization || (is_telling && !is_setting && !is_place)
}

/// What stands where a password would: for the shell to fill in, or for people to see how a URL is written.
fn is_placeholder(password: &str, is_prose: bool) -> bool {
    password.starts_with(['$', '<', '{', '%', '['])
        || password.chars().all(|c| matches!(c, '*' | '…' | '.' | 'x'))
        || password == "PASSWORD"
        || (is_prose && ["pass", "password", "pw", "secret"].contains(&password))
}

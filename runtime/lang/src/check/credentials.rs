//! Passwords and tokens that stand in a playbook as they are.

use super::arguments::{Assigned, Given};
use super::finder::Finder;
use pb_core::Spec;
use pb_core::code;
use pb_core::spec::Kind;
use rhai::{Expr, Position};

const HINT: &str = "take it from where secrets are kept: secret(\"env:NAME\")";

/// Parts of names of what nobody may read.
const TELLING: [&str; 9] = [
    "password",
    "passwd",
    "token",
    "secret",
    "api_key",
    "apikey",
    "private_key",
    "bearer",
    "credential",
];

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
            (Kind::Secret, _) if is_telling(name) => {
                let empty = given.shape.text().is_none_or(str::is_empty);
                if !empty {
                    let message = format!("the value of `{name}` stands in the playbook as it is");
                    self.warning(&code::LITERAL_SECRET, message, given.at).hint = Some(HINT.into());
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
        let found = text.match_indices("://").any(|(i, _)| {
            let rest = &text[i + 3..];
            let host = rest
                .find(['/', '?', '#', ' ', '"', '\''])
                .unwrap_or(rest.len());
            let Some((user, _)) = rest[..host].rsplit_once('@') else {
                return false;
            };
            let password = user.split_once(':').map_or("", |(_, password)| password);
            !password.is_empty()
                && !password.contains("${")
                && !password.chars().all(|c| matches!(c, '*' | '…' | '.' | 'x'))
        });
        if found {
            let message = "the password of a URL stands in the playbook as it is";
            self.warning(&code::LITERAL_SECRET, message, at).hint = Some(HINT.into());
        }
    }
}

fn is_telling(name: &str) -> bool {
    let name = name.to_lowercase();
    TELLING.iter().any(|part| name.contains(part))
}

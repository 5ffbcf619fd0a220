//! Where runs are kept, as `--state` or `PB_STATE` tells it.

use pb_core::SecretText;
use serde_json::{Map, Value};
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

/// A place for runs.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum State {
    /// A folder of this machine.
    Folder(PathBuf),
    /// A database, by the table that a handle of it would have.
    Tables(Map<String, Value>),
}

type Variable<'a> = &'a dyn Fn(&str) -> Option<OsString>;

impl State {
    /// What was told; the variable may hold a password, the option may not.
    pub(crate) fn told(option: Option<&OsString>, variable: Variable<'_>) -> Option<Self> {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let secret = |name: &str| Value::from(SecretText::reference(name).as_str());
        if let Some(told) = option {
            let Some(url) = url(told) else {
                return Some(Self::Folder(told.into()));
            };
            let mut table = Map::from_iter([("postgres".to_owned(), url.into())]);
            if set("PGPASSWORD").is_some() {
                table.insert("password".into(), secret("env:PGPASSWORD"));
            }
            return Some(Self::Tables(table));
        }
        let told = set("PB_STATE")?;
        Some(match url(&told) {
            None => Self::Folder(told.into()),
            Some(_) => {
                let whole = ("postgres".to_owned(), secret("env:PB_STATE"));
                Self::Tables(Map::from_iter([whole]))
            }
        })
    }
}

fn url(text: &OsStr) -> Option<&str> {
    let text = text.to_str()?;
    let schemes = ["postgres://", "postgresql://"];
    schemes
        .iter()
        .any(|scheme| text.starts_with(scheme))
        .then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_folder_and_a_database_are_told_apart() {
        let check = |option: Option<&str>, variables: &[(&str, &str)], expected: Value| {
            let variable = |name: &str| {
                let found = variables.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| OsString::from(value))
            };
            let told = State::told(option.map(OsString::from).as_ref(), &variable);
            let told = match told {
                None => Value::Null,
                Some(State::Folder(path)) => json!(path),
                Some(State::Tables(table)) => table.into(),
            };
            assert_eq!(told, expected, "{option:?} {variables:?}");
        };
        let url = "postgres://ops@db/pb";
        check(None, &[], Value::Null);
        check(None, &[("PB_STATE", "")], Value::Null);
        check(Some("runs"), &[("PB_STATE", "other")], json!("runs"));
        check(None, &[("PB_STATE", "other")], json!("other"));
        check(Some(url), &[], json!({ "postgres": url }));
        check(
            Some(url),
            &[("PGPASSWORD", "x")],
            json!({ "postgres": url, "password": "‹secret env:PGPASSWORD›" }),
        );
        check(
            None,
            &[("PB_STATE", url), ("PGPASSWORD", "x")],
            json!({ "postgres": "‹secret env:PB_STATE›" }),
        );
    }
}

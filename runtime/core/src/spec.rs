//! What a call looks like, read off the declaration of its arguments: for parsing, help, checks and docs.

use crate::nearest::nearest;
use crate::secret::holds_secret;
use crate::{Failure, code, handle::Handle};
use schemars::{JsonSchema, Schema, generate::SchemaSettings};
use serde_json::{Map, Value};
use std::fmt;

/// One argument or one key of a map of options.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// As scripts write it.
    pub name: String,
    /// The doc comment of its declaration.
    pub doc: String,
    /// What it takes.
    pub kind: Kind,
    /// Whether the call needs it.
    pub required: bool,
    /// What it is when it is left out, as it would be typed.
    pub fallback: Option<Value>,
    /// Its place among the positional arguments, from 0; `None` for options.
    pub position: Option<u64>,
    /// Whether it is another at every look, of a key of a result: a plan takes it for unknown.
    pub passing: bool,
}

/// What an argument takes.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// Any text without secrets.
    Text,
    /// Text that may hold secrets.
    Secret,
    /// A whole number.
    Int,
    /// Any number.
    Number,
    /// True or false.
    Bool,
    /// `"30s"` or a number of seconds.
    Duration,
    /// One of these texts.
    Choice(Vec<String>),
    /// A list of that.
    List(Box<Kind>),
    /// A map from any text to that.
    MapOf(Box<Kind>),
    /// A map with these keys.
    Options(Vec<Field>),
    /// A handle of one of these drivers; the key of the environment that is meant when it is left out.
    Handle {
        /// Names of drivers.
        drivers: Vec<String>,
        /// Such as `database`.
        default: Option<String>,
    },
    /// One of several kinds.
    AnyOf(Vec<Kind>),
    /// Anything.
    Any,
}

impl Field {
    /// The fields that a type of arguments declares: positional ones first, then options by name.
    pub fn all_of<T: JsonSchema>() -> Vec<Self> {
        let mut settings = SchemaSettings::draft2020_12();
        settings.inline_subschemas = true;
        fields(
            settings
                .into_generator()
                .into_root_schema_for::<T>()
                .as_value(),
        )
    }
}

/// Whether a type of results is more than `()`.
pub(crate) fn gives<T: JsonSchema>() -> bool {
    let schema = SchemaSettings::draft2020_12()
        .into_generator()
        .into_root_schema_for::<T>();
    schema.as_value()["type"] != "null"
}

fn fields(schema: &Value) -> Vec<Field> {
    let required = |name: &str| {
        schema["required"]
            .as_array()
            .is_some_and(|names| names.iter().any(|n| n == name))
    };
    let mut fields: Vec<Field> = schema["properties"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, property)| Field {
            name: name.clone(),
            doc: property["description"]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
            kind: kind(property),
            required: required(name),
            fallback: property.get("default").filter(|v| !v.is_null()).cloned(),
            position: property["x-position"].as_u64(),
            passing: property["x-passing"] == true,
        })
        .collect();
    fields.sort_by_key(|field| (field.position.unwrap_or(u64::MAX), field.name.clone()));
    fields
}

fn kind(schema: &Value) -> Kind {
    let texts = |value: &Value| -> Vec<String> {
        value
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .map(Into::into)
            .collect()
    };
    if schema.get("x-handle").is_some() {
        let default = schema["x-default-handle"].as_str().map(Into::into);
        return Kind::Handle {
            drivers: texts(&schema["x-handle"]),
            default,
        };
    }
    if let Some(word) = schema.get("const") {
        return Kind::Choice(texts(&Value::Array(vec![word.clone()])));
    }
    if schema.get("enum").is_some() {
        return Kind::Choice(texts(&schema["enum"]));
    }
    for any in ["anyOf", "oneOf"] {
        if let Some(kinds) = schema[any].as_array() {
            return any_of(
                kinds
                    .iter()
                    .filter(|k| k["type"] != "null")
                    .map(kind)
                    .collect(),
            );
        }
    }
    match schema["format"].as_str() {
        Some("duration") => return Kind::Duration,
        Some("secret") => return Kind::Secret,
        _ => {}
    }
    let named = match &schema["type"] {
        Value::Array(types) => types.iter().find(|t| *t != "null").and_then(Value::as_str),
        one => one.as_str(),
    };
    match named {
        Some("string") => Kind::Text,
        Some("integer") => Kind::Int,
        Some("number") => Kind::Number,
        Some("boolean") => Kind::Bool,
        Some("array") => Kind::List(Box::new(kind(&schema["items"]))),
        Some("object") if schema.get("properties").is_some() => Kind::Options(fields(schema)),
        Some("object") => Kind::MapOf(Box::new(kind(&schema["additionalProperties"]))),
        _ => Kind::Any,
    }
}

/// Folds a list of kinds: choices into one, and a single kind into itself.
fn any_of(kinds: Vec<Kind>) -> Kind {
    if kinds.iter().all(|k| matches!(k, Kind::Choice(_))) {
        let words = kinds.into_iter().flat_map(|k| match k {
            Kind::Choice(words) => words,
            _ => vec![],
        });
        return Kind::Choice(words.collect());
    }
    match <[Kind; 1]>::try_from(kinds) {
        Ok([one]) => one,
        Err(kinds) => Kind::AnyOf(kinds),
    }
}

/// Holds a map of arguments to its fields.
///
/// # Errors
/// `PB0207` for an unknown or a missing key, with the nearest name; `PB0208` for a wrong value; `PB0011` for a secret
/// where only plain text may stand. `call` names the call in the message.
pub fn check(call: &str, fields: &[Field], args: &Map<String, Value>) -> Result<(), Failure> {
    for (name, value) in args {
        let Some(field) = fields.iter().find(|f| f.name == *name) else {
            return Err(unknown(call, fields, name));
        };
        check_value(call, name, &field.kind, value)?;
    }
    match fields
        .iter()
        .find(|f| f.required && !args.contains_key(&f.name))
    {
        None => Ok(()),
        Some(field) => Err(missing(call, field)),
    }
}

/// What is said of an option that `call` does not have.
pub fn unknown(call: &str, fields: &[Field], name: &str) -> Failure {
    let names = || fields.iter().map(|f| f.name.as_str());
    let message = format!("`{call}` has no option `{name}`");
    let failure = Failure::new(&code::UNKNOWN_OPTION, message).with("option", name);
    match nearest(name, names()) {
        Some(near) => failure.hint(format!("did you mean `{near}`?")),
        None => failure.because(format!("its options are {}", list(names()))),
    }
}

/// What is said when `call` lacks an argument that it needs.
pub fn missing(call: &str, field: &Field) -> Failure {
    let what = if field.position.is_some() {
        "argument"
    } else {
        "option"
    };
    let message = format!("`{call}` needs the {what} `{}`", field.name);
    let failure = Failure::new(&code::UNKNOWN_OPTION, message).because(first_line(&field.doc));
    failure.with("option", field.name.as_str())
}

/// Holds one value to what an argument takes.
///
/// # Errors
/// Those of `check`.
pub fn check_value(call: &str, name: &str, kind: &Kind, value: &Value) -> Result<(), Failure> {
    let wrong = |got: String| {
        let message = format!("`{name}` of `{call}` takes {kind}, not {got}");
        Err(Failure::new(&code::WRONG_TYPE, message).with("option", name))
    };
    match (kind, value) {
        (Kind::Secret | Kind::Any, _) => Ok(()),
        (_, Value::String(text)) if holds_secret(text) => {
            let message = format!("`{name}` of `{call}` may hold no secret");
            Err(Failure::new(&code::SECRET, message)
                .because("its value is shown, compared or written down as it is"))
        }
        (Kind::Duration, Value::String(text)) => match crate::Span::parse(text) {
            Ok(_) => Ok(()),
            Err(because) => wrong(show(value)).map_err(|f| f.because(because)),
        },
        (Kind::Text, Value::String(_))
        | (Kind::Int, Value::Number(_))
        | (Kind::Number | Kind::Duration, Value::Number(_))
        | (Kind::Bool, Value::Bool(_)) => match value.as_f64() {
            Some(n) if *kind == Kind::Int && n.fract() != 0.0 => wrong(show(value)),
            _ => Ok(()),
        },
        (Kind::Choice(words), Value::String(text)) => match words.contains(text) {
            true => Ok(()),
            false => wrong(show(value)).map_err(|f| {
                match nearest(text, words.iter().map(String::as_str)) {
                    Some(near) => f.hint(format!("did you mean \"{near}\"?")),
                    None => f,
                }
            }),
        },
        (Kind::List(inner), Value::Array(items)) => items
            .iter()
            .enumerate()
            .try_for_each(|(i, item)| check_value(call, &format!("{name}[{i}]"), inner, item)),
        (Kind::Handle { drivers, .. }, Value::Object(_)) => match Handle::of_value(value) {
            Some(handle) if drivers.contains(&handle.driver) => Ok(()),
            Some(handle) => wrong(format!(
                "the handle `{}` of driver `{}`",
                handle.name, handle.driver
            )),
            None => wrong(show(value)),
        },
        (Kind::MapOf(inner), Value::Object(map)) if Handle::of_value(value).is_none() => map
            .iter()
            .try_for_each(|(key, item)| check_value(call, &format!("{name}.{key}"), inner, item)),
        (Kind::Options(fields), Value::Object(map)) if Handle::of_value(value).is_none() => {
            check(&format!("{name}` of `{call}"), fields, map)
        }
        (Kind::AnyOf(kinds), _) => {
            let mut tries = kinds
                .iter()
                .map(|kind| (kind, check_value(call, name, kind, value)));
            // The complaint of the kind that has the value's shape says more than "none of these".
            let same_shape = |kind: &Kind| {
                matches!(
                    (kind, value),
                    (Kind::Options(_), Value::Object(_)) | (Kind::List(_), Value::Array(_))
                )
            };
            let mut complaint = None;
            let fits = tries.any(|(kind, result)| match result {
                Ok(()) => true,
                Err(failure) => {
                    if same_shape(kind) {
                        complaint = Some(failure);
                    }
                    false
                }
            });
            match (fits, complaint) {
                (true, _) => Ok(()),
                (false, Some(failure)) => Err(failure),
                (false, None) => wrong(show(value)),
            }
        }
        _ => wrong(show(value)),
    }
}

/// A value as an error names it: short, with its type where that helps.
pub fn show(value: &Value) -> String {
    match value {
        Value::Null => "()".into(),
        Value::String(text) if text.chars().count() > 40 => {
            format!("\"{}…\"", text.chars().take(40).collect::<String>())
        }
        Value::String(_) | Value::Number(_) | Value::Bool(_) => value.to_string(),
        Value::Array(_) => "a list".into(),
        Value::Object(_) => match Handle::of_value(value) {
            Some(handle) => format!("the handle `{}`", handle.name),
            None => "a map".into(),
        },
    }
}

fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names
        .map(|name| format!("`{name}`"))
        .collect::<Vec<_>>()
        .join(", ")
}

/// The first sentence or line of a doc comment.
pub fn first_line(doc: &str) -> &str {
    doc.lines().next().unwrap_or_default()
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text => f.write_str("a text"),
            Self::Secret => f.write_str("a text or a secret"),
            Self::Int => f.write_str("a whole number"),
            Self::Number => f.write_str("a number"),
            Self::Bool => f.write_str("true or false"),
            Self::Duration => f.write_str("a duration"),
            Self::Choice(words) => f.write_str(
                &words
                    .iter()
                    .map(|w| format!("\"{w}\""))
                    .collect::<Vec<_>>()
                    .join(" or "),
            ),
            Self::List(inner) => write!(f, "a list ({inner} each)"),
            Self::MapOf(inner) => write!(f, "a map ({inner} each)"),
            Self::Options(_) => f.write_str("a map of options"),
            Self::Handle { drivers, .. } => write!(f, "a handle ({})", drivers.join(", ")),
            Self::AnyOf(kinds) => f.write_str(
                &kinds
                    .iter()
                    .map(ToString::to_string)
                    .collect::<Vec<_>>()
                    .join(", or "),
            ),
            Self::Any => f.write_str("anything"),
        }
    }
}

/// Marks an argument as positional: `#[schemars(transform = position::<0>)]`.
pub fn position<const N: u64>(schema: &mut Schema) {
    schema.insert("x-position".into(), N.into());
}

/// Marks a key of a result as another at every look: `#[schemars(transform = passing)]`.
pub fn passing(schema: &mut Schema) {
    schema.insert("x-passing".into(), true.into());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{HandleKind, HandleOf, SecretText, Span};
    use serde::Deserialize;
    use serde_json::json;

    #[derive(Deserialize)]
    struct AnyDatabase;
    impl HandleKind for AnyDatabase {
        const DRIVERS: &'static [&'static str] = &["postgres"];
        const DEFAULT: Option<&'static str> = Some("database");
    }

    #[derive(Deserialize, JsonSchema)]
    #[serde(rename_all = "lowercase")]
    enum State {
        /// Says yes.
        Accepting,
        /// Takes writes.
        Writable,
    }

    #[derive(Deserialize, JsonSchema)]
    #[expect(dead_code, reason = "read through its schema")]
    struct Health {
        /// Path of the request.
        path: String,
        port: Option<u16>,
    }

    #[derive(Deserialize, JsonSchema)]
    #[expect(dead_code, reason = "read through its schema")]
    struct Args {
        /// The database.
        #[schemars(transform = position::<0>)]
        db: HandleOf<AnyDatabase>,
        /// Folder of the files.
        #[schemars(transform = position::<1>)]
        dir: String,
        /// How long to try.
        #[serde(default = "half")]
        retry_for: Span,
        state: Option<State>,
        health: Option<Health>,
        #[serde(default)]
        env: std::collections::BTreeMap<String, SecretText>,
        #[serde(default)]
        ports: Vec<String>,
    }

    fn half() -> Span {
        Span::seconds(30)
    }

    fn wrong(args: Value) -> String {
        let fields = Field::all_of::<Args>();
        let failure =
            check("migrate", &fields, args.as_object().expect("a map")).expect_err("wrong");
        [
            Some(failure.message),
            failure.because.first().cloned(),
            failure.hint,
        ]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join(" | ")
    }

    fn db() -> Value {
        Handle {
            driver: "postgres".into(),
            name: "database".into(),
            config: Map::new(),
            transaction: None,
        }
        .to_value()
    }

    #[test]
    fn fields_come_from_the_declaration() {
        let fields = Field::all_of::<Args>();
        let names: Vec<_> = fields.iter().map(|f| f.name.as_str()).collect();
        assert_eq!(
            names,
            ["db", "dir", "env", "health", "ports", "retry_for", "state"]
        );
        assert_eq!(
            fields[0].kind,
            Kind::Handle {
                drivers: vec!["postgres".into()],
                default: Some("database".into())
            }
        );
        assert_eq!(fields[1].doc, "Folder of the files.");
        assert!(fields[1].required && !fields[5].required);
        assert_eq!(fields[5].fallback, Some(json!("30s")));
        assert_eq!(
            fields[6].kind,
            Kind::Choice(vec!["accepting".into(), "writable".into()])
        );
        assert!(matches!(&fields[3].kind, Kind::Options(inner) if inner.len() == 2));
    }

    #[test]
    fn right_arguments_pass() {
        let args = json!({ "db": db(), "dir": "m", "retry_for": 5, "state": "writable", "health": { "path": "/", "port": 80 },
            "env": { "URL": "‹secret env:X›" }, "ports": ["8000:8000"] });
        check(
            "migrate",
            &Field::all_of::<Args>(),
            args.as_object().expect("a map"),
        )
        .expect("right");
    }

    #[test]
    fn wrong_ones_say_what_is_taken() {
        assert_eq!(
            wrong(json!({ "db": db(), "dri": "m" })),
            "`migrate` has no option `dri` | did you mean `dir`?"
        );
        assert_eq!(
            wrong(json!({ "db": db() })),
            "`migrate` needs the argument `dir` | Folder of the files."
        );
        assert_eq!(
            wrong(json!({ "db": "x", "dir": "m" })),
            "`db` of `migrate` takes a handle (postgres), not \"x\""
        );
        assert_eq!(
            wrong(json!({ "dir": 4 })),
            "`dir` of `migrate` takes a text, not 4"
        );
        assert_eq!(
            wrong(json!({ "retry_for": "30 sec" })),
            "`retry_for` of `migrate` takes a duration, not \"30 sec\" | `30 sec` is no duration: write `250ms`, `1.5s`, `2m`, `1h` or `7d`"
        );
        assert_eq!(
            wrong(json!({ "state": "writeable" })),
            "`state` of `migrate` takes \"accepting\" or \"writable\", not \"writeable\" | did you mean \"writable\"?"
        );
        assert_eq!(
            wrong(json!({ "health": { "pth": "/" } })),
            "`health` of `migrate` has no option `pth` | did you mean `path`?"
        );
        assert_eq!(
            wrong(json!({ "health": { "path": "/", "port": 1.5 } })),
            "`port` of `health` of `migrate` takes a whole number, not 1.5"
        );
        assert_eq!(
            wrong(json!({ "ports": ["a", 1] })),
            "`ports[1]` of `migrate` takes a text, not 1"
        );
        assert_eq!(
            wrong(json!({ "dir": "‹secret env:X›" })),
            "`dir` of `migrate` may hold no secret | its value is shown, compared or written down as it is"
        );
    }
}

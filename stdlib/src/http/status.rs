//! Which statuses are wanted: `200`, `"2xx"` or a list of these.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use serde_json::Value;
use std::borrow::Cow;
use std::fmt;

/// One or several wanted statuses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statuses(Vec<Wanted>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    /// `200`.
    One(u16),
    /// `"2xx"`, by its first digit.
    Class(u16),
}

impl Statuses {
    /// Every status that says that it went well.
    pub fn good() -> Self {
        Self(vec![Wanted::Class(2)])
    }

    /// Whether the status is wanted.
    pub fn contain(&self, status: u16) -> bool {
        self.0.iter().any(|wanted| match wanted {
            Wanted::One(one) => *one == status,
            Wanted::Class(digit) => status / 100 == *digit,
        })
    }
}

impl Wanted {
    fn parse(value: &Value) -> Option<Self> {
        match value {
            Value::Number(number) => {
                let status = u16::try_from(number.as_u64()?).ok()?;
                (100..600).contains(&status).then_some(Self::One(status))
            }
            Value::String(text) => {
                let digit = text.strip_suffix("xx")?.parse().ok()?;
                (1..6).contains(&digit).then_some(Self::Class(digit))
            }
            _ => None,
        }
    }

    fn to_value(self) -> Value {
        match self {
            Self::One(status) => status.into(),
            Self::Class(digit) => format!("{digit}xx").into(),
        }
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One(status) => write!(f, "{status}"),
            Self::Class(digit) => write!(f, "{digit}xx"),
        }
    }
}

impl fmt::Display for Statuses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, wanted) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str(" or ")?;
            }
            wanted.fmt(f)?;
        }
        Ok(())
    }
}

impl Serialize for Statuses {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.as_slice() {
            [one] => one.to_value().serialize(serializer),
            several => serializer.collect_seq(several.iter().map(|wanted| wanted.to_value())),
        }
    }
}

impl<'de> Deserialize<'de> for Statuses {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let items = match &value {
            Value::Array(items) if !items.is_empty() => items.as_slice(),
            one => std::slice::from_ref(one),
        };
        let wanted = items.iter().map(|item| {
            let wrong = || format!("{item} is no status: write 200, \"2xx\" or a list of these");
            Wanted::parse(item).ok_or_else(|| D::Error::custom(wrong()))
        });
        wanted.collect::<Result<_, _>>().map(Self)
    }
}

impl JsonSchema for Statuses {
    fn schema_name() -> Cow<'static, str> {
        "Statuses".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let one = [
            json_schema!({ "type": "integer" }),
            json_schema!({ "type": "string" }),
        ];
        json_schema!({ "anyOf": [one[0], one[1], { "type": "array", "items": { "anyOf": one } }] })
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
    fn texts_numbers_and_lists() {
        let check = |value: Value, good: &[u16], bad: &[u16]| {
            let statuses: Statuses = serde_json::from_value(value.clone()).expect("a status");
            assert_eq!(serde_json::to_value(&statuses).expect("plain"), value);
            for status in good {
                assert!(statuses.contain(*status), "{status} is within {value}");
            }
            for status in bad {
                assert!(!statuses.contain(*status), "{status} is not within {value}");
            }
        };
        check(json!("2xx"), &[200, 204, 299], &[199, 300]);
        check(json!(301), &[301], &[300, 302]);
        check(json!([200, "3xx"]), &[200, 302], &[201, 400]);
    }

    #[test]
    fn everything_else_says_what_is_accepted() {
        for value in [
            json!("ok"),
            json!("200"),
            json!("9xx"),
            json!(99),
            json!(600),
            json!([]),
        ] {
            let error = serde_json::from_value::<Statuses>(value.clone()).expect_err("no status");
            assert!(error.to_string().contains("write 200"), "{value}: {error}");
        }
    }
}

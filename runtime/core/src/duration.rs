//! Durations as scripts write them: `"250ms" "1.5s" "2m" "1h" "7d"`, or a bare number of seconds.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

/// A length of time in an argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub Duration);

const UNITS: [(&str, f64); 5] = [
    ("ms", 0.001),
    ("s", 1.0),
    ("m", 60.0),
    ("h", 3600.0),
    ("d", 86400.0),
];
/// Beyond ten years a duration is a mistake, and clocks overflow.
const LONGEST: f64 = 3650.0 * 86400.0;

impl Span {
    /// That many whole seconds.
    pub const fn seconds(n: u64) -> Self {
        Self(Duration::from_secs(n))
    }

    /// That many milliseconds.
    pub const fn millis(n: u64) -> Self {
        Self(Duration::from_millis(n))
    }

    /// Reads `"1.5s"` and the like; the error says what is accepted.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wanted =
            || format!("`{text}` is no duration: write `250ms`, `1.5s`, `2m`, `1h` or `7d`");
        let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let unit = &text[digits.len()..];
        let (_, scale) = UNITS
            .iter()
            .find(|(name, _)| *name == unit)
            .ok_or_else(wanted)?;
        let plain = !digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit() || c == '.');
        let number: f64 = digits.parse().ok().filter(|_| plain).ok_or_else(wanted)?;
        Self::from_seconds(number * scale)
    }

    fn from_seconds(seconds: f64) -> Result<Self, String> {
        if (0.0..=LONGEST).contains(&seconds) {
            Ok(Self(Duration::from_secs_f64(seconds)))
        } else {
            Err(format!(
                "{seconds} seconds is no duration: it is negative or above ten years"
            ))
        }
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0.as_millis();
        match millis {
            0 => f.write_str("0s"),
            m if m % 1000 != 0 && m < 1000 => write!(f, "{m}ms"),
            m if m % 1000 != 0 => write!(f, "{}s", self.0.as_secs_f64()),
            m if m % 86_400_000 == 0 => write!(f, "{}d", m / 86_400_000),
            m if m % 3_600_000 == 0 => write!(f, "{}h", m / 3_600_000),
            m if m % 60_000 == 0 && m > 60_000 => write!(f, "{}m", m / 60_000),
            m => write!(f, "{}s", m / 1000),
        }
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Span;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a duration such as \"30s\"")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Span, E> {
                Span::parse(text).map_err(E::custom)
            }
            fn visit_i64<E: de::Error>(self, n: i64) -> Result<Span, E> {
                self.visit_f64(n as f64)
            }
            fn visit_u64<E: de::Error>(self, n: u64) -> Result<Span, E> {
                self.visit_f64(n as f64)
            }
            fn visit_f64<E: de::Error>(self, n: f64) -> Result<Span, E> {
                Span::from_seconds(n).map_err(E::custom)
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

impl JsonSchema for Span {
    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "number"], "format": "duration" })
    }
    fn inline_schema() -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_and_numbers_of_seconds() {
        let check = |json: &str, shown: &str| {
            let span: Span = serde_json::from_str(json).expect(json);
            assert_eq!(span.to_string(), shown, "{json}");
            assert_eq!(Span::parse(shown), Ok(span), "what is shown can be typed");
        };
        check("\"250ms\"", "250ms");
        check("\"1.5s\"", "1.5s");
        check("\"2m\"", "2m");
        check("\"60s\"", "60s");
        check("\"1h\"", "1h");
        check("\"7d\"", "7d");
        check("30", "30s");
        check("0.25", "250ms");
        check("0", "0s");
    }

    #[test]
    fn everything_else_says_what_is_accepted() {
        for json in [
            "\"30\"",
            "\"30 s\"",
            "\"s\"",
            "\"1e9d\"",
            "\"-1s\"",
            "-1",
            "\"\"",
            "true",
            "\"1.2.3s\"",
            "\"4000d\"",
        ] {
            let error = serde_json::from_str::<Span>(json)
                .expect_err(json)
                .to_string();
            assert!(error.contains("duration"), "{json}: {error}");
        }
    }
}

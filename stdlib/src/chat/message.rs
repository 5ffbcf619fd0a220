//! A message, before a service makes its own shape of it.

use crate::http::RequestOptions;
use crate::outside_text::clean;
use pb_core::{Failure, Handle, Result, SecretText, code};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How good or bad a message is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// News.
    #[default]
    Info,
    /// Good news.
    Success,
    /// Somebody should look.
    Warning,
    /// Bad news.
    Error,
}

/// A message on its way.
pub(super) struct Message<'a> {
    pub(super) text: &'a str,
    pub(super) level: Level,
    pub(super) run: &'a str,
}

/// What is sent for it, and where.
#[derive(Debug, PartialEq)]
pub(super) struct Parcel {
    pub(super) url: SecretText,
    pub(super) request: RequestOptions,
    pub(super) body: Value,
}

impl Message<'_> {
    /// The text with a sign of its level, as people read it; at most so many characters.
    pub(super) fn shown(&self, longest: usize) -> String {
        let sign = match self.level {
            Level::Info => "",
            Level::Success => "✅ ",
            Level::Warning => "⚠️ ",
            Level::Error => "❌ ",
        };
        let text = format!("{sign}{}", clean(self.text).trim());
        match text.char_indices().nth(longest) {
            None => text,
            Some(_) => text.chars().take(longest - 1).chain(['…']).collect(),
        }
    }
}

/// Reads the table of a handle.
pub(super) fn config<T: DeserializeOwned>(handle: &Handle) -> Result<T> {
    serde_json::from_value(Value::Object(handle.config.clone())).map_err(|error| {
        let message = format!(
            "the table `{}` of pb.toml was refused: {error}",
            handle.name
        );
        Failure::new(&code::WRONG_TYPE, message)
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in super::super) fn message(text: &str, level: Level) -> Message<'_> {
        Message {
            text,
            level,
            run: "01JD5K",
        }
    }

    #[test]
    fn a_message_is_short_and_drives_no_terminal() {
        let shown = |text, level, longest| message(text, level).shown(longest);
        assert_eq!(shown(" up\n", Level::Info, 10), "up");
        assert_eq!(shown("\u{1b}[31mup\u{202e}", Level::Success, 10), "✅ up");
        assert_eq!(shown("123456", Level::Info, 6), "123456");
        assert_eq!(shown("1234567", Level::Info, 6), "12345…");
    }
}

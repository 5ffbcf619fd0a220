//! Any server that takes a message as JSON.

use super::message::{Message, Parcel, config};
use crate::http::RequestOptions;
use crate::outside_text::clean;
use pb_core::{Driver, Handle, Result, SecretText};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeMap;

/// Names the format. Raise it when a field changes its meaning or goes.
const SCHEMA: &str = "pb.message/1";

/// A table of `pb.toml` that names a server of one's own: `chat = { webhook = "https://ops.example/hook" }`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WebhookConfig {
    /// Where messages are sent, as `{"schema":"pb.message/1","text":…,"level":…,"run":…}`.
    pub webhook: SecretText,
    /// A token, sent as `Authorization: Bearer …`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bearer: Option<SecretText>,
    /// Headers to send, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, SecretText>,
}

/// Knows the handles of webhooks; messages go by HTTP.
pub struct WebhookDriver;

impl Driver for WebhookDriver {
    type Reader = ();
    type Writer = ();
    const KEY: &'static str = "webhook";

    fn config() -> Vec<pb_core::spec::Field> {
        pb_core::spec::Field::all_of::<WebhookConfig>()
    }

    fn reader(&self) -> &() {
        &()
    }
    fn writer(&self) -> &() {
        &()
    }
}

pub(super) fn parcel(handle: &Handle, message: &Message<'_>) -> Result<Parcel> {
    let config: WebhookConfig = config(handle)?;
    let text = clean(message.text);
    Ok(Parcel {
        url: config.webhook,
        request: RequestOptions {
            host: None,
            headers: config.headers,
            bearer: config.bearer,
        },
        body: json!({ "schema": SCHEMA, "text": text, "level": message.level, "run": message.run }),
    })
}

#[cfg(test)]
mod tests {
    use super::super::message::{Level, tests::message};
    use super::*;

    fn handle(config: serde_json::Value) -> Handle {
        Handle {
            driver: WebhookDriver::KEY.into(),
            name: "chat".into(),
            config: config.as_object().expect("a table").clone(),
            transaction: None,
        }
    }

    #[test]
    fn a_message_is_data() {
        let handle = handle(json!({ "webhook": "http://ops/hook", "bearer": "‹secret env:T›" }));
        let parcel = parcel(&handle, &message("web runs 2.0", Level::Warning)).expect("a table");
        assert_eq!(parcel.request.bearer, Some(SecretText::reference("env:T")));
        let text = "web runs 2.0";
        let wanted =
            json!({ "schema": "pb.message/1", "text": text, "level": "warning", "run": "01JD5K" });
        assert_eq!(parcel.body, wanted);
    }

    #[test]
    fn a_typing_error_in_the_table_is_refused() {
        let handle = handle(json!({ "webhook": "http://ops/hook", "beaver": "x" }));
        let failure = parcel(&handle, &message("", Level::Info)).expect_err("no such key");
        assert!(
            failure
                .message
                .starts_with("the table `chat` of pb.toml was refused: unknown field `beaver`"),
            "{failure}"
        );
    }
}

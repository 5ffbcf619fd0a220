//! Slack, by an incoming webhook.

use super::message::{Message, Parcel, config};
use crate::http::RequestOptions;
use pb_core::{Driver, Handle, Result, SecretText};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// Slack advises against longer ones.
const LONGEST: usize = 4000;

/// A table of `pb.toml` that names a channel of Slack: `chat = { slack = "secret:env:SLACK_WEBHOOK" }`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SlackConfig {
    /// The address of the incoming webhook; who knows it can write to the channel.
    pub slack: SecretText,
}

/// Knows the handles of Slack; messages go by HTTP.
pub struct SlackDriver;

impl Driver for SlackDriver {
    type Reader = ();
    type Writer = ();
    const KEY: &'static str = "slack";

    fn config() -> Vec<pb_core::spec::Field> {
        pb_core::spec::Field::all_of::<SlackConfig>()
    }

    fn reader(&self) -> &() {
        &()
    }
    fn writer(&self) -> &() {
        &()
    }
}

/// <https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks>
pub(super) fn parcel(handle: &Handle, message: &Message<'_>) -> Result<Parcel> {
    let SlackConfig { slack } = config(handle)?;
    // Unescaped, a text from outside could call everybody in the channel: `<!channel>`.
    let text = message.shown(LONGEST);
    let text = text
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    Ok(Parcel {
        url: slack,
        request: RequestOptions::default(),
        body: json!({ "text": text }),
    })
}

#[cfg(test)]
mod tests {
    use super::super::message::{Level, tests::message};
    use super::*;

    #[test]
    fn nobody_is_called_by_a_text_from_outside() {
        let config = json!({ "slack": "‹secret env:HOOK›" });
        let handle = Handle {
            driver: SlackDriver::KEY.into(),
            name: "chat".into(),
            config: config.as_object().expect("a table").clone(),
            transaction: None,
        };
        let parcel = parcel(&handle, &message("<!channel> a & b", Level::Error)).expect("a table");
        assert_eq!(parcel.url, SecretText::reference("env:HOOK"));
        assert_eq!(
            parcel.body,
            json!({ "text": "❌ &lt;!channel&gt; a &amp; b" })
        );
    }
}

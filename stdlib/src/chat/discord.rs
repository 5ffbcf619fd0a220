//! Discord, by a webhook of a channel.

use super::message::{Message, Parcel, config};
use crate::http::RequestOptions;
use pb_core::{Driver, Handle, Result, SecretText};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// Discord refuses longer ones.
const LONGEST: usize = 2000;

/// A table of `pb.toml` that names a channel of Discord: `chat = { discord = "secret:env:DISCORD_WEBHOOK" }`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DiscordConfig {
    /// The address of the channel's webhook; who knows it can write to the channel.
    pub discord: SecretText,
}

/// Knows the handles of Discord; messages go by HTTP.
pub struct DiscordDriver;

impl Driver for DiscordDriver {
    type Reader = ();
    type Writer = ();
    const KEY: &'static str = "discord";

    fn config() -> Vec<pb_core::spec::Field> {
        pb_core::spec::Field::all_of::<DiscordConfig>()
    }

    fn reader(&self) -> &() {
        &()
    }
    fn writer(&self) -> &() {
        &()
    }
}

/// <https://discord.com/developers/docs/resources/webhook#execute-webhook>
pub(super) fn parcel(handle: &Handle, message: &Message<'_>) -> Result<Parcel> {
    let DiscordConfig { discord } = config(handle)?;
    // Without this a text from outside could call everybody in the channel: `@everyone`.
    let nobody = json!({ "parse": [] });
    Ok(Parcel {
        url: discord,
        request: RequestOptions::default(),
        body: json!({ "content": message.shown(LONGEST), "allowed_mentions": nobody }),
    })
}

#[cfg(test)]
mod tests {
    use super::super::message::{Level, tests::message};
    use super::*;

    #[test]
    fn nobody_is_called_by_a_text_from_outside() {
        let config = json!({ "discord": "https://discord.example/hook" });
        let handle = Handle {
            driver: DiscordDriver::KEY.into(),
            name: "chat".into(),
            config: config.as_object().expect("a table").clone(),
            transaction: None,
        };
        let parcel = parcel(&handle, &message("@everyone", Level::Info)).expect("a table");
        let body = json!({ "content": "@everyone", "allowed_mentions": { "parse": [] } });
        assert_eq!(parcel.body, body);
    }
}

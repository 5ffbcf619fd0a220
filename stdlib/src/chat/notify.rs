//! `notify`: tells people.

use super::deliver::deliver;
use super::discord::DiscordDriver;
use super::message::Level;
use super::slack::SlackDriver;
use super::webhook::WebhookDriver;
use crate::outside_text::one_line;
use pb_core::spec::position;
use pb_core::{
    Class, Decision, Driver, Effect, HandleKind, HandleOf, Permit, Primitive, Readers, Result,
    Span, Subject, Undo, World,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::fmt;

/// Tells people.
pub struct Notify;

/// An argument that takes a place where people read.
pub struct Chat;

impl HandleKind for Chat {
    const DRIVERS: &'static [&'static str] =
        &[SlackDriver::KEY, DiscordDriver::KEY, WebhookDriver::KEY];
    const DEFAULT: Option<&'static str> = None;
}

/// What is said where.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Args {
    /// Where people read, such as `target.chat`.
    #[schemars(transform = position::<0>)]
    pub chat: HandleOf<Chat>,
    /// What they read.
    #[schemars(transform = position::<1>)]
    pub text: String,
    /// How good or bad it is; shown as a sign before the text.
    #[serde(default)]
    pub level: Level,
    /// Whether a message that does not arrive is an error.
    #[serde(default)]
    pub required: bool,
    /// What one attempt to deliver it may take.
    #[serde(default = "ten_seconds")]
    pub request_timeout: Span,
}

fn ten_seconds() -> Span {
    Span::seconds(10)
}

/// There is nothing to see before it is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unseen {}

/// The message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Action {
    /// Sends it.
    Say {
        /// Name of the handle.
        chat: String,
        /// What people read.
        text: String,
    },
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Say { chat, text } = self;
        write!(f, "tell {chat}: {}", one_line(text, 60))
    }
}

/// Whether people can read it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Out {
    /// Whether the service took it.
    pub sent: bool,
    /// Why it did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Primitive for Notify {
    type Args = Args;
    type Facts = Unseen;
    type Action = Action;
    type Out = Out;

    const NAME: &'static str = "notify";
    const CLASS: Class = Class::Every;
    const DOC: &'static str = "\
Tells people something: on Slack, on Discord or by a webhook of one's own, whatever `target.chat` is.

A message that does not arrive is no error unless it is `required`: a deploy is not undone because a chat is down. Secrets are
taken out of the text, and nobody is called by it (`@everyone`, `<!channel>`). Resumed in doubt, it is not sent again: a message
is not worth a duplicate.

Shape: `#{ changed, sent, reason, took }`; `reason` is there when `sent` is false.

Errors: `PB0502` when a `required` message was not delivered.

Effect: a message; it cannot be taken back.

Source: docs.slack.dev, incoming webhooks; discord.com/developers, execute webhook.";
    const EXAMPLE: &'static str = "\
notify(target.chat, \"web runs shop:2.0\", #{ level: \"success\" });";

    async fn observe(&self, _: &Readers, _: &Args) -> Result<Unseen> {
        Ok(Unseen {})
    }

    fn decide(&self, args: &Args, _: &Unseen) -> Result<Decision<Action>> {
        Ok(Decision::in_order(vec![Action::Say {
            chat: args.chat.0.name.clone(),
            text: args.text.clone(),
        }]))
    }

    fn effect(&self, _: &Args, _: &Action) -> Effect {
        Effect::Notify
    }

    async fn act(&self, world: &World, permit: &Permit, args: &Args, _: &Action) -> Result<Value> {
        let failure = match deliver(world, permit, args).await {
            Ok(()) => {
                return Ok(json!(Out {
                    sent: true,
                    reason: None
                }));
            }
            Err(failure) => failure,
        };
        if args.required {
            return Err(failure);
        }
        let reason = failure.because.first().unwrap_or(&failure.message);
        world.read().progress(format!("not sent: {reason}"));
        Ok(json!(Out {
            sent: false,
            reason: Some(reason.clone())
        }))
    }

    fn result(&self, _: &Args, _: &Unseen, _: &Unseen, outcomes: &[Value]) -> Result<Out> {
        let out = outcomes.first().map(Out::deserialize);
        match out {
            Some(Ok(out)) => Ok(out),
            // Resumed in doubt, it was not sent again.
            _ => Ok(Out {
                sent: false,
                reason: Some("nobody knows whether it was sent".into()),
            }),
        }
    }

    fn undo(&self, _: &Args, _: &Unseen) -> Undo {
        Undo::none("a message cannot be taken back")
    }

    fn subjects(&self, args: &Args) -> Vec<Subject> {
        vec![Subject::new("chat", &args.chat.0.name)]
    }

    fn summary(&self, _: &Args, out: &Value) -> String {
        match out["reason"].as_str() {
            None => "sent".into(),
            Some(reason) => format!("not sent: {reason}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pb_core::Handle;

    fn args(options: Value) -> Args {
        let handle = Handle {
            driver: "slack".into(),
            name: "chat".into(),
            config: serde_json::Map::new(),
            transaction: None,
        };
        let mut args = json!({ "chat": handle.to_value(), "text": "web\nruns 2.0" });
        let all = args.as_object_mut().expect("a map");
        all.extend(options.as_object().expect("a map").clone());
        serde_json::from_value(args).expect("arguments")
    }

    #[test]
    fn it_is_said_every_time_and_the_plan_shows_it() {
        let decision = Notify
            .decide(&args(json!({})), &Unseen {})
            .expect("one action");
        let Decision::Act(stages) = decision else {
            panic!("{decision:?}");
        };
        assert_eq!(stages[0][0][0].to_string(), "tell chat: web runs 2.0");
    }
}

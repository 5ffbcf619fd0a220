//! `http_post`: sends to a server.

use super::driver::{Answer, Http};
use super::expect::Expect;
use super::http_get::{LARGEST, Out, half_a_minute, refused};
use super::post_body::content;
use super::request::RequestOptions;
use super::status::Statuses;
use super::told;
use crate::known::Known;
use crate::opaque;
use pb_core::finding::{Complaint, Standing};
use pb_core::spec::position;
use pb_core::{
    Class, Decision, Effect, Failure, Permit, Primitive, Readers, Result, SecretText, Span,
    Subject, Undo, World, code,
};
use reqwest::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::fmt;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Sends to a server.
pub struct HttpPost;

/// What is sent, and what the answer has to be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Args {
    /// Where it is sent.
    #[schemars(transform = position::<0>)]
    pub url: SecretText,
    /// Data to send as JSON; secrets may stand in its texts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub json: Option<Value>,
    /// Text to send as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<SecretText>,
    /// Fields to send as a form.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub form: BTreeMap<String, SecretText>,
    /// Sent as `Idempotency-Key`: a server that knows it does the work once, however often it is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The status that is no error: `200`, `"2xx"` or a list of these.
    #[serde(default = "Statuses::good")]
    pub status: Statuses,
    /// What the answer has to hold besides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expect: Option<Expect>,
    /// What it may take, from the first packet to the end of the answer.
    #[serde(default = "half_a_minute")]
    pub request_timeout: Span,
    #[serde(flatten)]
    pub request: RequestOptions,
}

/// There is nothing to see before it is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unseen {}

/// The request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Action {
    /// Sends it.
    Post {
        /// Where to, as it may be shown.
        url: String,
    },
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Post { url } = self;
        write!(f, "send POST to {url}")
    }
}

impl Primitive for HttpPost {
    type Args = Args;
    type Facts = Unseen;
    type Action = Action;
    type Out = Out;

    const NAME: &'static str = "http_post";
    const CLASS: Class = Class::Every;
    const DOC: &'static str = "\
Sends one POST to a server, every time it is called.

One of `json`, `body` and `form` is the body; without any it is empty. Redirects are not followed, and no proxy variable is.
Nobody can tell afterwards whether a request without `key` was worked on when its connection broke: it is never sent again by
itself, also not with `retry`. With a `key` it is.

Shape: `#{ changed, status, headers, body, json, took }`; names of headers are in lower case, `json` is `()` where the body is
none.

Errors: `PB0044` for another status than the wanted one, with `data.status` and `data.body`; `PB0045` when the answer does not
hold what `expect` asks for, or has more than 1 MiB; `PB0043` without an answer, in doubt when the request may have arrived;
`PB0303` for TLS; `PB0046` for a link-local address or a cloud's metadata service; `PB0208` for what is no URL or has two
bodies; `PB0011` for a secret that cannot be fetched.

Effect: opaque, with a `key` repeatable; it cannot be undone.

Source: RFC 9110; draft-ietf-httpapi-idempotency-key-header; TLS with the authorities that this machine trusts.";
    const EXAMPLE: &'static str = "\
http_post(\"http://127.0.0.1:8080/cache/purge\", #{ json: #{ tag: \"catalogue\" }, key: \"purge-2.0\" });";

    async fn observe(&self, _: &Readers, _: &Args) -> Result<Unseen> {
        Ok(Unseen {})
    }

    fn decide(&self, args: &Args, _: &Unseen) -> Result<Decision<Action>> {
        one_body([
            ("json", args.json.is_some()),
            ("body", args.body.is_some()),
            ("form", !args.form.is_empty()),
        ])?;
        let url = args.url.to_string();
        Ok(Decision::in_order(vec![Action::Post { url }]))
    }

    fn effect(&self, args: &Args, _: &Action) -> Effect {
        match args.key {
            Some(_) => Effect::Command,
            None => Effect::Opaque,
        }
    }

    async fn act(&self, world: &World, permit: &Permit, args: &Args, _: &Action) -> Result<Value> {
        let read = world.read();
        let limit = args.request_timeout.0;
        let mut ask = args.request.ask(read, &args.url, LARGEST, limit)?;
        let (kind, body) = content(args, read.vault())?;
        if let Some(kind) = kind {
            ask.headers
                .entry(CONTENT_TYPE)
                .or_insert(HeaderValue::from_static(kind));
        }
        if let Some(key) = &args.key {
            let value = HeaderValue::from_str(key).map_err(|_| {
                let message =
                    format!("the key `{key}` was refused: it may not be sent in a header");
                Failure::new(&code::WRONG_TYPE, message)
            })?;
            ask.headers.insert(IDEMPOTENCY_KEY, value);
        }
        let call = format!("POST {}", args.url);
        let writer = world.of::<Http>(permit);
        match writer.post(read.clock(), &ask, &body.into()).await {
            Ok(answer) => args.judged(&call, &answer),
            Err((trouble, maybe_sent)) => {
                let failure = trouble.failure(&call);
                Err(match maybe_sent {
                    false => failure.state("nothing was sent"),
                    true => failure
                        .state("nobody knows whether the server worked on it")
                        .in_doubt(),
                })
            }
        }
    }

    fn result(&self, _: &Args, _: &Unseen, _: &Unseen, outcomes: &[Value]) -> Result<Out> {
        let answer = outcomes.first().map(Answer::deserialize);
        match answer {
            Some(Ok(answer)) => Ok(Out::from(&answer)),
            _ => Err(Failure::new(
                &code::JOURNAL,
                "the recorded answer was not readable",
            )),
        }
    }

    fn undo(&self, _: &Args, _: &Unseen) -> Undo {
        Undo::none("a request cannot be taken back")
    }

    fn subjects(&self, args: &Args) -> Vec<Subject> {
        vec![Subject::vague("url", args.url.as_str())]
    }

    fn inspect(&self, known: &Map<String, Value>, _: &Standing<'_>) -> Vec<Complaint> {
        let known = Known(known);
        let unclear = "after a crash pb would ask a person whether `http_post` took effect";
        two_bodies(known)
            .or_else(|| told::against("POST", known))
            .or_else(|| opaque::note(known, &["key"], unclear))
            .into_iter()
            .collect()
    }

    fn summary(&self, _: &Args, out: &Value) -> String {
        out["status"].to_string()
    }
}

impl Args {
    /// The answer, unless it is another than the wanted one.
    fn judged(&self, call: &str, answer: &Answer) -> Result<Value> {
        let wanted = (&self.status, self.expect.as_ref());
        let Some(failure) = refused(call, wanted, &self.request, answer) else {
            return Ok(serde_json::to_value(answer).unwrap_or_default());
        };
        Err(match answer.status {
            // A gateway lost the server half-way.
            502 | 504 => failure.in_doubt(),
            300..=499 => failure,
            _ => failure.partial(),
        })
    }
}

fn one_body(bodies: [(&str, bool); 3]) -> Result<()> {
    let given: Vec<_> = bodies.iter().filter(|(_, given)| *given).collect();
    let [(first, _), (second, _), ..] = given[..] else {
        return Ok(());
    };
    let message = format!("`http_post` was given `{first}` and `{second}`: it has one body");
    Err(Failure::new(&code::WRONG_TYPE, message))
}

fn two_bodies(known: Known<'_>) -> Option<Complaint> {
    let form = known.0.get("form").and_then(Value::as_object);
    let given = |name| known.0.get(name).is_some_and(|value| !value.is_null());
    let has_form = form.is_some_and(|form| !form.is_empty());
    one_body([
        ("json", given("json")),
        ("body", given("body")),
        ("form", has_form),
    ])
    .err()
    .map(Complaint::of)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn args(options: Value) -> Args {
        let mut args = json!({ "url": "http://shop/hook?t=‹secret env:T›" });
        let all = args.as_object_mut().expect("a map");
        all.extend(options.as_object().expect("a map").clone());
        serde_json::from_value(args).expect("arguments")
    }

    #[test]
    fn it_is_sent_every_time_and_its_plan_holds_no_secret() {
        let decision = HttpPost.decide(&args(json!({ "json": {} })), &Unseen {});
        let Ok(Decision::Act(stages)) = decision else {
            panic!("{decision:?}");
        };
        assert_eq!(
            stages[0][0][0].to_string(),
            "send POST to http://shop/hook?t=‹secret env:T›"
        );
    }

    #[test]
    fn a_request_has_one_body() {
        let args = args(json!({ "json": 1, "form": { "a": "b" } }));
        let failure = HttpPost.decide(&args, &Unseen {}).expect_err("two bodies");
        assert_eq!(
            failure.message,
            "`http_post` was given `json` and `form`: it has one body"
        );
    }

    #[test]
    fn only_a_key_makes_it_repeatable() {
        let action = Action::Post { url: String::new() };
        assert_eq!(HttpPost.effect(&args(json!({})), &action), Effect::Opaque);
        assert_eq!(
            HttpPost.effect(&args(json!({ "key": "k" })), &action),
            Effect::Command
        );
    }

    #[test]
    fn a_refusal_changed_nothing_and_an_error_may_have() {
        let check = |status, doubt: bool, partial: bool| {
            let judged = args(json!({})).judged("POST http://shop", &Answer::of(status, ""));
            let failure = judged.expect_err("not wanted");
            assert_eq!(
                (failure.doubt, failure.partial),
                (doubt, partial),
                "{status}"
            );
        };
        check(404, false, false);
        check(302, false, false);
        check(500, false, true);
        check(504, true, false);
    }
}

//! `http_get`: reads from a server.

use super::driver::{Answer, Http};
use super::expect::Expect;
use super::judge::unwanted;
use super::request::RequestOptions;
use super::status::Statuses;
use super::told;
use crate::known::Known;
use pb_core::finding::{Complaint, Standing};
use pb_core::spec::position;
use pb_core::{
    Class, Decision, Effect, Failure, NoAction, Permit, Primitive, Readers, Result, SecretText,
    Span, Subject, Undo, World, code,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Above this a body does not belong in a script.
pub(super) const LARGEST: usize = 1 << 20;

/// Reads from a server.
pub struct HttpGet;

/// What is asked for, and what the answer has to be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Args {
    /// What is asked for.
    #[schemars(transform = position::<0>)]
    pub url: SecretText,
    /// The status that is no error: `200`, `"2xx"` or a list of these.
    #[serde(default = "Statuses::good")]
    pub status: Statuses,
    /// What the answer has to hold besides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expect: Option<Expect>,
    /// Whether redirects are followed; otherwise a redirect is the answer.
    #[serde(default)]
    pub follow_redirects: bool,
    /// What it may take, from the first packet to the end of the body.
    #[serde(default = "half_a_minute")]
    pub request_timeout: Span,
    #[serde(flatten)]
    pub request: RequestOptions,
}

pub(super) fn half_a_minute() -> Span {
    Span::seconds(30)
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Out {
    /// Such as 200.
    pub status: u16,
    /// By name in lower case.
    #[schemars(transform = pb_core::spec::passing)]
    pub headers: BTreeMap<String, String>,
    /// As text.
    pub body: String,
    /// The body as data, `()` where it is no JSON.
    pub json: Option<Value>,
}

impl From<&Answer> for Out {
    fn from(answer: &Answer) -> Self {
        Self {
            status: answer.status,
            headers: answer.headers.clone(),
            body: answer.body.clone(),
            json: answer.json(),
        }
    }
}

impl Primitive for HttpGet {
    type Args = Args;
    type Facts = Answer;
    type Action = NoAction;
    type Out = Out;

    const NAME: &'static str = "http_get";
    const CLASS: Class = Class::Read;
    const DOC: &'static str = "\
Reads from a server with one GET.

A redirect is an answer like any other unless `follow_redirects` is set; headers, `host` and `bearer` are not sent on to another
server. No proxy variable is followed.

Shape: `#{ status, headers, body, json, took }`; names of headers are in lower case, `json` is `()` where the body is none.

Errors: `PB0044` for another status than the wanted one, with `data.status` and `data.body`; `PB0045` when the answer does not
hold what `expect` asks for, or has more than 1 MiB; `PB0043` without an answer; `PB0303` for TLS; `PB0046` for a link-local
address or a cloud's metadata service; `PB0208` for what is no URL; `PB0011` for a secret that cannot be fetched.

Effect: reads.

Source: RFC 9110; TLS with the authorities that this machine trusts.";
    const EXAMPLE: &'static str = "\
let version = http_get(\"http://127.0.0.1:8080/version\", #{ bearer: secret(\"env:API_TOKEN\") }).json.version;";

    async fn observe(&self, read: &Readers, args: &Args) -> Result<Answer> {
        let limit = args.request_timeout.0;
        let mut ask = args.request.ask(read, &args.url, LARGEST, limit)?;
        ask.follow_redirects = args.follow_redirects;
        let answer = read.of::<Http>().get(read.clock(), &ask).await;
        answer.map_err(|trouble| trouble.failure(&format!("GET {}", args.url)))
    }

    fn decide(&self, args: &Args, answer: &Answer) -> Result<Decision<NoAction>> {
        let call = format!("GET {}", args.url);
        let wanted = (&args.status, args.expect.as_ref());
        match refused(&call, wanted, &args.request, answer) {
            Some(failure) => Err(failure),
            None => Ok(Decision::Nothing),
        }
    }

    fn effect(&self, _: &Args, action: &NoAction) -> Effect {
        match *action {}
    }

    async fn act(&self, _: &World, _: &Permit, _: &Args, action: &NoAction) -> Result<Value> {
        match *action {}
    }

    fn result(&self, _: &Args, _: &Answer, answer: &Answer, _: &[Value]) -> Result<Out> {
        Ok(answer.into())
    }

    fn undo(&self, _: &Args, _: &Answer) -> Undo {
        Undo::none("it changed nothing")
    }

    fn subjects(&self, args: &Args) -> Vec<Subject> {
        vec![Subject::vague("url", args.url.as_str())]
    }

    fn inspect(&self, known: &Map<String, Value>, _: &Standing<'_>) -> Vec<Complaint> {
        told::against("GET", Known(known)).into_iter().collect()
    }

    fn summary(&self, _: &Args, out: &Value) -> String {
        out["status"].to_string()
    }
}

/// Why an answer is not what was wanted; `call` is such as `GET http://…`.
pub(super) fn refused(
    call: &str,
    (statuses, expect): (&Statuses, Option<&Expect>),
    request: &RequestOptions,
    answer: &Answer,
) -> Option<Failure> {
    let status = answer.status;
    if !statuses.contain(status) {
        let not_yet = unwanted(request, answer);
        let message = format!("`{call}` was answered with {status}, not {statuses}");
        let failure = Failure::new(&code::HTTP_STATUS, message).with("status", status);
        let failure = match &not_yet.answer {
            None => failure,
            Some(body) => failure
                .because(format!("it said: {body}"))
                .with("body", body.as_str()),
        };
        let failure = match not_yet.hint {
            None => failure,
            Some(hint) => failure.hint(hint),
        };
        let passes = status >= 500 || status == 408 || status == 429;
        return Some(if passes { failure.retryable() } else { failure });
    }
    let unmet = match expect.and_then(|expect| expect.unmet(answer)) {
        _ if answer.cut => "its body has more than 1 MiB".into(),
        Some(unmet) => unmet,
        None => return None,
    };
    let message = format!("`{call}` was not answered as expected");
    Some(
        Failure::new(&code::HTTP_EXPECT, message)
            .because(unmet)
            .with("status", status),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn args(options: Value) -> Args {
        let mut args = json!({ "url": "http://shop/v" });
        let all = args.as_object_mut().expect("a map");
        all.extend(options.as_object().expect("a map").clone());
        serde_json::from_value(args).expect("arguments")
    }

    fn error(options: Value, answer: &Answer) -> Failure {
        HttpGet.decide(&args(options), answer).expect_err("refused")
    }

    #[test]
    fn a_wanted_answer_is_the_result() {
        let answer = Answer::of(200, "{\"v\":1}");
        assert_eq!(
            HttpGet.decide(&args(json!({})), &answer),
            Ok(Decision::Nothing)
        );
        let out = HttpGet.result(&args(json!({})), &answer, &answer, &[]);
        assert_eq!(out.expect("an answer").json, Some(json!({ "v": 1 })));
        assert_eq!(Out::from(&Answer::of(200, "fine")).json, None);
    }

    #[test]
    fn another_status_says_which_and_what_it_said() {
        let failure = error(
            json!({ "status": [200, "3xx"] }),
            &Answer::of(503, "{\"db\":\"down\"}"),
        );
        assert!(failure.is(&code::HTTP_STATUS) && failure.retryable);
        assert_eq!(
            failure.message,
            "`GET http://shop/v` was answered with 503, not 200 or 3xx"
        );
        assert_eq!(failure.because, ["it said: {\"db\":\"down\"}"]);
        assert_eq!(failure.data["status"], 503);
        assert!(!error(json!({}), &Answer::of(404, "")).retryable);
    }

    #[test]
    fn an_answer_without_what_is_expected_says_what_it_lacks() {
        let failure = error(
            json!({ "expect": { "json": { "v": 2 } } }),
            &Answer::of(200, "{\"v\":1}"),
        );
        assert!(failure.is(&code::HTTP_EXPECT));
        assert_eq!(failure.because, ["its JSON's `v` is 1, not 2"]);
        let cut = Answer {
            cut: true,
            ..Answer::of(200, "…")
        };
        assert_eq!(
            error(json!({}), &cut).because,
            ["its body has more than 1 MiB"]
        );
    }
}

//! `health_check`: waits until a service is well.

use super::health::{CheckOptions, Look, see};
use super::judge::{Seen, judge};
use super::request::RequestOptions;
use super::told;
use crate::known::Known;
use pb_core::finding::{Complaint, Standing};
use pb_core::spec::position;
use pb_core::wait::Pace;
use pb_core::{
    Class, Decision, Effect, Failure, NoAction, Permit, Primitive, Readers, Result, SecretText,
    Subject, Undo, World,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::time::Duration;

/// Waits until a service is well.
pub struct HealthCheck;

/// What is asked, and when it is well.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Args {
    /// Where the service tells how it is.
    #[schemars(transform = position::<0>)]
    pub url: SecretText,
    #[serde(flatten)]
    pub check: CheckOptions,
    #[serde(flatten)]
    pub request: RequestOptions,
}

/// The last of the good answers.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Out {
    /// Its status.
    pub status: u16,
    /// From the request to the end of the answer, in seconds.
    #[schemars(transform = pb_core::spec::passing)]
    pub latency: f64,
}

impl Primitive for HealthCheck {
    type Args = Args;
    type Facts = Seen;
    type Action = NoAction;
    type Out = Out;

    const NAME: &'static str = "health_check";
    const CLASS: Class = Class::Gate;
    const DOC: &'static str = "\
Waits until a service is well: until `successes` answers in a row have the wanted status and hold what `expect` asks for.

Looks come fast at first (after 25 ms) and every `interval` later. Each look makes a new connection, reads at most 64 KiB of the
body and follows no proxy variable. A redirect is an answer like any other unless `follow_redirects` is set; headers, `host` and
`bearer` are not sent on to another server.

Shape: `#{ status, latency, attempts, took }`, of the last look.

Errors: `PB0042` when the deadline has passed, with every cause and how often it was seen, the beginning of the last answer, and
`data.status`; `PB0046` at once for a link-local address or a cloud's metadata service, also when a name or a redirect leads
there; `PB0208` for what is no URL; `PB0011` for a secret that cannot be fetched.

Effect: reads.

Source: RFC 9110; TLS with the authorities that this machine trusts.";
    const EXAMPLE: &'static str = "\
health_check(\"http://127.0.0.1:8080/health/\", #{ deadline: \"60s\", expect: #{ json: #{ version: \"2.0\" } } });";

    async fn observe(&self, read: &Readers, args: &Args) -> Result<Seen> {
        see(read, &args.url, &args.check, &args.request, Duration::MAX).await
    }

    fn decide(&self, args: &Args, seen: &Seen) -> Result<Decision<NoAction>> {
        Ok(match judge(&args.check, &args.request, seen) {
            Look::Ok { .. } => Decision::Nothing,
            Look::NotYet(not_yet) => Decision::Wait(not_yet.why),
        })
    }

    fn effect(&self, _: &Args, action: &NoAction) -> Effect {
        match *action {}
    }

    async fn act(&self, _: &World, _: &Permit, _: &Args, action: &NoAction) -> Result<Value> {
        match *action {}
    }

    fn result(&self, args: &Args, _: &Seen, seen: &Seen, _: &[Value]) -> Result<Out> {
        match judge(&args.check, &args.request, seen) {
            Look::Ok { status, latency } => Ok(Out { status, latency }),
            Look::NotYet(not_yet) => Err(Failure::new(&pb_core::code::UNHEALTHY, not_yet.why)),
        }
    }

    fn undo(&self, _: &Args, _: &Seen) -> Undo {
        Undo::none("it changed nothing")
    }

    fn subjects(&self, args: &Args) -> Vec<Subject> {
        vec![Subject::vague("url", args.url.as_str())]
    }

    fn inspect(&self, known: &Map<String, Value>, _: &Standing<'_>) -> Vec<Complaint> {
        told::against("GET", Known(known)).into_iter().collect()
    }

    fn summary(&self, _: &Args, out: &Value) -> String {
        let latency = out["latency"].as_f64().unwrap_or_default() * 1000.0;
        format!("{} in {latency:.0} ms", out["status"])
    }

    fn pace(&self, args: &Args) -> Option<Pace> {
        Some(args.check.pace())
    }

    fn too_late(&self, args: &Args, last: &Seen, failure: Failure) -> Failure {
        let failure = match last {
            Seen::Answer(answer) => failure.with("status", answer.status),
            Seen::Nothing { .. } => failure,
        };
        match judge(&args.check, &args.request, last) {
            Look::Ok { .. } => failure,
            Look::NotYet(not_yet) => not_yet.explain(failure),
        }
    }
}

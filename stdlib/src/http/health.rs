//! Whether a service is well: the options, and one look.

use super::driver::Http;
use super::expect::Expect;
use super::judge::{Seen, judge};
use super::request::RequestOptions;
use super::status::Statuses;
use super::trouble::Trouble;
use pb_core::wait::Pace;
use pb_core::{Failure, Readers, Result, SecretText, Span, code};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// So much of a body is read.
const KEEP: usize = 64 * 1024;

/// `health` of a container: where it is asked, and when it is well.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HealthOptions {
    /// What is asked for.
    #[serde(default = "root")]
    pub path: String,
    /// From the start of the container to the first look.
    #[serde(default = "no_time")]
    pub start_delay: Span,
    #[serde(flatten)]
    pub check: CheckOptions,
    #[serde(flatten)]
    pub request: RequestOptions,
}

/// When a service is well, and how it is asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CheckOptions {
    /// The status of a service that is well: `200`, `"2xx"` or a list of these.
    #[serde(default = "Statuses::good")]
    pub status: Statuses,
    /// What its answer holds besides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expect: Option<Expect>,
    /// Whether redirects are followed; otherwise a redirect is the answer.
    #[serde(default)]
    pub follow_redirects: bool,
    /// How long it may take until the service is well; 100 seconds when nothing else is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Span>,
    /// Between two looks; the first ones come faster.
    #[serde(default = "one_second")]
    pub interval: Span,
    /// What one look may take.
    #[serde(default = "five_seconds")]
    pub request_timeout: Span,
    /// So many good looks in a row are asked for.
    #[serde(default = "two")]
    pub successes: u32,
    /// Another way to say the deadline: so many intervals.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempts: Option<u32>,
}

/// What one look came to.
#[derive(Debug, Clone, PartialEq)]
pub enum Look {
    /// The service is well.
    Ok {
        /// Of its answer.
        status: u16,
        /// In seconds.
        latency: f64,
    },
    /// It is not, or not yet.
    NotYet(NotYet),
}

/// Why a service is not well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotYet {
    /// The same text for the same cause, so that looks can be counted.
    pub why: String,
    /// An edit that helps.
    pub hint: Option<String>,
    /// The beginning of what it answered.
    pub answer: Option<String>,
}

/// One look, which takes `left` at most.
///
/// # Errors
/// What no waiting helps against: no URL (`PB0208`), a forbidden address (`PB0046`), a secret that cannot be fetched (`PB0011`).
pub async fn look(
    read: &Readers,
    url: &SecretText,
    check: &CheckOptions,
    request: &RequestOptions,
    left: Duration,
) -> Result<Look> {
    let seen = see(read, url, check, request, left).await?;
    Ok(judge(check, request, &seen))
}

pub(super) async fn see(
    read: &Readers,
    url: &SecretText,
    check: &CheckOptions,
    request: &RequestOptions,
    left: Duration,
) -> Result<Seen> {
    let limit = check.request_timeout.0.min(left);
    let mut ask = request.ask(read, url, KEEP, limit)?;
    ask.follow_redirects = check.follow_redirects;
    match read.of::<Http>().get(read.clock(), &ask).await {
        Ok(answer) => Ok(Seen::Answer(answer)),
        Err(trouble) if trouble.lasts() => Err(trouble.failure(&format!("GET {url}"))),
        // A proxy that is still asking for its certificate shows one of its own: TLS may heal too.
        Err(trouble) => Ok(Seen::Nothing {
            hint: trouble.hint().map(Into::into),
            why: match trouble {
                // How a published port answers as long as nothing listens within the container.
                Trouble::Reset => {
                    format!("{trouble}: the application behind it may not listen yet")
                }
                _ => trouble.to_string(),
            },
        }),
    }
}

impl NotYet {
    /// Adds the answer and the hint to the failure of the wait that ended with it.
    pub fn explain(&self, mut failure: Failure) -> Failure {
        if let Some(answer) = &self.answer {
            failure = failure.because(format!("its last answer: {answer}"));
        }
        match &self.hint {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}

impl CheckOptions {
    /// How often and how long is looked.
    pub fn pace(&self) -> Pace {
        let (usual, code) = (Span::seconds(100), &code::UNHEALTHY);
        Pace::new(
            code,
            self.deadline,
            self.attempts,
            self.interval,
            self.successes,
            usual,
        )
    }
}

impl Default for HealthOptions {
    fn default() -> Self {
        Self {
            path: root(),
            start_delay: no_time(),
            check: CheckOptions::default(),
            request: RequestOptions::default(),
        }
    }
}

impl Default for CheckOptions {
    fn default() -> Self {
        Self {
            status: Statuses::good(),
            expect: None,
            follow_redirects: false,
            deadline: None,
            interval: one_second(),
            request_timeout: five_seconds(),
            successes: two(),
            attempts: None,
        }
    }
}

fn root() -> String {
    "/".into()
}

fn no_time() -> Span {
    Span::seconds(0)
}

fn one_second() -> Span {
    Span::seconds(1)
}

fn five_seconds() -> Span {
    Span::seconds(5)
}

fn two() -> u32 {
    2
}

#[cfg(test)]
mod tests {
    use super::*;
    use pb_core::spec::{self, Field};
    use serde_json::json;

    #[test]
    fn a_container_takes_the_same_options_and_says_which_it_does_not_know() {
        let fields = Field::all_of::<HealthOptions>();
        let args = json!({
            "path": "/health/", "start_delay": "1s", "host": "shop", "status": ["2xx", 401], "expect": { "json": 1 },
            "headers": { "X-Forwarded-Proto": "https" }, "bearer": "‹secret env:T›", "follow_redirects": true,
            "deadline": 60, "interval": "2s", "request_timeout": "1s", "successes": 3, "attempts": 5,
        });
        spec::check("health", &fields, args.as_object().expect("a map")).expect("all are known");
        let parsed: HealthOptions = serde_json::from_value(args.clone()).expect("they are read");
        let again = serde_json::to_value(&parsed).expect("plain");
        assert_eq!(again["deadline"], json!("60s"));
        assert_eq!(again["bearer"], args["bearer"]);
        assert_eq!(
            serde_json::from_value::<HealthOptions>(again).expect("same"),
            parsed
        );

        let error = serde_json::from_value::<HealthOptions>(json!({ "pth": "/" })).expect_err("no");
        assert_eq!(error.to_string(), "unknown field `pth`");
        let args = json!({ "successes": "two" });
        let failure = spec::check("health", &fields, args.as_object().expect("a map"));
        assert_eq!(
            failure.expect_err("wrong").message,
            "`successes` of `health` takes a whole number, not \"two\""
        );
        let plain: HealthOptions = serde_json::from_value(json!({})).expect("nothing is needed");
        assert_eq!(plain, HealthOptions::default());
        assert_eq!(plain.check.pace().deadline, Span::seconds(100));
    }
}

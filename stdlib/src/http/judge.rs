//! What is made of one look at a service: whether it is well, and the words and the edit for each way in which it is not.

use super::driver::Answer;
use super::health::{CheckOptions, Look, NotYet};
use super::request::RequestOptions;
use crate::outside_text::one_line;
use reqwest::Url;
use serde::{Deserialize, Serialize};

/// So much of an answer is shown in an error.
const EXCERPT: usize = 200;

/// What was seen by one look.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Seen {
    /// An answer, whatever it says.
    Answer(Answer),
    /// None, and why.
    Nothing {
        /// The cause.
        why: String,
        /// An edit that helps.
        hint: Option<String>,
    },
}

/// Whether what was seen is a service that is well.
pub(super) fn judge(check: &CheckOptions, request: &RequestOptions, seen: &Seen) -> Look {
    let answer = match seen {
        Seen::Answer(answer) => answer,
        Seen::Nothing { why, hint } => {
            return Look::NotYet(NotYet {
                why: why.clone(),
                hint: hint.clone(),
                answer: None,
            });
        }
    };
    let status = answer.status;
    if !check.status.contain(status) {
        return Look::NotYet(unwanted(request, answer));
    }
    match check.expect.as_ref().and_then(|e| e.unmet(answer)) {
        None => Look::Ok {
            status,
            latency: answer.latency,
        },
        Some(unmet) => Look::NotYet(NotYet {
            why: format!("it answered {status}, but {unmet}"),
            hint: None,
            answer: excerpt(answer),
        }),
    }
}

/// What an answer says whose status is not wanted.
pub(super) fn unwanted(request: &RequestOptions, answer: &Answer) -> NotYet {
    let (why, hint) = wrong_status(request, answer);
    NotYet {
        why,
        hint,
        answer: excerpt(answer),
    }
}

/// What a status that is not wanted says, and what helps.
fn wrong_status(request: &RequestOptions, answer: &Answer) -> (String, Option<String>) {
    let status = answer.status;
    let said = |more: &str| format!("it answered {status}{more}");
    match status {
        300..=399 => match answer.headers.get("location") {
            Some(location) => redirected(status, location, answer),
            None => (said(" without a `Location`"), None),
        },
        400 | 421 => {
            let asked = match (&request.host, Url::parse(&answer.url)) {
                (Some(host), _) => host.clone(),
                (None, Ok(url)) => url.host_str().unwrap_or_default().to_owned(),
                (None, Err(_)) => answer.url.clone(),
            };
            let hint = format!(
                "it may not answer to the host `{asked}`: set `host` to one of its names, or allow this one (Django: ALLOWED_HOSTS)"
            );
            (said(""), Some(hint))
        }
        401 | 403 => {
            let hint = "exempt the health path from the login, or give `bearer` or `headers`";
            (said(""), Some(hint.into()))
        }
        404 => (said(": it has no such path"), None),
        502 => (
            said(": a proxy is there, the service behind it is not"),
            None,
        ),
        503 => (said(": it is there and says that it is not ready"), None),
        504 => (
            said(": a proxy is there, the service behind it is too slow"),
            None,
        ),
        _ => (said(""), None),
    }
}

fn redirected(status: u16, location: &str, answer: &Answer) -> (String, Option<String>) {
    let why = format!(
        "it answered {status}, a redirect to `{}`",
        one_line(location, EXCERPT)
    );
    let hint = match (
        Url::parse(&answer.url),
        Url::parse(&answer.url).map(|url| url.join(location)),
    ) {
        (Ok(from), Ok(Ok(to))) if from.scheme() == "http" && to.scheme() == "https" => {
            let path = from.path();
            format!(
                "it redirects to HTTPS: exempt `{path}` from that (Django: SECURE_REDIRECT_EXEMPT), or say that a proxy did it: headers: #{{ \"X-Forwarded-Proto\": \"https\" }}"
            )
        }
        (Ok(from), Ok(Ok(to))) if to.path() == format!("{}/", from.path()) => {
            format!(
                "ask for `{}`, with the slash at its end",
                one_line(to.path(), EXCERPT)
            )
        }
        _ => "ask for that address, or set follow_redirects: true".into(),
    };
    (why, Some(hint))
}

/// The beginning of a body; of a page its title, which is where frameworks put the error.
fn excerpt(answer: &Answer) -> Option<String> {
    let body = answer.body.trim();
    let title = || {
        let (_, rest) = body.split_once("<title>")?;
        Some(rest.split_once("</title>")?.0)
    };
    let telling = if body.starts_with('<') {
        title()?
    } else {
        body
    };
    Some(one_line(telling, EXCERPT)).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn options(value: Value) -> CheckOptions {
        serde_json::from_value(value).expect("options")
    }

    fn judged(options: &CheckOptions, status: u16, headers: &[(&str, &str)], body: &str) -> Look {
        let mut answer = Answer::of(status, body);
        answer.url = "http://127.0.0.1:8000/health".into();
        answer.headers = headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        judge(options, &RequestOptions::default(), &Seen::Answer(answer))
    }

    fn not_yet(look: Look) -> NotYet {
        match look {
            Look::NotYet(not_yet) => not_yet,
            Look::Ok { status, .. } => panic!("{status} was taken for good"),
        }
    }

    #[test]
    fn a_wanted_status_is_well() {
        let well = |status| Look::Ok {
            status,
            latency: 0.01,
        };
        assert_eq!(judged(&options(json!({})), 204, &[], ""), well(204));
        let options = options(json!({ "status": [200, 401] }));
        assert_eq!(judged(&options, 401, &[], ""), well(401));
        not_yet(judged(&options, 204, &[], ""));
    }

    #[test]
    fn each_status_has_its_words_and_its_hint() {
        let check = |status, headers: &[_], why: &str, hint: Option<&str>| {
            let not_yet = not_yet(judged(&options(json!({})), status, headers, ""));
            assert_eq!((not_yet.why.as_str(), not_yet.hint.as_deref()), (why, hint));
        };
        check(500, &[], "it answered 500", None);
        check(
            502,
            &[],
            "it answered 502: a proxy is there, the service behind it is not",
            None,
        );
        check(
            503,
            &[],
            "it answered 503: it is there and says that it is not ready",
            None,
        );
        check(
            400,
            &[],
            "it answered 400",
            Some(
                "it may not answer to the host `127.0.0.1`: set `host` to one of its names, or allow this one (Django: ALLOWED_HOSTS)",
            ),
        );
        check(
            301,
            &[("location", "https://shop.example/health")],
            "it answered 301, a redirect to `https://shop.example/health`",
            Some(
                "it redirects to HTTPS: exempt `/health` from that (Django: SECURE_REDIRECT_EXEMPT), or say that a proxy did it: headers: #{ \"X-Forwarded-Proto\": \"https\" }",
            ),
        );
        check(
            301,
            &[("location", "/health/")],
            "it answered 301, a redirect to `/health/`",
            Some("ask for `/health/`, with the slash at its end"),
        );
        check(
            302,
            &[("location", "/login?next=/health")],
            "it answered 302, a redirect to `/login?next=/health`",
            Some("ask for that address, or set follow_redirects: true"),
        );
    }

    #[test]
    fn the_answer_is_shown_where_it_says_something() {
        let shown = |body| not_yet(judged(&options(json!({})), 500, &[], body)).answer;
        assert_eq!(
            shown("{\"db\":\n  \"down\"}").as_deref(),
            Some("{\"db\": \"down\"}")
        );
        assert_eq!(
            shown("<html><title>DisallowedHost at /</title>…").as_deref(),
            Some("DisallowedHost at /")
        );
        assert_eq!(shown("<html>…"), None);
        assert_eq!(shown("  "), None);
    }

    #[test]
    fn a_good_status_with_the_wrong_answer_is_not_well() {
        let options = options(json!({ "expect": { "json": { "version": "2.0" } } }));
        let not_yet = not_yet(judged(&options, 200, &[], "{\"version\":\"1.9\"}"));
        assert_eq!(
            not_yet.why,
            "it answered 200, but its JSON's `version` is \"1.9\", not \"2.0\""
        );
        let look = judged(&options, 200, &[], "{\"version\":\"2.0\",\"up\":1}");
        assert!(matches!(look, Look::Ok { status: 200, .. }));
    }
}

//! What an answer must hold besides its status.

use super::driver::Answer;
use crate::outside_text::one_line;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// What an answer must hold.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// What its JSON holds: of maps only the keys that are given here are compared, lists as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub json: Option<Value>,
    /// Text that its body contains.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// Headers by name, with a text that each contains.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub header: BTreeMap<String, String>,
}

impl Expect {
    /// Why the answer is not as expected; `None` when it is.
    pub fn unmet(&self, answer: &Answer) -> Option<String> {
        self.unmet_header(answer)
            .or_else(|| self.unmet_json(answer))
            .or_else(|| self.unmet_body(answer))
    }

    fn unmet_header(&self, answer: &Answer) -> Option<String> {
        self.header.iter().find_map(|(name, wanted)| {
            match answer.headers.get(&name.to_ascii_lowercase()) {
                None => Some(format!("its answer has no header `{name}`")),
                Some(value) if value.contains(wanted.as_str()) => None,
                Some(value) => {
                    let value = one_line(value, 80);
                    Some(format!(
                        "its header `{name}` is `{value}`, without `{wanted}`"
                    ))
                }
            }
        })
    }

    fn unmet_json(&self, answer: &Answer) -> Option<String> {
        let wanted = self.json.as_ref()?;
        let got = match answer.json() {
            Some(got) => got,
            None if answer.cut => {
                let read = answer.body.len() / 1024;
                return Some(format!("its JSON did not end within the first {read} KiB"));
            }
            None => return Some("its body is no JSON".into()),
        };
        difference("", wanted, &got)
    }

    fn unmet_body(&self, answer: &Answer) -> Option<String> {
        let wanted = self.body.as_ref()?;
        if answer.body.contains(wanted.as_str()) {
            return None;
        }
        let wanted = one_line(wanted, 80);
        Some(if answer.cut {
            let read = answer.body.len() / 1024;
            format!("the first {read} KiB of its body do not contain `{wanted}`")
        } else {
            format!("its body does not contain `{wanted}`")
        })
    }
}

/// The first place where `got` lacks something of `wanted`.
fn difference(path: &str, wanted: &Value, got: &Value) -> Option<String> {
    let below = |key: &str| match path {
        "" => key.to_owned(),
        path => format!("{path}.{key}"),
    };
    let shown = || match path {
        "" => "its JSON".to_owned(),
        path => format!("its JSON's `{path}`"),
    };
    match (wanted, got) {
        (Value::Object(wanted), Value::Object(got)) => {
            wanted.iter().find_map(|(key, wanted)| match got.get(key) {
                Some(got) => difference(&below(key), wanted, got),
                None => Some(format!("its JSON has no `{}`", below(key))),
            })
        }
        (Value::Array(wanted), Value::Array(got)) if wanted.len() == got.len() => wanted
            .iter()
            .zip(got)
            .enumerate()
            .find_map(|(i, (wanted, got))| difference(&format!("{path}[{i}]"), wanted, got)),
        (Value::Number(a), Value::Number(b)) if a.as_f64() == b.as_f64() => None,
        (wanted, got) if wanted == got => None,
        (wanted, got) => {
            let (wanted, got) = (
                one_line(&wanted.to_string(), 80),
                one_line(&got.to_string(), 80),
            );
            Some(format!("{} is {got}, not {wanted}", shown()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn answer(body: &str) -> Answer {
        Answer {
            headers: BTreeMap::from([("content-type".into(), "application/json; v=1".into())]),
            ..Answer::of(200, body)
        }
    }

    fn check(expect: Value, answer: &Answer, unmet: Option<&str>) {
        let parsed: Expect = serde_json::from_value(expect.clone()).expect("an expectation");
        assert_eq!(parsed.unmet(answer).as_deref(), unmet, "{expect}");
    }

    #[test]
    fn json_is_compared_by_the_keys_that_are_asked_for() {
        let body = r#"{"version":"1.9","n":2,"db":{"up":false},"tags":["a","b"]}"#;
        let answer = answer(body);
        check(json!({ "json": { "n": 2.0, "db": {} } }), &answer, None);
        check(json!({ "json": { "tags": ["a", "b"] } }), &answer, None);
        let unmet = "its JSON's `version` is \"1.9\", not \"2.0\"";
        check(
            json!({ "json": { "version": "2.0" } }),
            &answer,
            Some(unmet),
        );
        let unmet = "its JSON's `db.up` is false, not true";
        check(
            json!({ "json": { "db": { "up": true } } }),
            &answer,
            Some(unmet),
        );
        check(
            json!({ "json": { "db": { "x": 1 } } }),
            &answer,
            Some("its JSON has no `db.x`"),
        );
        let unmet = "its JSON's `tags[1]` is \"b\", not \"c\"";
        check(
            json!({ "json": { "tags": ["a", "c"] } }),
            &answer,
            Some(unmet),
        );
    }

    #[test]
    fn texts_and_headers_contain_what_is_asked_for() {
        let answer = answer("<h1>fine</h1>");
        check(json!({ "body": "fine" }), &answer, None);
        check(
            json!({ "body": "up" }),
            &answer,
            Some("its body does not contain `up`"),
        );
        check(json!({ "json": {} }), &answer, Some("its body is no JSON"));
        check(
            json!({ "header": { "Content-Type": "application/json" } }),
            &answer,
            None,
        );
        let unmet = "its header `Content-Type` is `application/json; v=1`, without `html`";
        check(
            json!({ "header": { "Content-Type": "html" } }),
            &answer,
            Some(unmet),
        );
        check(
            json!({ "header": { "Age": "" } }),
            &answer,
            Some("its answer has no header `Age`"),
        );
    }

    #[test]
    fn a_body_that_was_not_read_to_its_end_says_so() {
        let cut = Answer {
            cut: true,
            ..answer(&format!("[{}", "1,".repeat(32 * 1024)))
        };
        let unmet = "its JSON did not end within the first 64 KiB";
        check(json!({ "json": [] }), &cut, Some(unmet));
        let unmet = "the first 64 KiB of its body do not contain `x`";
        check(json!({ "body": "x" }), &cut, Some(unmet));
    }
}

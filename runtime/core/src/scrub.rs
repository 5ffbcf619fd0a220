//! Takes the values of secrets out of every text that leaves: raw, encoded and in pieces of lines.

use aho_corasick::{AhoCorasick, MatchKind};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use std::borrow::Cow;
use std::sync::{Arc, PoisonError, RwLock};

/// Below this a value stands in too many innocent texts to be taken out of them.
pub const SHORTEST_SECRET: usize = 6;

/// Replaces known secret values by their names.
#[derive(Debug, Default)]
pub struct Scrubber {
    filter: RwLock<Option<Arc<Filter>>>,
}

#[derive(Debug, Clone)]
struct Filter {
    /// Needle and what stands in its place.
    needles: Vec<(Vec<u8>, String)>,
    automaton: AhoCorasick,
}

impl Scrubber {
    /// Adds a value; from now on `placeholder` stands in its place.
    pub fn add(&self, value: &str, placeholder: &str) {
        let mut filter = self.filter.write().unwrap_or_else(PoisonError::into_inner);
        let mut needles = filter
            .as_ref()
            .map(|f| f.needles.clone())
            .unwrap_or_default();
        for form in forms(value) {
            if needles.iter().all(|(needle, _)| *needle != form) {
                needles.push((form, placeholder.into()));
            }
        }
        let automaton = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .build(needles.iter().map(|(needle, _)| needle))
            .expect("a few thousand short needles fit an automaton");
        *filter = Some(Arc::new(Filter { needles, automaton }));
    }

    /// The text without secret values.
    pub fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let filter = self
            .filter
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let Some(filter) = filter.filter(|f| f.automaton.is_match(text)) else {
            return Cow::Borrowed(text);
        };
        let mut clean = String::with_capacity(text.len());
        filter
            .automaton
            .replace_all_with(text, &mut clean, |found, _, out| {
                out.push_str(&filter.needles[found.pattern().as_usize()].1);
                true
            });
        Cow::Owned(clean)
    }

    /// The value with every text in it cleaned, keys too.
    pub fn value(&self, value: Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.text(&text).into_owned()),
            Value::Array(items) => items.into_iter().map(|v| self.value(v)).collect(),
            Value::Object(map) => map
                .into_iter()
                .map(|(k, v)| (self.text(&k).into_owned(), self.value(v)))
                .collect(),
            plain => plain,
        }
    }
}

/// Every shape in which the value may turn up.
fn forms(value: &str) -> Vec<Vec<u8>> {
    let mut forms = vec![];
    let lines = value.lines().filter(|line| line.len() >= SHORTEST_SECRET);
    for text in std::iter::once(value).chain(lines) {
        let bytes = text.as_bytes();
        let json = Value::from(text).to_string();
        forms.extend([
            bytes.to_vec(),
            json.as_bytes()[1..json.len() - 1].to_vec(),
            utf8_percent_encode(text, NON_ALPHANUMERIC)
                .to_string()
                .into_bytes(),
            text.replace('\'', r"'\''").into_bytes(),
            hex::encode(bytes).into_bytes(),
            hex::encode_upper(bytes).into_bytes(),
        ]);
        forms.extend((0..3).flat_map(|offset| base64_inside(bytes, offset)));
    }
    forms.retain(|form| form.len() >= SHORTEST_SECRET);
    forms
}

/// The part of a base64 text that depends on `bytes` alone when they begin at `offset` modulo three.
fn base64_inside(bytes: &[u8], offset: usize) -> [Vec<u8>; 2] {
    let mut padded = vec![0; offset];
    padded.extend_from_slice(bytes);
    let first = (offset * 8).div_ceil(6);
    let last = padded.len() * 8 / 6;
    [STANDARD, URL_SAFE].map(|engine| engine.encode(&padded).as_bytes()[first..last].to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALUE: &str = "p@ss'w\"rd/ü+1";

    fn scrubber() -> Scrubber {
        let scrubber = Scrubber::default();
        scrubber.add(VALUE, "‹secret env:P›");
        scrubber
    }

    #[test]
    fn every_encoding_is_found_inside_other_text() {
        let mut texts = vec![
            VALUE.to_owned(),
            serde_json::json!({ "password": VALUE }).to_string(),
            format!(
                "postgres://u:{}@h/d",
                utf8_percent_encode(VALUE, NON_ALPHANUMERIC)
            ),
            format!("'{}'", VALUE.replace('\'', r"'\''")),
            hex::encode(VALUE),
            hex::encode_upper(VALUE),
        ];
        for before in ["", "u", "us", "user:"] {
            texts.push(STANDARD.encode(format!("{before}{VALUE}")));
            texts.push(URL_SAFE.encode(format!("{before}{VALUE}tail")));
        }
        for text in texts {
            let clean = scrubber().text(&text).into_owned();
            assert!(clean.contains("‹secret env:P›"), "{text} became {clean}");
        }
    }

    #[test]
    fn only_the_value_is_replaced() {
        let text = format!("a {VALUE} b");
        assert_eq!(scrubber().text(&text), "a ‹secret env:P› b");
        assert_eq!(scrubber().text("nothing here"), "nothing here");
    }

    #[test]
    fn each_line_of_a_key_is_secret_by_itself() {
        let scrubber = Scrubber::default();
        scrubber.add("-----BEGIN-----\nMIIEvQ\nabc\n", "‹secret file:key›");
        assert_eq!(scrubber.text("log: MIIEvQ!"), "log: ‹secret file:key›!");
        assert_eq!(
            scrubber.text("abc"),
            "abc",
            "short lines stand in innocent texts"
        );
    }

    #[test]
    fn values_are_cleaned_to_their_leaves() {
        let dirty = serde_json::json!({ VALUE: [VALUE, 1, { "a": VALUE }] });
        assert!(!scrubber().value(dirty).to_string().contains("rd/"));
    }
}

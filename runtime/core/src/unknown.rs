//! What a plan cannot know: a text that names where it would come from.

use serde_json::Value;

const OPEN: &str = "‹unknown ";
const CLOSE: char = '›';

/// The text that stands for what only the run can tell, such as `run_once#1.code`.
pub fn unknown(origin: &str) -> String {
    format!("{OPEN}{origin}{CLOSE}")
}

/// Where the first unknown part of a text would come from.
pub fn origin(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once(OPEN)?;
    let first = rest.find(CLOSE)?;
    Some(&rest[..closing(rest).unwrap_or(first)])
}

/// Where it ends: it may name others, as in `‹unknown `a ‹query#1.n› b`›`.
fn closing(rest: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, c) in rest.char_indices() {
        match c {
            '‹' => depth += 1,
            CLOSE if depth == 0 => return Some(at),
            CLOSE => depth -= 1,
            _ => {}
        }
    }
    None
}

/// A text as people read it: `web ‹run_once#1.code›`.
pub fn named(text: &str) -> String {
    text.replace(OPEN, "‹")
}

/// The same for a value and everything in it.
pub fn origin_in(value: &Value) -> Option<&str> {
    match value {
        Value::String(text) => origin(text),
        Value::Array(items) => items.iter().find_map(origin_in),
        Value::Object(map) => map.values().find_map(origin_in),
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn it_is_found_wherever_it_stands() {
        let text = format!("web {} and more", unknown("run_once#1.code"));
        assert_eq!(origin(&text), Some("run_once#1.code"));
        assert_eq!(named(&text), "web ‹run_once#1.code› and more");
        assert_eq!(
            origin_in(&json!({ "a": [1, { "b": text }] })),
            Some("run_once#1.code")
        );
        assert_eq!(origin("‹unknown half"), None);
        let nested = unknown("`a ‹query#1.n› b`");
        assert_eq!(origin(&nested), Some("`a ‹query#1.n› b`"));
        assert_eq!(origin("‹unknown a‹b› and more"), Some("a‹b"));
        assert_eq!(origin_in(&json!(["plain", null])), None);
    }
}

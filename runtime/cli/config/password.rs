//! Passwords that stand in a text: refused in `pb.toml`, and never shown.

use std::ops::Range;

/// Where the first password in the text stands: in a URL, or as `password=…` of a connection text.
pub(super) fn find(text: &str) -> Option<Range<usize>> {
    in_url(text).into_iter().chain(in_pairs(text)).next()
}

/// The text with a star for every letter of a password.
pub(super) fn masked(text: &str) -> String {
    let found = [in_url(text), in_pairs(text), in_table(text)];
    let spans: Vec<_> = found.into_iter().flatten().collect();
    let stars =
        text.char_indices().map(
            |(at, c)| match spans.iter().any(|span| span.contains(&at)) {
                true => '*',
                false => c,
            },
        );
    stars.collect()
}

fn in_url(text: &str) -> Vec<Range<usize>> {
    let starts = text.match_indices("://").map(|(at, _)| at + 3);
    let found = starts.filter_map(|start| {
        let rest = &text[start..];
        let end =
            rest.find(|c: char| c.is_whitespace() || matches!(c, '/' | '?' | '#' | '"' | '\''));
        let authority = &rest[..end.unwrap_or(rest.len())];
        let (user, _) = authority.rsplit_once('@')?;
        let (name, password) = user.split_once(':')?;
        let from = start + name.len() + 1;
        (!password.is_empty()).then(|| from..from + password.len())
    });
    found.collect()
}

fn in_pairs(text: &str) -> Vec<Range<usize>> {
    let found = text.match_indices("password=").filter_map(|(at, word)| {
        let before = text[..at].chars().next_back();
        let starts_word =
            before.is_none_or(|c| matches!(c, '?' | '&' | '"' | '\'') || c.is_whitespace());
        let from = at + word.len();
        let rest = &text[from..];
        let end = rest.find(|c: char| c.is_whitespace() || matches!(c, '&' | '"' | '\''));
        let length = end.unwrap_or(rest.len());
        (starts_word && length > 0).then(|| from..from + length)
    });
    found.collect()
}

/// `password = "…"` as a table of TOML says it, unless it is a reference.
fn in_table(text: &str) -> Vec<Range<usize>> {
    let found = text.match_indices("password").filter_map(|(at, word)| {
        let rest = &text[at + word.len()..];
        let value = rest.trim_start().strip_prefix('=')?.trim_start();
        let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
        let value = &value[1..];
        let from = text.len() - value.len();
        let end = value.find([quote, '\n']).unwrap_or(value.len());
        (!value.starts_with("secret:")).then(|| from..from + end)
    });
    found.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_found_and_hidden() {
        let check = |text: &str, password: Option<&str>, hidden: &str| {
            assert_eq!(find(text).map(|span| &text[span]), password, "{text}");
            assert_eq!(masked(text), hidden);
        };
        check(
            "postgres://app:hunter2@db/shop",
            Some("hunter2"),
            "postgres://app:*******@db/shop",
        );
        check(
            "postgres://app:p@ss@db",
            Some("p@ss"),
            "postgres://app:****@db",
        );
        check(
            "host=db password=geheim user=a",
            Some("geheim"),
            "host=db password=****** user=a",
        );
        check(
            "postgres://db/shop?password=x&a=1",
            Some("x"),
            "postgres://db/shop?password=*&a=1",
        );
        check("password = \"hunter2\"", None, "password = \"*******\"");
        check("{ password='hunter2' }", None, "{ password='*******' }");
        for plain in [
            "postgres://app@db/shop",
            "postgres://app:@db/shop",
            "http://127.0.0.1:8080/a@b:c",
            "https://example.com/?q=a:b@c",
            "secret:env:DATABASE_URL",
            "password = \"secret:env:P\"",
            "nopassword=1",
        ] {
            check(plain, None, plain);
        }
    }
}

//! The text of a file: where a token ends that the syntax tree knows the start of.

use rhai::Position;

/// The lines of a file.
pub(super) struct Text<'a>(Vec<&'a str>);

/// Where a token stands: 1-based, in characters; the end is behind its last one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Token {
    pub(super) line: usize,
    pub(super) column: usize,
    pub(super) end: usize,
}

impl<'a> Text<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        // Places are those of the text without the mark that a file may begin with.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        Self(text.lines().collect())
    }

    /// The token that begins at a position.
    pub(super) fn token(&self, at: Position) -> Token {
        let (line, column) = crate::walk::place(at);
        self.token_at(line.max(1), column.max(1))
    }

    pub(super) fn token_at(&self, line: usize, column: usize) -> Token {
        let rest = self.rest(line, column);
        let end = column + length(rest).max(1);
        Token { line, column, end }
    }

    /// What a position begins with, to the end of its line.
    pub(super) fn rest(&self, line: usize, column: usize) -> &'a str {
        let text = self.0.get(line - 1).copied().unwrap_or_default();
        let skipped = text.char_indices().nth(column - 1);
        skipped.map_or("", |(i, _)| &text[i..])
    }
}

/// How many characters the first token of a line has.
fn length(rest: &str) -> usize {
    let mut chars = rest.chars();
    match chars.next() {
        None => 0,
        Some(quote @ ('"' | '\'')) => quoted(rest, quote),
        Some('`') => back_ticks(rest),
        Some('/') if rest.starts_with("//") => rest.trim_end().chars().count(),
        Some('/') if rest.starts_with("/*") => comment(rest),
        Some('#') if rest.starts_with("#{") => 2,
        Some('#') => raw(rest),
        Some('-') if chars.next().is_some_and(|c| c.is_ascii_digit()) => 1 + number(&rest[1..]),
        Some(c) if c.is_ascii_digit() => number(rest),
        Some(c) if is_word(c) => rest.chars().take_while(|c| is_word(*c)).count(),
        Some(c) if c.is_ascii_punctuation() => operator(rest),
        Some(_) => 1,
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn quoted(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (i, c) in rest.chars().enumerate().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return i + 1,
            _ => {}
        }
    }
    rest.chars().count()
}

/// To the closing back-tick, past what stands in `${…}`.
fn back_ticks(rest: &str) -> usize {
    let (mut depth, mut before) = (0, '`');
    for (i, c) in rest.chars().enumerate().skip(1) {
        match c {
            '`' if depth == 0 => return i + 1,
            '{' if before == '$' || depth > 0 => depth += 1,
            '}' if depth > 0 => depth -= 1,
            _ => {}
        }
        before = c;
    }
    rest.chars().count()
}

/// `#"…"#`, with as many marks as it began with.
fn raw(rest: &str) -> usize {
    let marks: String = rest.chars().take_while(|c| *c == '#').collect();
    let (open, close) = (format!("{marks}\""), format!("\"{marks}"));
    match rest.strip_prefix(&open) {
        Some(inner) => {
            let end = inner.find(&close).map_or(inner.len(), |i| i + close.len());
            open.len() + inner[..end].chars().count()
        }
        None => 1,
    }
}

fn comment(rest: &str) -> usize {
    let end = rest.find("*/").map_or(rest.len(), |i| i + 2);
    rest[..end].chars().count()
}

fn number(rest: &str) -> usize {
    let mut length = 0;
    let mut chars = rest.chars().peekable();
    while let Some(c) = chars.next() {
        // The dots of a range and of a method are not the number's.
        let fraction = c == '.' && chars.peek().is_some_and(char::is_ascii_digit);
        if !(is_word(c) || fraction) {
            break;
        }
        length += 1;
    }
    length
}

fn operator(rest: &str) -> usize {
    const LONG: [&str; 24] = [
        "<<=", ">>=", "**=", "..=", "...", "?.", "?[", "??", "==", "!=", "<=", ">=", "&&", "||",
        "+=", "-=", "*=", "/=", "%=", "**", "<<", ">>", "=>", "..",
    ];
    LONG.iter()
        .find(|operator| rest.starts_with(**operator))
        .map_or(1, |operator| operator.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_end_where_they_end() {
        let check = |text: &str, token: &str| {
            assert_eq!(length(text), token.chars().count(), "{text}");
        };
        for (text, token) in [
            ("name(x)", "name"),
            ("a.b", "a"),
            ("\"a \\\" b\" + c", "\"a \\\" b\""),
            ("\"ÄÖ\", 1", "\"ÄÖ\""),
            ("`a ${f(#{ b: `c` })} d` e", "`a ${f(#{ b: `c` })} d`"),
            ("#{ a: 1 }", "#{"),
            ("##\"a\"# b\"## c", "##\"a\"# b\"##"),
            ("'x', 1", "'x'"),
            ("1.5s", "1.5s"),
            ("1..5", "1"),
            ("1.max(2)", "1"),
            ("-5 + 1", "-5"),
            ("- 5", "-"),
            ("..=5", "..="),
            ("&& b", "&&"),
            ("[1]", "["),
            ("/// é ", "/// é"),
            ("/* a */ b", "/* a */"),
            ("", ""),
        ] {
            check(text, token);
        }
    }
}

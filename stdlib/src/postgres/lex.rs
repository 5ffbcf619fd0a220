//! The lexical rules of PostgreSQL, as far as they decide where a statement ends. Knows no statement.
//!
//! Source: `src/backend/parser/scan.l` and `src/fe_utils/psqlscan.l` of PostgreSQL 12 to 18, with
//! `standard_conforming_strings` on, the default since 9.1.

use std::fmt;

/// What can be opened and left open at the end of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Construct {
    Text,
    QuotedIdent,
    DollarQuote,
    Comment,
    Parenthesis,
    /// `BEGIN ATOMIC … END` of an SQL function.
    AtomicBody,
}

impl fmt::Display for Construct {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text => "the string",
            Self::QuotedIdent => "the quoted identifier",
            Self::DollarQuote => "the dollar quote",
            Self::Comment => "the comment",
            Self::Parenthesis => "the parenthesis",
            Self::AtomicBody => "the body after `BEGIN ATOMIC`",
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenKind {
    /// A keyword or an identifier without quotes.
    Word,
    /// `"…"` or `U&"…"`.
    QuotedIdent,
    /// `'…'`, `E'…'`, `U&'…'` or a dollar quote, continuation lines included.
    Text,
    Number,
    /// One character of anything else.
    Symbol,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Token<'a> {
    pub(crate) kind: TokenKind,
    pub(crate) text: &'a str,
    /// Bytes from the start of the file.
    pub(crate) start: usize,
}

impl Token<'_> {
    pub(crate) fn is_word(&self, word: &str) -> bool {
        self.kind == TokenKind::Word && self.text.eq_ignore_ascii_case(word)
    }

    pub(crate) fn is_symbol(&self, symbol: &str) -> bool {
        self.kind == TokenKind::Symbol && self.text == symbol
    }

    pub(crate) fn end(&self) -> usize {
        self.start + self.text.len()
    }
}

/// Something that was opened at `start` and never closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unclosed {
    pub(crate) construct: Construct,
    pub(crate) start: usize,
}

/// The tokens of a text, without blanks and comments. Nothing follows an error.
pub(crate) struct Lexer<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Lexer<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        // psql drops a byte order mark at the start of a file; the server would call it a word.
        let at = if text.starts_with(BYTE_ORDER_MARK) {
            BYTE_ORDER_MARK.len_utf8()
        } else {
            0
        };
        Self { text, at }
    }

    fn token(&mut self) -> Result<Option<Token<'a>>, Unclosed> {
        self.skip_blanks_and_comments()?;
        let start = self.at;
        let Some(first) = self.byte(start) else {
            return Ok(None);
        };
        let open = |construct| move || Unclosed { construct, start };
        let (kind, end) = match first {
            b'\'' => {
                let end = self
                    .text_end(start, Escape::Doubled)
                    .ok_or_else(open(Construct::Text))?;
                (TokenKind::Text, end)
            }
            b'"' => {
                let end = self
                    .ident_end(start)
                    .ok_or_else(open(Construct::QuotedIdent))?;
                (TokenKind::QuotedIdent, end)
            }
            b'$' => match self.dollar_tag(start) {
                Some(tag) => {
                    let body = start + tag.len();
                    let close = self.text[body..]
                        .find(tag)
                        .map(|found| body + found + tag.len());
                    (
                        TokenKind::Text,
                        close.ok_or_else(open(Construct::DollarQuote))?,
                    )
                }
                None => (TokenKind::Symbol, start + 1),
            },
            b'0'..=b'9' => (TokenKind::Number, self.run_end(start, is_number)),
            _ if is_word_start(first) => {
                let end = self.run_end(start, is_word);
                match (&self.text[start..end], self.byte(end), self.byte(end + 1)) {
                    ("e" | "E", Some(b'\''), _) => {
                        let end = self.text_end(end, Escape::Backslash);
                        (TokenKind::Text, end.ok_or_else(open(Construct::Text))?)
                    }
                    ("u" | "U", Some(b'&'), Some(b'\'')) => {
                        let end = self.text_end(end + 1, Escape::Doubled);
                        (TokenKind::Text, end.ok_or_else(open(Construct::Text))?)
                    }
                    ("u" | "U", Some(b'&'), Some(b'"')) => {
                        let end = self.ident_end(end + 1);
                        (
                            TokenKind::QuotedIdent,
                            end.ok_or_else(open(Construct::QuotedIdent))?,
                        )
                    }
                    _ => (TokenKind::Word, end),
                }
            }
            _ => (TokenKind::Symbol, start + 1),
        };
        self.at = end;
        Ok(Some(Token {
            kind,
            text: &self.text[start..end],
            start,
        }))
    }

    fn skip_blanks_and_comments(&mut self) -> Result<(), Unclosed> {
        loop {
            match (self.byte(self.at), self.byte(self.at + 1)) {
                (Some(byte), _) if is_blank(byte) => self.at += 1,
                (Some(b'-'), Some(b'-')) => self.at = self.run_end(self.at, is_in_line),
                (Some(b'/'), Some(b'*')) => {
                    let unclosed = Unclosed {
                        construct: Construct::Comment,
                        start: self.at,
                    };
                    self.at = self.comment_end(self.at).ok_or(unclosed)?;
                }
                _ => return Ok(()),
            }
        }
    }

    /// The end of the block comment that opens at `start`: comments nest.
    fn comment_end(&self, start: usize) -> Option<usize> {
        let mut at = start + 2;
        let mut depth = 1;
        while depth > 0 {
            match (self.byte(at)?, self.byte(at + 1)) {
                (b'/', Some(b'*')) => (depth, at) = (depth + 1, at + 2),
                (b'*', Some(b'/')) => (depth, at) = (depth - 1, at + 2),
                _ => at += 1,
            }
        }
        Some(at)
    }

    /// The end of the string whose quote stands at `quote`. A string goes on when the next one
    /// stands on a later line, under the escape rule of the first: `E'a'⏎'b\''` is one string.
    fn text_end(&self, quote: usize, escape: Escape) -> Option<usize> {
        let mut at = quote + 1;
        loop {
            match self.byte(at)? {
                b'\\' if escape == Escape::Backslash => at += 2,
                b'\'' if self.byte(at + 1) == Some(b'\'') => at += 2,
                b'\'' => match self.continuation(at + 1) {
                    Some(next_quote) => at = next_quote + 1,
                    None => return Some(at + 1),
                },
                _ => at += 1,
            }
        }
    }

    /// The opening quote of the string's next part: blanks and `--` comments may stand before it,
    /// and at least one line break must.
    fn continuation(&self, end: usize) -> Option<usize> {
        let mut at = end;
        let mut on_later_line = false;
        loop {
            match (self.byte(at)?, self.byte(at + 1)) {
                (byte, _) if is_blank(byte) => {
                    on_later_line |= !is_in_line(byte);
                    at += 1;
                }
                (b'-', Some(b'-')) => at = self.run_end(at, is_in_line),
                (b'\'', _) if on_later_line => return Some(at),
                _ => return None,
            }
        }
    }

    fn ident_end(&self, quote: usize) -> Option<usize> {
        let mut at = quote + 1;
        loop {
            match (self.byte(at)?, self.byte(at + 1)) {
                (b'"', Some(b'"')) => at += 2,
                (b'"', _) => return Some(at + 1),
                _ => at += 1,
            }
        }
    }

    /// `$$` or `$tag$` at `start`, and not the `$1` of a parameter.
    fn dollar_tag(&self, start: usize) -> Option<&'a str> {
        let name = start + 1;
        let end = match self.byte(name)? {
            first if is_word_start(first) => {
                self.run_end(name, |byte| is_word(byte) && byte != b'$')
            }
            _ => name,
        };
        (self.byte(end)? == b'$').then(|| &self.text[start..=end])
    }

    fn run_end(&self, start: usize, belongs: impl Fn(u8) -> bool) -> usize {
        let rest = self.text.as_bytes().iter().skip(start);
        start + rest.take_while(|byte| belongs(**byte)).count()
    }

    fn byte(&self, at: usize) -> Option<u8> {
        self.text.as_bytes().get(at).copied()
    }
}

impl<'a> Iterator for Lexer<'a> {
    type Item = Result<Token<'a>, Unclosed>;

    fn next(&mut self) -> Option<Self::Item> {
        self.token().transpose()
    }
}

pub(crate) const BYTE_ORDER_MARK: char = '\u{feff}';

#[derive(Clone, Copy, PartialEq, Eq)]
enum Escape {
    Doubled,
    Backslash,
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c)
}

/// A lone carriage return ends a line, and a `--` comment, as in the server.
fn is_in_line(byte: u8) -> bool {
    !matches!(byte, b'\n' | b'\r')
}

fn is_word_start(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || !byte.is_ascii()
}

fn is_word(byte: u8) -> bool {
    is_word_start(byte) || byte.is_ascii_digit() || byte == b'$'
}

fn is_number(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.')
}

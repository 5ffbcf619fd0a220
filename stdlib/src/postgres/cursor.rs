//! Reads the tokens of one statement from the left, for the few commands that pb has to know.

use serde::{Deserialize, Serialize};

use super::ident::MAX_IDENT_BYTES;
use super::lex::{Token, TokenKind};
use super::split::Statement;

/// The name of a table or an index as the catalogue holds it: folded, unquoted, cut to 63 bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectName {
    pub schema: Option<String>,
    pub name: String,
}

#[derive(Clone)]
pub(crate) struct Cursor<'s> {
    tokens: &'s [Token<'s>],
}

impl<'s> Cursor<'s> {
    pub(crate) fn new(statement: &'s Statement<'_>) -> Self {
        Self {
            tokens: &statement.tokens,
        }
    }

    /// Reads a part of a statement.
    pub(crate) fn over(tokens: &'s [Token<'s>]) -> Self {
        Self { tokens }
    }

    /// What is not read yet.
    pub(crate) fn rest(&self) -> &'s [Token<'s>] {
        self.tokens
    }

    /// Steps over these words, or stays.
    pub(crate) fn eat(&mut self, words: &str) -> bool {
        let mut rest = self.tokens;
        for word in words.split(' ') {
            match rest.split_first() {
                Some((token, after)) if token.is_word(word) => rest = after,
                _ => return false,
            }
        }
        self.tokens = rest;
        true
    }

    /// Steps behind the next place where these words stand, or stays.
    pub(crate) fn skip_past(&mut self, words: &str) -> bool {
        let mut ahead = self.clone();
        while !ahead.is_done() {
            if ahead.eat(words) {
                *self = ahead;
                return true;
            }
            ahead.next();
        }
        false
    }

    pub(crate) fn eat_symbol(&mut self, symbol: &str) -> bool {
        let found = self
            .tokens
            .first()
            .is_some_and(|token| token.is_symbol(symbol));
        if found {
            self.tokens = &self.tokens[1..];
        }
        found
    }

    pub(crate) fn next(&mut self) -> Option<Token<'s>> {
        let (token, rest) = self.tokens.split_first()?;
        self.tokens = rest;
        Some(*token)
    }

    /// Steps behind the next comma outside parentheses; false when there is none.
    pub(crate) fn skip_to_comma(&mut self) -> bool {
        let mut depth = 0_usize;
        while let Some(token) = self.next() {
            match token.text {
                "(" => depth += 1,
                ")" => depth = depth.saturating_sub(1),
                "," if depth == 0 => return true,
                _ => {}
            }
        }
        false
    }

    pub(crate) fn is_done(&self) -> bool {
        self.tokens.is_empty()
    }

    /// The options of `(VERBOSE, CONCURRENTLY off)` or `(connect = false)`, each with its switch;
    /// none where no parenthesis stands.
    pub(crate) fn options(&mut self) -> Vec<(&'s str, bool)> {
        let mut options = Vec::new();
        if !self.eat_symbol("(") {
            return options;
        }
        while let Some(name) = self.next().filter(|token| !token.is_symbol(")")) {
            let mut is_on = true;
            let mut separator = None;
            while let Some(token) = self.next() {
                if token.is_symbol(",") || token.is_symbol(")") {
                    separator = Some(token);
                    break;
                }
                is_on = !SWITCHED_OFF.contains(&token.text.to_ascii_lowercase().as_str());
            }
            options.push((name.text, is_on));
            if separator.is_none_or(|token| token.is_symbol(")")) {
                break;
            }
        }
        options
    }

    /// A name with or without its schema; one with its database too loses that.
    pub(crate) fn object_name(&mut self) -> Option<ObjectName> {
        let mut name = self.identifier()?;
        let mut schema = None;
        while self.eat_symbol(".") {
            schema = Some(std::mem::replace(&mut name, self.identifier()?));
        }
        Some(ObjectName { schema, name })
    }

    /// None for `U&"…"`: pb does not decode its escapes.
    pub(crate) fn identifier(&mut self) -> Option<String> {
        let token = self.next()?;
        let name = match token.kind {
            TokenKind::Word => token.text.to_ascii_lowercase(),
            TokenKind::QuotedIdent => token
                .text
                .strip_prefix('"')?
                .strip_suffix('"')?
                .replace("\"\"", "\""),
            TokenKind::Text | TokenKind::Number | TokenKind::Symbol => return None,
        };
        // As the server does, with a NOTICE that nobody reads.
        Some(name[..name.floor_char_boundary(MAX_IDENT_BYTES)].to_owned())
    }
}

const SWITCHED_OFF: [&str; 5] = ["false", "off", "0", "'false'", "'off'"];

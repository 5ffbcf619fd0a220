//! Splits an SQL file into the statements that a server would see, each with its place in the file.

use std::fmt;
use std::ops::Range;

use thiserror::Error;

use super::cursor::Cursor;
pub use super::lex::Construct;
use super::lex::{BYTE_ORDER_MARK, Lexer, Token};

/// One statement, from its first word to its last token: without the `;`, without the comments
/// before and after it, with those inside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement<'a> {
    pub text: &'a str,
    /// Bytes of the file.
    pub range: Range<usize>,
    /// The line of the first word, from 1.
    pub line: usize,
    pub(crate) tokens: Vec<Token<'a>>,
}

impl Statement<'_> {
    /// True when the statement starts with these words, in any case, comments skipped.
    pub fn starts_with(&self, words: &str) -> bool {
        Cursor::new(self).eat(words)
    }
}

/// Returns the statements of a file in order, none for a file that holds comments alone.
///
/// Errors are what a server cannot be sent: commands of psql, data after `COPY … FROM stdin`, and
/// anything left open at the end. Source: the rules of psql, save that the body of an SQL function
/// ends at the first `END` that follows a `;` or `ATOMIC`: `begin`, `case` and `end` are legal
/// names, so counting them, as psql does, misses the end.
pub fn split(text: &str) -> Result<Vec<Statement<'_>>, SplitError> {
    let mut lines = LineCount::default();
    let mut statements = Vec::new();
    let mut gathered = Gathered::default();
    for token in Lexer::new(text) {
        let token = token.map_err(|open| unclosed(text, open.construct, open.start))?;
        if token.is_symbol("\\") {
            return Err(meta_command(text, token.start));
        }
        if token.is_symbol(";") && gathered.is_whole() {
            statements.extend(gathered.finish(text, &mut lines)?);
        } else {
            gathered.push(token);
        }
    }
    match gathered.open() {
        Some((construct, start)) => Err(unclosed(text, construct, start)),
        None => {
            statements.extend(gathered.finish(text, &mut lines)?);
            Ok(statements)
        }
    }
}

/// Why a file could not be split. Each has a place and a remedy.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SplitError {
    #[error("{construct} that opened at {place} was never closed")]
    Unclosed { construct: Construct, place: Place },
    #[error("`{command}` at {place} was a command of psql, not SQL")]
    MetaCommand { command: String, place: Place },
    #[error("`COPY … FROM stdin` at {place} was followed by data, not SQL")]
    CopyFromStdin { place: Place },
}

impl SplitError {
    pub fn place(&self) -> Place {
        match self {
            Self::Unclosed { place, .. }
            | Self::MetaCommand { place, .. }
            | Self::CopyFromStdin { place } => *place,
        }
    }

    /// The edit that mends it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Unclosed { construct, .. } => match construct {
                Construct::Text => "close it with `'`; a quote inside it is written twice",
                Construct::QuotedIdent => "close it with `\"`; a quote inside it is written twice",
                Construct::DollarQuote => "close it with the same `$tag$`, in the same case",
                Construct::Comment => "close it with `*/`; comments nest, so each `/*` needs one",
                Construct::Parenthesis => "close it with `)` before the `;`",
                Construct::AtomicBody => "close it with `END;` after the `;` of its last statement",
            },
            Self::MetaCommand { command, .. } => match command.as_str() {
                "\\i" | "\\ir" | "\\include" | "\\include_relative" => {
                    "put the text of the included file here"
                }
                "\\copy" => "write the rows as INSERT statements",
                _ => "delete the line: a migration is sent to the server without psql",
            },
            Self::CopyFromStdin { .. } => "write the rows as INSERT statements",
        }
    }
}

/// A place in a file, both numbers from 1. Columns count characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub line: usize,
    pub column: usize,
}

impl Place {
    /// The place of the byte at `offset`, which stands at the start of a character.
    pub fn of(text: &str, offset: usize) -> Self {
        let before = &text[..offset];
        let first_line = if before.starts_with(BYTE_ORDER_MARK) {
            BYTE_ORDER_MARK.len_utf8()
        } else {
            0
        };
        let line_start = before.rfind(['\n', '\r']).map_or(first_line, |at| at + 1);
        Self {
            line: 1 + line_breaks(before),
            column: 1 + before[line_start..].chars().count(),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// The tokens since the last `;` that ended a statement, and what is open among them.
#[derive(Default)]
struct Gathered<'a> {
    tokens: Vec<Token<'a>>,
    /// Where each open parenthesis stands: `CREATE RULE … DO (a; b)` is one statement.
    parentheses: Vec<usize>,
    /// Where the open body of an SQL function began.
    atomic_body: Option<usize>,
}

impl<'a> Gathered<'a> {
    fn is_whole(&self) -> bool {
        self.open().is_none()
    }

    fn open(&self) -> Option<(Construct, usize)> {
        let parenthesis = self
            .parentheses
            .last()
            .map(|start| (Construct::Parenthesis, *start));
        parenthesis.or(self.atomic_body.map(|start| (Construct::AtomicBody, start)))
    }

    fn push(&mut self, token: Token<'a>) {
        if token.is_symbol("(") {
            self.parentheses.push(token.start);
        } else if token.is_symbol(")") {
            // One too many is the server's error to report.
            self.parentheses.pop();
        } else if self.parentheses.is_empty()
            && let Some(previous) = self.tokens.last().copied()
        {
            let starts_statement = previous.is_symbol(";") || previous.is_word("ATOMIC");
            if self.atomic_body.is_none() {
                let opens = token.is_word("ATOMIC") && previous.is_word("BEGIN");
                self.atomic_body = (opens && self.creates_routine()).then_some(previous.start);
            } else if token.is_word("END") && starts_statement {
                self.atomic_body = None;
            }
        }
        self.tokens.push(token);
    }

    fn creates_routine(&self) -> bool {
        let words = match self.tokens.as_slice() {
            [create, or, replace, rest @ ..]
                if create.is_word("CREATE") && or.is_word("OR") && replace.is_word("REPLACE") =>
            {
                rest
            }
            [create, rest @ ..] if create.is_word("CREATE") => rest,
            _ => return false,
        };
        words
            .first()
            .is_some_and(|word| word.is_word("FUNCTION") || word.is_word("PROCEDURE"))
    }

    /// The statement gathered so far; none between two `;`.
    fn finish(
        &mut self,
        text: &'a str,
        lines: &mut LineCount,
    ) -> Result<Option<Statement<'a>>, SplitError> {
        let tokens = std::mem::take(&mut self.tokens);
        let (Some(first), Some(last)) = (tokens.first(), tokens.last()) else {
            return Ok(None);
        };
        if copies_from_stdin(&tokens) {
            return Err(SplitError::CopyFromStdin {
                place: Place::of(text, first.start),
            });
        }
        let range = first.start..last.end();
        let line = lines.line_of(text, range.start);
        Ok(Some(Statement {
            text: &text[range.clone()],
            range,
            line,
            tokens,
        }))
    }
}

/// A query in parentheses is copied out, never in, and may read a table by that name.
fn copies_from_stdin(tokens: &[Token<'_>]) -> bool {
    let [copy, target, rest @ ..] = tokens else {
        return false;
    };
    copy.is_word("COPY")
        && !target.is_symbol("(")
        && rest
            .windows(2)
            .any(|pair| pair[0].is_word("FROM") && pair[1].is_word("STDIN"))
}

fn unclosed(text: &str, construct: Construct, start: usize) -> SplitError {
    SplitError::Unclosed {
        construct,
        place: Place::of(text, start),
    }
}

fn meta_command(text: &str, start: usize) -> SplitError {
    let word = text[start..].split_whitespace().next().unwrap_or_default();
    SplitError::MetaCommand {
        command: word.to_owned(),
        place: Place::of(text, start),
    }
}

/// The line of each offset asked for, in rising order: a file is read once, not once per statement.
#[derive(Default)]
struct LineCount {
    offset: usize,
    breaks: usize,
}

impl LineCount {
    fn line_of(&mut self, text: &str, offset: usize) -> usize {
        self.breaks += line_breaks(&text[self.offset..offset]);
        self.offset = offset;
        1 + self.breaks
    }
}

/// `\n`, `\r\n` and a lone `\r` each end a line, as in the positions that libpq prints.
fn line_breaks(text: &str) -> usize {
    let lone = text
        .bytes()
        .filter(|byte| matches!(byte, b'\n' | b'\r'))
        .count();
    lone - text.matches("\r\n").count()
}

#[cfg(test)]
mod tests;

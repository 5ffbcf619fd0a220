//! What Rhai says of a text that it cannot parse, with what helps where that is known.

use pb_core::{Failure, Result, Site, code};
use rhai::{LexError, ParseError, ParseErrorType};

/// Rhai counts no further.
const MOST_LINES: usize = 65_535;

/// Refuses a text whose places could not be told.
///
/// # Errors
/// `PB0206` for one of more than 65,535 lines.
pub(crate) fn not_too_long(file: &str, text: &str) -> Result<()> {
    let lines = text.lines().count();
    if lines <= MOST_LINES {
        return Ok(());
    }
    let message = format!("`{file}` was refused: it has {lines} lines");
    let failure = Failure::new(&code::SYNTAX, message).because("a file has 65,535 lines at most");
    Err(at(failure, file, MOST_LINES + 1, 1))
}

/// The failure for a text that could not be parsed.
pub(crate) fn refused(file: &str, text: &str, error: &ParseError) -> Failure {
    let (kind, position) = (&*error.0, error.1);
    let line = position.line().unwrap_or(1);
    let column = position.position().unwrap_or(1);
    let message = format!("`{file}` could not be parsed: {kind}");
    let failure = Failure::new(&code::SYNTAX, message);
    let failure = helped(failure, kind, &Place::of(text, line, column));
    at(failure, file, line, column)
}

fn at(mut failure: Failure, file: &str, line: usize, column: usize) -> Failure {
    failure.chain.push(Site {
        file: file.into(),
        line,
        column,
        call: String::new(),
    });
    failure
}

/// The line of an error, as far as it says what was meant.
struct Place<'a> {
    before: String,
    rest: &'a str,
    word: &'a str,
}

impl<'a> Place<'a> {
    fn of(text: &'a str, line: usize, column: usize) -> Self {
        let line = text.lines().nth(line - 1).unwrap_or_default();
        let start = line.char_indices().nth(column.saturating_sub(1));
        let (before, rest) = line.split_at(start.map_or(line.len(), |(i, _)| i));
        let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_'));
        Self {
            before: before.trim_end().to_owned(),
            rest,
            word: &rest[..end.unwrap_or(rest.len())],
        }
    }

    /// The word before the place.
    fn last_word(&self) -> &str {
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        let start = self.before.rfind(|c| !is_word(c));
        start.map_or(self.before.as_str(), |i| {
            self.before[i..].trim_start_matches(|c| !is_word(c))
        })
    }

    fn is_unseen(&self) -> bool {
        self.rest.starts_with(char::is_control)
    }

    fn is_foreign_letter(&self) -> bool {
        let first = self.rest.chars().next();
        first.is_some_and(|c| c.is_alphabetic() && !c.is_ascii())
    }

    fn is_key(&self) -> bool {
        self.rest[self.word.len()..].trim_start().starts_with(':')
    }
}

fn helped(failure: Failure, kind: &ParseErrorType, place: &Place<'_>) -> Failure {
    let word = place.word;
    match kind {
        ParseErrorType::WrongDocComment => {
            let failure = failure.because("`///` and `/**` stand before functions alone");
            match place.rest.starts_with("/**") {
                true => failure.hint("write `/* … */`, with a space after the star"),
                false => failure.hint("write `//`"),
            }
        }
        _ if word == "eval" => failure
            .because("what a playbook runs must be known before it runs")
            .hint("write what it would run"),
        ParseErrorType::BadInput(LexError::UnexpectedInput(_)) if word == "try" => failure
            .because("`try` is a statement of Rhai, and has no value")
            .hint("let x = (); try { x = …; } catch { x = …; }"),
        // It looks like a comment of a shell.
        ParseErrorType::BadInput(LexError::UnexpectedInput(_))
        | ParseErrorType::BadInput(LexError::ImproperSymbol(..))
        | ParseErrorType::Reserved(_)
            if place.rest.starts_with('#') =>
        {
            failure.hint("a comment begins with `//`, a map with `#{`")
        }
        _ if kind.to_string().contains("reserved") && matches!(word, "null" | "nil") => {
            failure.hint("write `()`, the value of nothing")
        }
        _ if kind.to_string().contains("reserved") => {
            let failure = failure.because(format!("`{word}` is a reserved word of Rhai"));
            if place.before.ends_with('.') {
                failure.hint(format!("write [\"{word}\"] instead of .{word}"))
            } else if place.is_key() {
                failure.hint(format!("write it in quotes: \"{word}\": …"))
            } else {
                failure.hint(format!("write `{word}_` or another name"))
            }
        }
        ParseErrorType::BadInput(LexError::MalformedChar(_)) => failure
            .because("single quotes hold one character")
            .hint("write the text in double quotes"),
        ParseErrorType::UnknownOperator(symbol) => match symbol.as_str() {
            "++" => failure.hint("write `+= 1`"),
            "--" => failure.hint("write `-= 1`"),
            "?" => failure.hint("write `if … { … } else { … }`, which has a value"),
            _ => failure,
        },
        ParseErrorType::BadInput(LexError::UnexpectedInput(_)) if place.is_unseen() => {
            let unseen = place.rest.chars().next().unwrap_or_default();
            failure.because(format!("U+{:04X} stands there", u32::from(unseen)))
        }
        ParseErrorType::BadInput(LexError::UnexpectedInput(_)) if place.is_foreign_letter() => {
            failure.because("names are made of the letters a to z and A to Z, digits and `_`")
        }
        ParseErrorType::MissingToken(token, _) if token == ";" => match word {
            "" if place.rest.starts_with(':') => failure.hint("a map is written `#{ … }`"),
            "and" => failure.hint("write `&&`"),
            "or" => failure.hint("write `||`"),
            _ => match place.last_word() {
                "def" | "func" | "function" => failure.hint("write `fn`"),
                "elif" | "elsif" | "elseif" => failure.hint("write `else if`"),
                "not" => failure.hint("write `!`"),
                _ => failure.hint("end the statement before this with `;`"),
            },
        },
        ParseErrorType::MissingToken(token, _) if token == ":" && !place.last_word().is_empty() => {
            failure.hint(format!("write `{}: …`", place.last_word()))
        }
        _ => failure,
    }
}

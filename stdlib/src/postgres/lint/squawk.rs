//! squawk's rules behind one function. No other file names that library, which promises no stable interface.

use super::found::{Found, Kind, Spot};
use crate::postgres::lex::BYTE_ORDER_MARK;
use crate::postgres::made::{is_about_made, is_made_again};
use crate::postgres::split::Statement;
use pb_core::code;
use squawk_linter::{Linter, LinterSettings, Violation};
use squawk_syntax::SourceFile;
use std::ops::Range;

/// The oldest server that pb takes: what is safe there is safe on later ones.
const OLDEST_SERVER: &str = "12.0";

/// Rules that pb fulfils, contradicts, or has words of its own for.
const OFF: &[&str] = &[
    // pb sets both.
    "require-lock-timeout",
    "require-statement-timeout",
    // What pb's history records needs no IF NOT EXISTS, which hides an invalid index.
    "prefer-robust-stmts",
    // pb opens and ends the transactions, and refuses files that do.
    "ban-concurrent-index-creation-in-transaction",
    "ban-uncommitted-transaction",
    "transaction-nesting",
    // pb's rule `destructive`.
    "ban-drop-column",
    "ban-drop-database",
    "ban-drop-schema",
    "ban-drop-table",
    // Taste in types and in the order of values.
    "ban-char-field",
    "prefer-bigint-over-int",
    "prefer-bigint-over-smallint",
    "prefer-identity",
    "prefer-text-field",
    "prefer-timestamp-tz",
    "require-enum-value-ordering",
    // A command of servers that are newer than those pb takes.
    "prefer-repack",
    // The server says so itself.
    "ban-duplicate-column-assignments",
    // Comments of squawk's own.
    "unused-ignore",
];

/// It says the same of a constraint in fewer words than these.
const SAID_BETTER: (&str, [&str; 3]) = (
    "constraint-missing-not-valid",
    [
        "adding-foreign-key-constraint",
        "adding-serial-primary-key-field",
        "disallowed-unique-constraint",
    ],
);

/// squawk says the same of a default that is computed for each row as of a generated column.
const COMPUTED: &str = "adding-field-with-default";
const COMPUTED_MESSAGE: &str = "a default that is computed for each row requires a table rewrite with an `ACCESS \
                                EXCLUSIVE` lock";
const COMPUTED_HINT: &str = "add the column without it, set the default in a statement of its own, and fill the rows in batches";

/// The rules that may find something.
pub(super) fn rule_names() -> Vec<String> {
    rules().rules.iter().map(ToString::to_string).collect()
}

/// What squawk finds in a file. A down file takes back, so what is dropped or renamed there is meant.
pub(super) fn lint(
    text: &str,
    statements: &[Statement<'_>],
    transactional: bool,
    is_down: bool,
) -> Vec<Found> {
    let Some(seen) = seen(text, statements) else {
        return vec![];
    };
    let parse = SourceFile::parse(&seen);
    let mut linter = rules();
    linter.settings = LinterSettings {
        pg_version: OLDEST_SERVER.parse().unwrap_or_default(),
        assume_in_transaction: transactional,
    };
    let violations = linter.lint(&parse, &seen);
    // What squawk's grammar does not know is read wrongly behind that place.
    let misread: Vec<usize> = parse
        .errors()
        .iter()
        .map(|error| usize::from(error.range().start()))
        .collect();
    let understood = |own: &Statement<'_>| {
        let own = own.range.start..=own.range.end;
        !misread.iter().any(|at| own.contains(at))
    };
    let mut found = vec![];
    for violation in &violations {
        let rule = violation.code.to_string();
        let mut range = bytes(violation);
        let meant = is_down && (rule.starts_with("ban-") || rule.starts_with("renaming-"));
        let own = statements
            .iter()
            .position(|own| own.range.contains(&range.start));
        let Some(at) = own.filter(|at| !meant && understood(&statements[*at])) else {
            continue;
        };
        let own = &statements[at];
        // Nobody else sees it before the transaction ends. squawk knows some of these itself.
        if transactional && is_about_made(own, &statements[..at]) {
            continue;
        }
        // Nor that it was gone for a moment.
        if transactional && rule.starts_with("ban-drop-") && is_made_again(own, &statements[at..]) {
            continue;
        }
        if !is_said_better(&rule, &range, &violations) {
            // Without the `;`, which squawk counts in.
            range.end = range.end.min(own.range.end);
            let is_default = rule == COMPUTED && !is_generated(own);
            let mut one = told(rule, violation, Spot::of(text, &range));
            if is_default {
                one.message = format!("`{COMPUTED}`: {COMPUTED_MESSAGE}");
                one.because = vec![];
                one.hint = Some(COMPUTED_HINT.into());
            }
            found.push(one);
        }
    }
    found
}

fn rules() -> Linter {
    let off: Vec<_> = OFF.iter().filter_map(|rule| rule.parse().ok()).collect();
    Linter::with_rules(&[], &off)
}

fn is_generated(statement: &Statement<'_>) -> bool {
    statement
        .tokens
        .iter()
        .any(|token| token.is_word("GENERATED"))
}

fn bytes(violation: &Violation) -> Range<usize> {
    violation.text_range.start().into()..violation.text_range.end().into()
}

fn is_said_better(rule: &str, range: &Range<usize>, violations: &[Violation]) -> bool {
    rule == SAID_BETTER.0
        && violations.iter().any(|other| {
            let own = bytes(other);
            let overlaps = own.start < range.end && range.start < own.end;
            overlaps && SAID_BETTER.1.contains(&other.code.to_string().as_str())
        })
}

/// In pb's words: the first sentence, then the others as reasons.
fn told(rule: String, violation: &Violation, spot: Spot) -> Found {
    let mut sentences = violation.message.split_inclusive(". ").map(plain);
    let message = sentences.next().unwrap_or_default();
    let hint = match &violation.help {
        Some(help) => plain(help),
        None => format!("where it is fine, say so above it: `-- pb: allow {rule} because …`"),
    };
    Found {
        message: format!("`{rule}`: {message}"),
        because: sentences.collect(),
        hint: Some(hint),
        kind: Kind::Traffic,
        code: &code::MIGRATION_LINT,
        rule,
        spot,
    }
}

/// Without the capital letter at its start and the full stop at its end.
fn plain(sentence: &str) -> String {
    let sentence = sentence.trim().trim_end_matches('.');
    let mut letters = sentence.chars();
    match (letters.next(), letters.clone().next()) {
        (Some(first), Some(second)) if !second.is_uppercase() => {
            first.to_lowercase().chain(letters).collect()
        }
        _ => sentence.to_owned(),
    }
}

/// A statement that goes on for so long without a comma is no statement about a table.
const LONGEST_ITEM: usize = 1_000;
const DEEPEST: usize = 60;
const FIRST_WORDS: [&str; 5] = ["ALTER", "CREATE", "DROP", "REINDEX", "TRUNCATE"];
/// They are long, and nothing is found in them.
const ROUTINES: [&str; 3] = ["FUNCTION", "PROCEDURE", "RULE"];

/// The text with all but the statements about tables and the like blanked out, at their places; `None` when there are
/// none. The parser goes down one call for each level of nesting and for each link of a chain, so that a generated text
/// would overflow the stack; and rows to insert only cost time.
fn seen(text: &str, statements: &[Statement<'_>]) -> Option<String> {
    let is_blanked = |statement: &Statement<'_>| {
        let mut words = statement.tokens.iter();
        let is_meant = words
            .next()
            .is_some_and(|first| FIRST_WORDS.iter().any(|word| first.is_word(word)));
        let is_routine = words
            .take(3)
            .any(|token| ROUTINES.iter().any(|word| token.is_word(word)));
        !is_meant || (is_routine && statement.starts_with("CREATE")) || is_endless(statement)
    };
    if statements.iter().all(is_blanked) {
        return None;
    }
    let mut seen = text.replacen(
        BYTE_ORDER_MARK,
        "   ",
        usize::from(text.starts_with(BYTE_ORDER_MARK)),
    );
    for statement in statements.iter().filter(|statement| is_blanked(statement)) {
        let blank = " ".repeat(statement.range.len());
        seen.replace_range(statement.range.clone(), &blank);
    }
    Some(seen)
}

/// A comma ends an item where the actions of ALTER TABLE stand, and the columns of CREATE TABLE; elsewhere what is before
/// it may hang in the same chain as what is behind it.
fn is_endless(statement: &Statement<'_>) -> bool {
    let alters = statement.starts_with("ALTER TABLE");
    let mut columns = statement
        .tokens
        .iter()
        .take(4)
        .any(|token| token.is_word("TABLE"))
        && !alters;
    let (mut depth, mut length) = (0_usize, 0_usize);
    for token in &statement.tokens {
        length += 1;
        match token.text {
            "(" | "[" => depth += 1,
            ")" | "]" => {
                depth = depth.saturating_sub(1);
                columns &= depth > 0;
            }
            "," if (alters && depth == 0) || (columns && depth == 1) => length = 0,
            _ => columns &= depth > 0 || !token.is_word("AS"),
        }
        if depth > DEEPEST || length > LONGEST_ITEM {
            return true;
        }
    }
    false
}

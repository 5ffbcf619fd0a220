//! Statements that no transaction takes, for a schema that the same transaction makes: nobody else can see its tables, so
//! nothing is lost when an index on them is built at once.

use crate::postgres::lex::Token;
use crate::postgres::split::Statement;
use crate::postgres::transaction_control::needs_no_transaction;
use pb_core::{Failure, Result, code};

/// The statement as a transaction takes it; `None` where there is nothing to do on new tables.
///
/// # Errors
/// `PB0330` for what has no place in a new schema, such as CREATE DATABASE.
pub(super) fn in_transaction(statement: &Statement<'_>, file: &str) -> Result<Option<String>> {
    let Some(command) = needs_no_transaction(statement) else {
        return Ok(Some(statement.text.to_owned()));
    };
    if statement.starts_with("VACUUM") {
        return Ok(None);
    }
    let known = [
        "CREATE INDEX CONCURRENTLY",
        "DROP INDEX CONCURRENTLY",
        "REINDEX CONCURRENTLY",
    ];
    let detach = "ALTER TABLE … DETACH PARTITION … CONCURRENTLY";
    let word = statement
        .tokens
        .iter()
        .rfind(|token| is_word(token, command == detach, statement));
    match word.filter(|_| known.contains(&command) || command == detach) {
        Some(token) => {
            let start = token.start - statement.range.start;
            let (before, after) = statement.text.split_at(start);
            Ok(Some(format!("{before}{}", &after[token.text.len()..])))
        }
        None => {
            let line = statement.line;
            let message =
                format!("line {line} of `{file}` held {command}, which no new tenant can have");
            Err(Failure::new(&code::MIGRATION_FILES, message)
                .because("a tenant is made in one transaction, and the server refuses it there")
                .with("file", file)
                .with("line", line))
        }
    }
}

/// The keyword, which stands before any parenthesis, and in DETACH PARTITION at the end.
fn is_word(token: &Token<'_>, at_the_end: bool, statement: &Statement<'_>) -> bool {
    let before = statement
        .tokens
        .iter()
        .take_while(|other| other.start < token.start);
    token.is_word("CONCURRENTLY")
        && (at_the_end || before.clone().count() <= 3 && !before.clone().any(|t| t.is_symbol("(")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::postgres::split::split;

    #[test]
    fn concurrently_is_left_out_and_the_rest_stays() {
        let check = |text: &str, expect: Option<&str>| {
            let statements = split(text).expect("it can be split");
            let found = in_transaction(&statements[0], "f").expect("it has a place");
            assert_eq!(found.as_deref(), expect, "{text}");
        };
        check("SELECT 1", Some("SELECT 1"));
        check(
            "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS i ON t (a)",
            Some("CREATE UNIQUE INDEX  IF NOT EXISTS i ON t (a)"),
        );
        check("drop index concurrently i", Some("drop index  i"));
        check("REINDEX TABLE CONCURRENTLY t", Some("REINDEX TABLE  t"));
        check(
            "ALTER TABLE t DETACH PARTITION p CONCURRENTLY",
            Some("ALTER TABLE t DETACH PARTITION p "),
        );
        check("VACUUM t", None);
    }

    #[test]
    fn what_has_no_place_in_a_new_schema_is_refused() {
        for text in [
            "CREATE DATABASE d",
            "ALTER SYSTEM SET a = 1",
            "REINDEX (CONCURRENTLY) TABLE t",
        ] {
            let statements = split(text).expect("it can be split");
            let failure = in_transaction(&statements[0], "0001_a.sql").expect_err(text);
            assert_eq!(failure.code, "PB0330");
        }
    }
}

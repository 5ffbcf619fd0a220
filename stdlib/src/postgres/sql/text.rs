//! The text of a call of `sql`: which statements it holds, and which may stand together.

use crate::postgres::split::{Statement, split};
use crate::postgres::transaction_control::{
    TransactionControl, needs_no_transaction, transaction_control,
};
use pb_core::{Failure, Result, code};

/// The statements of a text, which hold no transaction control: pb begins and ends what they run in.
pub(super) fn read_text(text: &str) -> Result<Vec<Statement<'_>>> {
    let statements = split(text).map_err(|error| {
        let hint = error.hint();
        Failure::new(&code::SQL_SYNTAX, error.to_string()).hint(hint)
    })?;
    if statements.is_empty() {
        return Err(Failure::new(
            &code::SQL_SYNTAX,
            "`sql` was given no statement",
        ));
    }
    for statement in &statements {
        if let Some(control) = transaction_control(statement) {
            let message = format!("`sql` was given `{}`", shown(statement));
            let hint = match control {
                TransactionControl::Savepoint => "use `savepoint(tx, name, || …)`",
                _ => "use `transaction(db, |tx| …)`",
            };
            return Err(Failure::new(&code::NOT_ALLOWED_HERE, message).hint(hint));
        }
    }
    Ok(statements)
}

pub(super) fn one_with_params(statements: &[Statement<'_>], has_params: bool) -> Result<()> {
    if statements.len() < 2 || !has_params {
        return Ok(());
    }
    let message = format!(
        "`sql` was given parameters and {} statements",
        statements.len()
    );
    Err(Failure::new(&code::WRONG_TYPE, message)
        .hint("call it once for each statement, in a `transaction`"))
}

/// The command of a statement that no transaction takes, where that stands by itself.
pub(super) fn alone_allowed(
    in_transaction: bool,
    statements: &[Statement<'_>],
) -> Result<Option<&'static str>> {
    let found = statements
        .iter()
        .find_map(|s| Some((s, needs_no_transaction(s)?)));
    let Some((statement, command)) = found else {
        return Ok(None);
    };
    let message = match (in_transaction, statements.len()) {
        (true, _) => format!("`{}` was called within a transaction", shown(statement)),
        (false, 2..) => format!("`{}` was called beside other statements", shown(statement)),
        (false, _) => return Ok(Some(command)),
    };
    let because = format!("the server refuses {command} in a transaction");
    Err(Failure::new(&code::NOT_ALLOWED_HERE, message)
        .because(because)
        .hint("call it in an `sql` of its own, outside of `transaction`"))
}

pub(super) fn shown(statement: &Statement<'_>) -> String {
    let line = statement.text.lines().next().unwrap_or_default().trim_end();
    match line.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None if statement.text.trim_end() != line => format!("{line} …"),
        None => line.to_owned(),
    }
}

//! Rules of pb's own, for what squawk does not see.

use super::found::{Found, Kind, Spot};
use crate::postgres::concurrent_index::eat_create_index_concurrently;
use crate::postgres::cursor::Cursor;
use crate::postgres::destructive::destroys;
use crate::postgres::lex::TokenKind;
use crate::postgres::made::{is_about_made, target};
use crate::postgres::split::Statement;
use pb_core::code::{self, Code};

pub(super) const DESTRUCTIVE: &str = "destructive";
pub(super) const MISSING_DOWN: &str = "missing-down";
const ENUM_VALUE_USED: &str = "enum-value-used";
const HIDDEN_INVALID_INDEX: &str = "hidden-invalid-index";
const SCHEMA_NAMED: &str = "schema-named";
const SETTING_LEFT: &str = "setting-left";

/// Every rule that a comment can allow.
pub(super) const RULES: [&str; 6] = [
    DESTRUCTIVE,
    ENUM_VALUE_USED,
    HIDDEN_INVALID_INDEX,
    MISSING_DOWN,
    SCHEMA_NAMED,
    SETTING_LEFT,
];

/// What they find in one file.
pub(super) fn lint(
    text: &str,
    statements: &[Statement<'_>],
    transactional: bool,
    is_down: bool,
) -> Vec<Found> {
    let mut found = vec![];
    for (at, statement) in statements.iter().enumerate() {
        let spot = Spot::of(text, &statement.range);
        if !is_down {
            found.extend(destruction(&statements[..at], statement, spot));
        }
        found.extend(hidden_invalid_index(statement, spot));
        found.extend(schema_named(statement, spot));
        found.extend(setting_left(statement, spot));
        if transactional {
            found.extend(enum_value_used(text, statement, &statements[at + 1..]));
        }
    }
    found
}

fn told(rule: &str, kind: Kind, code: &'static Code, spot: Spot, message: &str) -> Found {
    Found {
        rule: rule.into(),
        kind,
        code,
        spot,
        message: format!("`{rule}`: {message}"),
        because: vec![],
        hint: None,
    }
}

fn doubtful(rule: &str, spot: Spot, message: &str) -> Found {
    told(rule, Kind::Doubtful, &code::MIGRATION_LINT, spot, message)
}

fn destruction(before: &[Statement<'_>], statement: &Statement<'_>, spot: Spot) -> Option<Found> {
    let what = destroys(statement)?;
    // What the file itself has made holds nothing that was there before.
    if is_about_made(statement, before) {
        return None;
    }
    let message = format!("`{what}` destroys data");
    Some(Found {
        hint: Some(
            "write `allow_destructive(\"why\");` before the call, or `-- pb: allow destructive because …` \
             above the statement"
                .into(),
        ),
        ..told(DESTRUCTIVE, Kind::Destroys, &code::DESTRUCTIVE, spot, &message)
    })
}

/// After a build that failed, the invalid index still has its name.
fn hidden_invalid_index(statement: &Statement<'_>, spot: Spot) -> Option<Found> {
    let mut cursor = Cursor::new(statement);
    let hides = eat_create_index_concurrently(&mut cursor) && cursor.eat("IF NOT EXISTS");
    hides.then(|| Found {
        because: vec![
            "an index of that name that a failed build left invalid would count as done".into(),
        ],
        hint: Some("delete `IF NOT EXISTS`: pb looks for the index first".into()),
        ..doubtful(
            HIDDEN_INVALID_INDEX,
            spot,
            "`IF NOT EXISTS` was said of an index that is built with CONCURRENTLY",
        )
    })
}

/// In the schema of a tenant a name with another schema is the same table for every tenant.
fn schema_named(statement: &Statement<'_>, spot: Spot) -> Option<Found> {
    let name = target(statement)?;
    let schema = name.schema?;
    if schema.starts_with("pg_") {
        return None;
    }
    let message = format!("`{schema}.{}` is the same for every tenant", name.name);
    Some(Found {
        because: vec![
            "the file runs once for each tenant, with its schema first in the search path".into(),
        ],
        hint: Some(format!(
            "delete `{schema}.`, or move the statement to the migrations of that schema"
        )),
        ..told(
            SCHEMA_NAMED,
            Kind::Tenant,
            &code::MIGRATION_LINT,
            spot,
            &message,
        )
    })
}

/// pb puts settings back behind each file; until then the file itself runs with them.
fn setting_left(statement: &Statement<'_>, spot: Spot) -> Option<Found> {
    let mut cursor = Cursor::new(statement);
    if !cursor.eat("SET") {
        return None;
    }
    let _scope = cursor.eat("LOCAL") || cursor.eat("SESSION");
    let (what, why) = if cursor.eat("SEARCH_PATH") {
        (
            "search_path",
            "names behind it are looked for elsewhere than in `schema`",
        )
    } else if cursor.eat("LOCK_TIMEOUT") {
        (
            "lock_timeout",
            "`lock_timeout` of the call no longer counts",
        )
    } else if cursor.eat("STATEMENT_TIMEOUT") {
        (
            "statement_timeout",
            "`statement_timeout` of the call no longer counts",
        )
    } else {
        return None;
    };
    Some(Found {
        because: vec![why.into()],
        hint: Some(match what {
            "search_path" => "delete it, and give the call `schema`".into(),
            option => format!("delete it, and give the call `{option}`"),
        }),
        ..doubtful(
            SETTING_LEFT,
            spot,
            &format!("the file sets `{what}` by itself"),
        )
    })
}

/// The server refuses a new value of an enum until the transaction that added it is committed.
fn enum_value_used(
    text: &str,
    statement: &Statement<'_>,
    behind: &[Statement<'_>],
) -> Option<Found> {
    let mut cursor = Cursor::new(statement);
    if !cursor.eat("ALTER TYPE") || !cursor.skip_past("ADD VALUE") {
        return None;
    }
    cursor.eat("IF NOT EXISTS");
    let value = cursor
        .next()
        .filter(|token| token.kind == TokenKind::Text)?;
    let same = |statement: &&Statement<'_>| {
        let is_other = !statement.starts_with("ALTER TYPE") && !statement.starts_with("COMMENT");
        is_other
            && statement
                .tokens
                .iter()
                .any(|token| token.text == value.text)
    };
    let user = behind.iter().find(same)?;
    let token = user.tokens.iter().find(|token| token.text == value.text)?;
    let message = format!("{} is used in the transaction that adds it", value.text);
    Some(Found {
        because: vec![format!(
            "line {} adds it, and the server takes a new value of an enum only after that is committed",
            statement.line
        )],
        hint: Some("move ALTER TYPE … ADD VALUE to a file of its own, before this one".into()),
        ..doubtful(
            ENUM_VALUE_USED,
            Spot::of(text, &(token.start..token.end())),
            &message,
        )
    })
}

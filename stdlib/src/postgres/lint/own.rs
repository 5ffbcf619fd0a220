//! Rules of pb's own, for what squawk does not see.

use super::found::{Found, Kind, Spot};
use crate::postgres::concurrent_index::eat_create_index_concurrently;
use crate::postgres::cursor::{Cursor, ObjectName};
use crate::postgres::destructive::destroys;
use crate::postgres::lex::TokenKind;
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
    let target = target(statement);
    if target.is_some() && before.iter().any(|made| creates(made, target.as_ref())) {
        return None;
    }
    let message = format!("`{what}` destroys data");
    Some(Found {
        hint: Some(
            "add `allow_destructive(\"why\")` above the call, or `-- pb: allow destructive because …` \
             above the statement"
                .into(),
        ),
        ..told(DESTRUCTIVE, Kind::Destroys, &code::DESTRUCTIVE, spot, &message)
    })
}

fn creates(statement: &Statement<'_>, name: Option<&ObjectName>) -> bool {
    let mut cursor = Cursor::new(statement);
    let creates = cursor.eat("CREATE") && {
        let _temporary = ["TEMP", "TEMPORARY", "UNLOGGED"]
            .iter()
            .any(|w| cursor.eat(w));
        ["TABLE", "SCHEMA", "MATERIALIZED VIEW"]
            .iter()
            .any(|kind| cursor.eat(kind))
    };
    // IF NOT EXISTS may have found it there.
    creates && !cursor.eat("IF NOT EXISTS") && cursor.object_name().as_ref() == name
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

/// What the statement changes, by its name.
fn target(statement: &Statement<'_>) -> Option<ObjectName> {
    const CHANGES: [&str; 9] = [
        "ALTER MATERIALIZED VIEW",
        "ALTER SEQUENCE",
        "ALTER TABLE",
        "ALTER TYPE",
        "ALTER VIEW",
        "DELETE FROM",
        "INSERT INTO",
        "TRUNCATE",
        "UPDATE",
    ];
    const MADE: [&str; 7] = [
        "FUNCTION",
        "MATERIALIZED VIEW",
        "SCHEMA",
        "SEQUENCE",
        "TABLE",
        "TYPE",
        "VIEW",
    ];
    let mut cursor = Cursor::new(statement);
    if CHANGES.iter().any(|words| cursor.eat(words)) {
        cursor.eat("TABLE");
    } else if cursor.eat("CREATE") {
        cursor.eat("OR REPLACE");
        let _kind = ["UNLOGGED", "UNIQUE"].iter().any(|word| cursor.eat(word));
        if cursor.eat("INDEX") {
            cursor.skip_past("ON").then_some(())?;
        } else {
            MADE.iter().any(|kind| cursor.eat(kind)).then_some(())?;
        }
    } else if cursor.eat("DROP") {
        let kinds = MADE.iter().any(|kind| cursor.eat(kind)) || cursor.eat("INDEX");
        kinds.then_some(())?;
        cursor.eat("CONCURRENTLY");
    } else {
        return None;
    }
    cursor.eat("IF NOT EXISTS");
    cursor.eat("IF EXISTS");
    cursor.eat("ONLY");
    cursor.object_name()
}

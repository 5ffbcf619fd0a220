//! What a text has made itself before it changes it: nobody else waits for it, and nothing in it is lost.

use super::cursor::{Cursor, ObjectName};
use super::split::Statement;

/// Whether all that the statement changes was made by those before it.
pub(crate) fn is_about_made(statement: &Statement<'_>, before: &[Statement<'_>]) -> bool {
    all_targets(statement, |name| {
        before
            .iter()
            .filter_map(made)
            .any(|made| made.name == *name)
    })
}

/// Whether all that the statement changes are temporary tables, which the session made for itself.
pub(crate) fn is_about_temporary(statement: &Statement<'_>, before: &[Statement<'_>]) -> bool {
    all_targets(statement, |name| {
        let is_made = |made: Made| made.is_temporary && made.name == *name;
        name.schema.as_deref() == Some("pg_temp") || before.iter().filter_map(made).any(is_made)
    })
}

/// Whether what the statement drops is created again by one behind it.
pub(crate) fn is_made_again(statement: &Statement<'_>, behind: &[Statement<'_>]) -> bool {
    let name = target(statement);
    let creates = |other: &Statement<'_>| other.starts_with("CREATE") && target(other) == name;
    name.is_some() && behind.iter().any(creates)
}

struct Made {
    name: ObjectName,
    is_temporary: bool,
}

fn made(statement: &Statement<'_>) -> Option<Made> {
    let mut cursor = Cursor::new(statement);
    if !cursor.eat("CREATE") {
        return None;
    }
    let _scope = cursor.eat("LOCAL") || cursor.eat("GLOBAL");
    let is_temporary = cursor.eat("TEMP") || cursor.eat("TEMPORARY");
    cursor.eat("UNLOGGED");
    ["TABLE", "SCHEMA", "MATERIALIZED VIEW"]
        .iter()
        .any(|kind| cursor.eat(kind))
        .then_some(())?;
    // IF NOT EXISTS may have found it there; what is temporary was the session's own even then.
    let may_be_old = cursor.eat("IF NOT EXISTS") && !is_temporary;
    let name = cursor.object_name().filter(|_| !may_be_old)?;
    Some(Made { name, is_temporary })
}

fn all_targets(statement: &Statement<'_>, is_own: impl Fn(&ObjectName) -> bool) -> bool {
    let Some((mut cursor, first)) = found(statement) else {
        return false;
    };
    if !is_own(&first) {
        return false;
    }
    // Only these take a list of names.
    if !(statement.starts_with("DROP") || statement.starts_with("TRUNCATE")) {
        return true;
    }
    cursor.eat_symbol("*");
    while cursor.eat_symbol(",") {
        cursor.eat("ONLY");
        if !cursor.object_name().is_some_and(|name| is_own(&name)) {
            return false;
        }
        cursor.eat_symbol("*");
    }
    // What hangs on it may be older.
    !cursor.eat("CASCADE")
}

/// What the statement changes, by its name; the first where there are several.
pub(crate) fn target(statement: &Statement<'_>) -> Option<ObjectName> {
    found(statement).map(|(_, name)| name)
}

/// The first name, and what stands behind it.
fn found<'s>(statement: &'s Statement<'_>) -> Option<(Cursor<'s>, ObjectName)> {
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
    let name = cursor.object_name()?;
    Some((cursor, name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::postgres::split::split;

    #[test]
    fn what_a_text_made_is_told_from_what_was_there() {
        let check = |text: &str, is_made: bool, is_temporary: bool| {
            let statements = split(text).expect("nothing is left open");
            let (last, before) = statements.split_last().expect("there are statements");
            let found = (
                is_about_made(last, before),
                is_about_temporary(last, before),
            );
            assert_eq!(found, (is_made, is_temporary), "{text}");
        };
        check(
            "create table a (x int); alter table only a add primary key (x)",
            true,
            false,
        );
        check(
            "create table s.a (x int); create index on s.a using gin (x)",
            true,
            false,
        );
        check(
            "create table s.a (x int); create index on a (x)",
            false,
            false,
        );
        check(
            "create materialized view v as select 1; create unique index on v (x)",
            true,
            false,
        );
        check("create temp table a (x int); drop table a", true, true);
        check(
            "create local temporary table if not exists a (x int); truncate table a",
            true,
            true,
        );
        check(
            "create temp table a (x int); delete from only a as b",
            true,
            true,
        );
        check("select 1; truncate pg_temp.a", false, true);
        check(
            "create table if not exists a (x int); drop table a",
            false,
            false,
        );
        check("create temp table a (x int); drop table a, b", false, false);
        check(
            "create temp table a (x int); create temp table b (x int); truncate a *, only b",
            true,
            true,
        );
        check("create table a (x int); drop table a cascade", false, false);
        check(
            "create temp table a (x int); drop table public.a",
            false,
            false,
        );
        check("create schema s; drop schema s", true, false);
    }
}

//! The locks of statements by their first words.

use super::alter_table::alter_table;
use super::{Lock, Touch, Work};
use crate::postgres::concurrent_index::{Reindex, eat_create_index_concurrently};
use crate::postgres::cursor::{Cursor, ObjectName};
use crate::postgres::lex::TokenKind;
use crate::postgres::split::Statement;

/// Returns what a statement locks, none for one that locks no table that was there before. `server` is the major version.
///
/// What the text does not name is not here: tables that a foreign key of a dropped one refers to, partitions, and what the
/// body of a DO or of a routine does.
pub(crate) fn touched(statement: &Statement<'_>, server: u32) -> Vec<Touch> {
    let cursor = Cursor::new(statement);
    let mut alter = cursor.clone();
    if alter.eat("ALTER TABLE") || alter.eat("ALTER FOREIGN TABLE") {
        return alter_table(alter, server);
    }
    if statement.starts_with("CREATE") {
        return created(cursor);
    }
    if let Some(reindex) = reindexed(statement) {
        return reindex;
    }
    for read in [dropped, altered, rows, maintained, locked] {
        let touches = read(cursor.clone());
        if !touches.is_empty() {
            return touches;
        }
    }
    vec![]
}

fn one(name: Option<ObjectName>, lock: Lock, work: Work) -> Vec<Touch> {
    name.map(|name| Touch::new(name, lock, work))
        .into_iter()
        .collect()
}

fn owned(name: Option<ObjectName>, lock: Lock, work: Work) -> Vec<Touch> {
    one(name, lock, work)
        .into_iter()
        .map(Touch::by_owner)
        .collect()
}

fn created(mut cursor: Cursor<'_>) -> Vec<Touch> {
    if eat_create_index_concurrently(&mut cursor) {
        return indexed(cursor, Lock::ShareUpdateExclusive);
    }
    if cursor.eat("CREATE INDEX") || cursor.eat("CREATE UNIQUE INDEX") {
        return indexed(cursor, Lock::Share);
    }
    cursor.eat("CREATE");
    let replaces = cursor.eat("OR REPLACE");
    if cursor.eat("VIEW") {
        let name = cursor.object_name().filter(|_| replaces);
        return owned(name, Lock::AccessExclusive, Work::Catalogue);
    }
    cursor.eat("CONSTRAINT");
    if cursor.eat("TRIGGER") {
        cursor.skip_past("ON");
        return one(
            cursor.object_name(),
            Lock::ShareRowExclusive,
            Work::Catalogue,
        );
    }
    if cursor.eat("RULE") {
        cursor.skip_past("TO");
        return owned(cursor.object_name(), Lock::AccessExclusive, Work::Catalogue);
    }
    if cursor.eat("POLICY") {
        cursor.skip_past("ON");
        return owned(cursor.object_name(), Lock::AccessExclusive, Work::Catalogue);
    }
    if cursor.eat("STATISTICS") {
        cursor.skip_past("FROM");
        return owned(
            cursor.object_name(),
            Lock::ShareUpdateExclusive,
            Work::Catalogue,
        );
    }
    let _kind = ["TEMP", "TEMPORARY", "UNLOGGED", "FOREIGN"]
        .iter()
        .any(|word| cursor.eat(word));
    match cursor.eat("TABLE") {
        true => related(cursor),
        false => vec![],
    }
}

fn indexed(mut cursor: Cursor<'_>, lock: Lock) -> Vec<Touch> {
    cursor.skip_past("ON");
    cursor.eat("ONLY");
    owned(cursor.object_name(), lock, Work::Index)
}

/// The tables that a new one is bound to.
fn related(cursor: Cursor<'_>) -> Vec<Touch> {
    let mut touches = vec![];
    let mut partition = cursor.clone();
    if partition.skip_past("PARTITION OF") {
        touches.extend(owned(
            partition.object_name(),
            Lock::AccessExclusive,
            Work::Catalogue,
        ));
    }
    let mut parents = cursor.clone();
    if parents.skip_past("INHERITS") && parents.eat_symbol("(") {
        let names = names(&mut parents).into_iter();
        let lock = Lock::ShareUpdateExclusive;
        touches.extend(names.map(|name| Touch::new(name, lock, Work::Catalogue).by_owner()));
    }
    touches.extend(references(cursor));
    touches
}

/// The tables behind each REFERENCES.
pub(super) fn references(mut cursor: Cursor<'_>) -> Vec<Touch> {
    let mut touches = vec![];
    while cursor.skip_past("REFERENCES") {
        touches.extend(one(
            cursor.object_name(),
            Lock::ShareRowExclusive,
            Work::Catalogue,
        ));
    }
    touches
}

fn reindexed(statement: &Statement<'_>) -> Option<Vec<Touch>> {
    let reindex = Reindex::parse(statement)?;
    let lock = match reindex.is_concurrent {
        true => Lock::ShareUpdateExclusive,
        false => Lock::Share,
    };
    let is_one = ["INDEX", "TABLE"].contains(&reindex.object);
    let name = reindex.name().filter(|_| is_one);
    Some(owned(name, lock, Work::Index))
}

fn dropped(mut cursor: Cursor<'_>) -> Vec<Touch> {
    let lock = Lock::AccessExclusive;
    if cursor.eat("TRUNCATE") {
        cursor.eat("TABLE");
        let names = names(&mut cursor).into_iter();
        return names
            .map(|name| Touch::new(name, lock, Work::Catalogue))
            .collect();
    }
    if !cursor.eat("DROP") {
        return vec![];
    }
    if ["TRIGGER", "RULE", "POLICY"]
        .iter()
        .any(|kind| cursor.eat(kind))
    {
        cursor.skip_past("ON");
        return owned(cursor.object_name(), lock, Work::Catalogue);
    }
    let is_index = cursor.eat("INDEX");
    let kinds = [
        "TABLE",
        "FOREIGN TABLE",
        "VIEW",
        "MATERIALIZED VIEW",
        "SEQUENCE",
    ];
    if !is_index && !kinds.iter().any(|kind| cursor.eat(kind)) {
        return vec![];
    }
    let lock = match cursor.eat("CONCURRENTLY") {
        true => Lock::ShareUpdateExclusive,
        false => lock,
    };
    cursor.eat("IF EXISTS");
    let names = names(&mut cursor).into_iter();
    names
        .map(|name| Touch::new(name, lock, Work::Catalogue).by_owner())
        .collect()
}

/// ALTER of what is no table, and COMMENT.
fn altered(mut cursor: Cursor<'_>) -> Vec<Touch> {
    if cursor.eat("COMMENT ON") {
        let is_column = cursor.eat("COLUMN");
        if !is_column && !cursor.eat("TABLE") {
            return vec![];
        }
        // The last part of a column's name is not the table's.
        let mut parts: Vec<String> = cursor.identifier().into_iter().collect();
        while cursor.eat_symbol(".") {
            parts.extend(cursor.identifier());
        }
        if is_column {
            parts.pop();
        }
        let name = parts.pop().map(|name| ObjectName {
            schema: parts.pop(),
            name,
        });
        return owned(name, Lock::ShareUpdateExclusive, Work::Catalogue);
    }
    if !cursor.eat("ALTER") {
        return vec![];
    }
    if ["POLICY", "TRIGGER", "RULE"]
        .iter()
        .any(|kind| cursor.eat(kind))
    {
        cursor.skip_past("ON");
        return owned(cursor.object_name(), Lock::AccessExclusive, Work::Catalogue);
    }
    let is_index = cursor.eat("INDEX");
    let is_sequence = cursor.eat("SEQUENCE");
    let is_view = cursor.eat("VIEW") || cursor.eat("MATERIALIZED VIEW");
    if !is_index && !is_sequence && !is_view {
        return vec![];
    }
    cursor.eat("IF EXISTS");
    let name = cursor.object_name();
    let lock = if is_index && !cursor.clone().eat("SET TABLESPACE") {
        Lock::ShareUpdateExclusive
    } else if is_sequence && !cursor.clone().eat("RENAME") {
        Lock::ShareRowExclusive
    } else {
        Lock::AccessExclusive
    };
    owned(name, lock, Work::Catalogue)
}

/// Tables whose rows are written, also within WITH.
fn rows(mut cursor: Cursor<'_>) -> Vec<Touch> {
    let mut copy = cursor.clone();
    if copy.eat("COPY") {
        let name = copy.object_name();
        return one(
            name.filter(|_| copy.skip_past("FROM")),
            Lock::RowExclusive,
            Work::Rows,
        );
    }
    if !["DELETE", "INSERT", "MERGE", "UPDATE", "WITH"]
        .iter()
        .any(|word| cursor.clone().eat(word))
    {
        return vec![];
    }
    let mut touches: Vec<Touch> = vec![];
    while !cursor.is_done() {
        let writes = ["DELETE FROM", "INSERT INTO", "MERGE INTO"]
            .iter()
            .any(|words| cursor.eat(words));
        let updates = !writes && cursor.eat("UPDATE");
        if !writes && !updates {
            cursor.next();
            continue;
        }
        cursor.eat("ONLY");
        let name = cursor.object_name();
        // `ON CONFLICT … DO UPDATE SET` and `FOR UPDATE OF` name no table of their own.
        let is_clause = updates
            && name
                .as_ref()
                .is_none_or(|n| ["set", "of"].contains(&n.name.as_str()));
        if !is_clause {
            touches.extend(one(name, Lock::RowExclusive, Work::Rows));
        }
    }
    touches
}

fn maintained(mut cursor: Cursor<'_>) -> Vec<Touch> {
    if cursor.eat("REFRESH MATERIALIZED VIEW") {
        return match cursor.eat("CONCURRENTLY") {
            true => owned(cursor.object_name(), Lock::Exclusive, Work::Rows),
            false => owned(cursor.object_name(), Lock::AccessExclusive, Work::Rewrite),
        };
    }
    if cursor.eat("CLUSTER") {
        cursor.options();
        cursor.eat("VERBOSE");
        return owned(cursor.object_name(), Lock::AccessExclusive, Work::Rewrite);
    }
    let vacuums = cursor.eat("VACUUM");
    if !vacuums && !cursor.eat("ANALYZE") {
        return vec![];
    }
    let options = cursor.options();
    let is_on = |option: &str| {
        options
            .iter()
            .any(|(name, on)| *on && name.eq_ignore_ascii_case(option))
    };
    let full = vacuums && (is_on("FULL") || cursor.eat("FULL"));
    while ["FREEZE", "VERBOSE", "ANALYZE"]
        .iter()
        .any(|word| cursor.eat(word))
    {}
    let (lock, work) = match (vacuums, full) {
        (_, true) => (Lock::AccessExclusive, Work::Rewrite),
        (true, false) => (Lock::ShareUpdateExclusive, Work::Scan),
        (false, false) => (Lock::ShareUpdateExclusive, Work::Catalogue),
    };
    let names = names(&mut cursor).into_iter();
    names
        .map(|name| Touch::new(name, lock, work).by_owner())
        .collect()
}

fn locked(mut cursor: Cursor<'_>) -> Vec<Touch> {
    if !cursor.eat("LOCK") {
        return vec![];
    }
    cursor.eat("TABLE");
    let names = names(&mut cursor);
    let mut lock = Lock::AccessExclusive;
    if cursor.eat("IN") {
        let words = cursor
            .rest()
            .iter()
            .take_while(|t| t.kind == TokenKind::Word && !t.is_word("MODE"));
        let words: Vec<&str> = words.map(|token| token.text).collect();
        lock = Lock::named(&words.join(" ")).unwrap_or(lock);
    }
    names
        .into_iter()
        .map(|name| Touch::new(name, lock, Work::Catalogue))
        .collect()
}

fn names(cursor: &mut Cursor<'_>) -> Vec<ObjectName> {
    let mut names = vec![];
    loop {
        cursor.eat("ONLY");
        let mut ahead = cursor.clone();
        let Some(name) = ahead.object_name() else {
            return names;
        };
        *cursor = ahead;
        names.push(name);
        cursor.eat_symbol("*");
        // VACUUM and ANALYZE may name columns.
        if cursor.clone().eat_symbol("(") {
            cursor.options();
        }
        if !cursor.eat_symbol(",") {
            return names;
        }
    }
}

//! What a `CONCURRENTLY` statement on indexes is about, so that the catalogue can be asked whether it
//! is done, half done or still running.

use serde::{Deserialize, Serialize};

use super::cursor::Cursor;
pub use super::cursor::ObjectName;
use super::split::Statement;

/// What `CREATE INDEX CONCURRENTLY` builds. The index lies in the schema of its table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConcurrentIndex {
    /// None when the server chooses the name: the catalogue cannot tell such an index from others.
    pub name: Option<String>,
    pub table: ObjectName,
}

/// What `REINDEX … CONCURRENTLY` rebuilds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReindexTarget {
    Index(ObjectName),
    Table(ObjectName),
    Schema(String),
    /// The current one when it is not named, as PostgreSQL 16 allows.
    Database(Option<String>),
}

/// Returns what a `CREATE INDEX CONCURRENTLY` builds, none for any other statement.
pub fn parse_concurrent_index(statement: &Statement<'_>) -> Option<ConcurrentIndex> {
    let mut cursor = Cursor::new(statement);
    if !eat_create_index_concurrently(&mut cursor) {
        return None;
    }
    let is_named = cursor.eat("IF NOT EXISTS") || !cursor.clone().eat("ON");
    let name = if is_named {
        Some(cursor.identifier()?)
    } else {
        None
    };
    if !cursor.eat("ON") {
        return None;
    }
    cursor.eat("ONLY");
    Some(ConcurrentIndex {
        name,
        table: cursor.object_name()?,
    })
}

/// Returns the statement that builds the same index, at once and without a name, on another table:
/// by that its definition can be compared with one that the catalogue holds.
pub(crate) fn on_another_table(statement: &Statement<'_>, table: &str) -> Option<String> {
    let mut cursor = Cursor::new(statement);
    let unique = if cursor.eat("CREATE UNIQUE INDEX CONCURRENTLY") {
        "UNIQUE "
    } else if cursor.eat("CREATE INDEX CONCURRENTLY") {
        ""
    } else {
        return None;
    };
    let is_named = cursor.eat("IF NOT EXISTS") || !cursor.clone().eat("ON");
    if is_named {
        cursor.identifier()?;
    }
    if !cursor.eat("ON") {
        return None;
    }
    cursor.eat("ONLY");
    cursor.object_name()?;
    let rest = cursor.next()?.start - statement.range.start;
    Some(format!(
        "CREATE {unique}INDEX ON {table} {}",
        &statement.text[rest..]
    ))
}

/// Returns the indexes that a `DROP INDEX CONCURRENTLY` names, none for any other statement. The
/// server refuses more than one.
pub fn parse_concurrent_drop(statement: &Statement<'_>) -> Option<Vec<ObjectName>> {
    let mut cursor = Cursor::new(statement);
    if !cursor.eat("DROP INDEX CONCURRENTLY") {
        return None;
    }
    cursor.eat("IF EXISTS");
    let mut names = vec![cursor.object_name()?];
    while cursor.eat_symbol(",") {
        names.push(cursor.object_name()?);
    }
    Some(names)
}

/// Returns what a `REINDEX … CONCURRENTLY` rebuilds, none for any other statement.
pub fn parse_concurrent_reindex(statement: &Statement<'_>) -> Option<ReindexTarget> {
    let Reindex {
        object,
        is_concurrent,
        mut name,
    } = Reindex::parse(statement)?;
    if !is_concurrent {
        return None;
    }
    match object {
        "INDEX" => Some(ReindexTarget::Index(name.object_name()?)),
        "TABLE" => Some(ReindexTarget::Table(name.object_name()?)),
        "SCHEMA" => Some(ReindexTarget::Schema(name.identifier()?)),
        "DATABASE" if name.is_done() => Some(ReindexTarget::Database(None)),
        "DATABASE" => Some(ReindexTarget::Database(Some(name.identifier()?))),
        // The server refuses to rebuild its own catalogues that way.
        _ => None,
    }
}

pub(crate) fn eat_create_index_concurrently(cursor: &mut Cursor<'_>) -> bool {
    cursor.eat("CREATE INDEX CONCURRENTLY") || cursor.eat("CREATE UNIQUE INDEX CONCURRENTLY")
}

/// Any REINDEX, up to the name of what it rebuilds.
pub(crate) struct Reindex<'s> {
    pub(crate) object: &'static str,
    pub(crate) is_concurrent: bool,
    name: Cursor<'s>,
}

impl<'s> Reindex<'s> {
    /// What is rebuilt.
    pub(crate) fn name(&self) -> Option<ObjectName> {
        self.name.clone().object_name()
    }

    pub(crate) fn parse(statement: &'s Statement<'_>) -> Option<Self> {
        let mut cursor = Cursor::new(statement);
        if !cursor.eat("REINDEX") {
            return None;
        }
        let options = cursor.options();
        let objects = ["INDEX", "TABLE", "SCHEMA", "DATABASE", "SYSTEM"];
        let object = objects.into_iter().find(|object| cursor.eat(object))?;
        // Either place will do; `(CONCURRENTLY off)` says no.
        let is_concurrent = cursor.eat("CONCURRENTLY")
            || options
                .iter()
                .any(|(name, is_on)| *is_on && name.eq_ignore_ascii_case("CONCURRENTLY"));
        Some(Self {
            object,
            is_concurrent,
            name: cursor,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::split::split;
    use super::*;

    fn object(name: &str) -> ObjectName {
        match name.split_once('/') {
            Some((schema, name)) => ObjectName {
                schema: Some(schema.to_owned()),
                name: name.to_owned(),
            },
            None => ObjectName {
                schema: None,
                name: name.to_owned(),
            },
        }
    }

    #[test]
    fn create_names_the_index_and_its_table() {
        #[track_caller]
        fn check(input: &str, name: Option<&str>, table: &str) {
            let expect = ConcurrentIndex {
                name: name.map(str::to_owned),
                table: object(table),
            };
            let statements = split(input).expect("the input has no open quote");
            assert_eq!(
                parse_concurrent_index(&statements[0]),
                Some(expect),
                "{input}"
            );
        }
        check("create index concurrently i on t (a)", Some("i"), "t");
        check(
            "CREATE UNIQUE INDEX CONCURRENTLY Ab ON Public.T USING btree (a)",
            Some("ab"),
            "public/t",
        );
        check(
            "create index concurrently if not exists i on only s.t(a)",
            Some("i"),
            "s/t",
        );
        check("create index concurrently if on t(a)", Some("if"), "t");
        check("create index concurrently on t (a)", None, "t");
        check("create index concurrently on only t (a)", None, "t");
        check(
            "create /* x */ index concurrently -- y\n on t (a)",
            None,
            "t",
        );
        check(
            "create index concurrently \"A\"\"b;\" on \"S\".\"T\" (a)",
            Some("A\"b;"),
            "S/T",
        );
        check("create index concurrently \"on\" on t (a)", Some("on"), "t");
        check(
            "create index concurrently i on db.s.t (a)",
            Some("i"),
            "s/t",
        );
        check("create index concurrently ÜB on t (a)", Some("Üb"), "t");
        let (long, cut) = ("a".repeat(62) + "éb", "a".repeat(62));
        check(
            &format!("create index concurrently {long} on t (a)"),
            Some(&cut),
            "t",
        );
        let long = "a".repeat(64);
        check(
            &format!("create index concurrently \"{long}\" on t (a)"),
            Some(&long[..63]),
            "t",
        );
    }

    #[test]
    fn the_same_index_is_written_for_another_table() {
        #[track_caller]
        fn check(input: &str, expect: Option<&str>) {
            let statements = split(input).expect("the input has no open quote");
            let found = on_another_table(&statements[0], "probe");
            assert_eq!(found.as_deref(), expect, "{input}");
        }
        check(
            "create unique index concurrently if not exists i on only s.\"T\" using gin (a, lower(b)) where c > 1",
            Some("CREATE UNIQUE INDEX ON probe using gin (a, lower(b)) where c > 1"),
        );
        check(
            "/* x */ create index concurrently on t(a) -- why\n include (b)",
            Some("CREATE INDEX ON probe (a) -- why\n include (b)"),
        );
        check("create index i on t (a)", None);
        check("create index concurrently i on t", None);
    }

    #[test]
    fn other_statements_create_nothing_concurrently() {
        for input in [
            "create index i on t (a)",
            "create index \"concurrently\" on t (a)",
            "create index concurrently u&\"d\\0061\" on t (a)",
            "create index concurrently i on u&\"t\" (a)",
            "create index concurrently i",
            "create index concurrently if not exists on t (a)",
            "drop index concurrently i",
            "select 'create index concurrently i on t (a)'",
        ] {
            let statements = split(input).expect("the input has no open quote");
            assert_eq!(parse_concurrent_index(&statements[0]), None, "{input}");
        }
    }

    #[test]
    fn drop_names_its_indexes() {
        #[track_caller]
        fn check(input: &str, expect: Option<&[&str]>) {
            let expect =
                expect.map(|names| names.iter().map(|name| object(name)).collect::<Vec<_>>());
            let statements = split(input).expect("the input has no open quote");
            assert_eq!(parse_concurrent_drop(&statements[0]), expect, "{input}");
        }
        check("drop index concurrently i", Some(&["i"]));
        check(
            "DROP INDEX CONCURRENTLY IF EXISTS S.\"I\" CASCADE",
            Some(&["s/I"]),
        );
        check(
            "drop index concurrently a, s.b restrict",
            Some(&["a", "s/b"]),
        );
        check("drop index i", None);
        check("drop index if exists concurrently", None);
        check("drop table concurrently", None);
    }

    #[test]
    fn reindex_names_its_target() {
        #[track_caller]
        fn check(input: &str, expect: Option<ReindexTarget>) {
            let statements = split(input).expect("the input has no open quote");
            assert_eq!(parse_concurrent_reindex(&statements[0]), expect, "{input}");
        }
        let index = |name| Some(ReindexTarget::Index(object(name)));
        let table = |name| Some(ReindexTarget::Table(object(name)));
        let database = |name: Option<&str>| Some(ReindexTarget::Database(name.map(str::to_owned)));
        check("reindex index concurrently i", index("i"));
        check("REINDEX TABLE CONCURRENTLY s.\"T\"", table("s/T"));
        check("reindex (verbose) table concurrently t", table("t"));
        check("reindex (concurrently, verbose) index i", index("i"));
        check(
            "reindex (tablespace x, concurrently on) index i",
            index("i"),
        );
        check(
            "reindex (concurrently true, verbose off) index i",
            index("i"),
        );
        check("reindex (CONCURRENTLY off) index i", None);
        check("reindex (concurrently 0) index i", None);
        check("reindex (verbose, concurrently 'FALSE') index i", None);
        check("reindex (verbose, tablespace concurrently) index i", None);
        check(
            "reindex schema concurrently S",
            Some(ReindexTarget::Schema("s".to_owned())),
        );
        check("reindex database concurrently d", database(Some("d")));
        check("reindex database concurrently", database(None));
        check("reindex system concurrently", None);
        check("reindex index i", None);
        check("reindex (concurrently)", None);
        check("select 1", None);
    }
}

//! What the catalogue says of the tables that statements name.

use crate::postgres::cursor::ObjectName;
use crate::postgres::ident::Ident;
use crate::postgres::locks::{Touch, Unless, Work};
use crate::postgres::reading::Reading;
use pb_core::Result;
use std::collections::{HashMap, HashSet};
use tokio_postgres::types::Type;

/// The server and the role that is connected.
pub(super) struct Server {
    /// The major version.
    pub(super) version: u32,
    pub(super) role: String,
    /// Whether the role may make something in the schema; `None` when there is none.
    pub(super) may_create: Option<bool>,
    /// Locks that the lock table has room for, roughly.
    pub(super) room: i64,
}

/// A table, with its partitions and children.
pub(super) struct Relation {
    pub(super) oid: i64,
    pub(super) name: String,
    pub(super) owner: String,
    pub(super) is_ours: bool,
    /// Partitions and children.
    pub(super) parts: i64,
    /// In bytes, without indexes.
    pub(super) size: i64,
    /// In bytes, with indexes.
    pub(super) total: i64,
    /// As the last ANALYZE has estimated it.
    pub(super) rows: i64,
    /// Itself, its indexes, and those of its parts.
    pub(super) locks: i64,
}

impl Server {
    pub(super) async fn read(reading: &Reading<'_>, schema: Option<&Ident>) -> Result<Self> {
        let sql = "\
            SELECT current_setting('server_version_num')::int8 / 10000, current_user::text, \
                   (SELECT has_schema_privilege(oid, 'CREATE') FROM pg_namespace WHERE nspname = $1), \
                   current_setting('max_locks_per_transaction')::int8 \
                     * (current_setting('max_connections')::int8 + current_setting('max_prepared_transactions')::int8) \
                   - (SELECT count(*) FROM pg_locks WHERE NOT fastpath)";
        let schema = schema.map(|schema| schema.as_str().to_owned());
        let rows = reading.rows(sql, &[(&schema, Type::TEXT)]).await?;
        let row = rows.first();
        Ok(Self {
            version: row.map_or(0, |row| u32::try_from(row.get::<_, i64>(0)).unwrap_or(0)),
            role: row.map(|row| row.get(1)).unwrap_or_default(),
            may_create: row.and_then(|row| row.get(2)),
            room: row.map_or(0, |row| row.get(3)),
        })
    }
}

/// The relations that are there, by their place among the names.
///
/// The size of a table is asked for only while nobody holds or waits for it alone: the question would wait in the same row.
pub(super) async fn relations(
    reading: &Reading<'_>,
    schema: Option<&Ident>,
    names: &[&ObjectName],
) -> Result<HashMap<usize, Relation>> {
    if names.is_empty() {
        return Ok(HashMap::new());
    }
    let first = |name: &&ObjectName| match (&name.schema, schema) {
        (Some(own), _) => format!("{}.{}", quoted(own), quoted(&name.name)),
        (None, Some(schema)) => format!("{}.{}", schema.quoted(), quoted(&name.name)),
        (None, None) => quoted(&name.name),
    };
    let second = |name: &&ObjectName| match (&name.schema, schema) {
        (None, Some(_)) => Some(format!("public.{}", quoted(&name.name))),
        _ => None,
    };
    let first: Vec<String> = names.iter().map(first).collect();
    let second: Vec<Option<String>> = names.iter().map(second).collect();
    let sql = "\
        WITH RECURSIVE named AS ( \
            SELECT n, coalesce(to_regclass(a), to_regclass(b))::oid AS oid \
            FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS u(a, b, n)), \
        root AS ( \
            SELECT n, coalesce(i.indrelid, named.oid) AS oid \
            FROM named LEFT JOIN pg_index i ON i.indexrelid = named.oid WHERE named.oid IS NOT NULL), \
        tree AS ( \
            SELECT DISTINCT oid AS top, oid FROM root \
            UNION ALL SELECT tree.top, i.inhrelid FROM tree JOIN pg_inherits i ON i.inhparent = tree.oid), \
        busy AS MATERIALIZED ( \
            SELECT relation FROM pg_locks \
            WHERE mode = 'AccessExclusiveLock' AND relation IS NOT NULL AND pid IS DISTINCT FROM pg_backend_pid()), \
        part AS ( \
            SELECT tree.top, c.reltuples, \
                   c.oid IN (SELECT relation FROM busy) AS is_busy, c.oid, \
                   c.relpages::int8 * current_setting('block_size')::int8 AS pages, \
                   (SELECT count(*) FROM pg_index i WHERE i.indrelid = c.oid) AS indexes \
            FROM tree JOIN pg_class c ON c.oid = tree.oid), \
        sized AS ( \
            SELECT top, count(*) - 1 AS parts, sum(1 + indexes)::int8 AS locks, \
                   sum(greatest(reltuples, 0))::int8 AS rows, \
                   sum(CASE WHEN is_busy THEN pages ELSE coalesce(pg_table_size(oid), 0) END)::int8 AS size, \
                   sum(CASE WHEN is_busy THEN pages ELSE coalesce(pg_total_relation_size(oid), 0) END)::int8 AS total \
            FROM part GROUP BY top) \
        SELECT root.n::int8 - 1, c.oid::int8, c.oid::regclass::text, pg_get_userbyid(c.relowner)::text, \
               pg_has_role(c.relowner, 'USAGE'), parts, size, total, rows, locks \
        FROM root JOIN pg_class c ON c.oid = root.oid JOIN sized ON sized.top = root.oid \
        ORDER BY 1";
    let params = [
        (&first as _, Type::TEXT_ARRAY),
        (&second as _, Type::TEXT_ARRAY),
    ];
    let rows = reading.rows(sql, &params).await?;
    let relation = |row: &tokio_postgres::Row| {
        let n = usize::try_from(row.get::<_, i64>(0)).unwrap_or(0);
        let relation = Relation {
            oid: row.get(1),
            name: row.get(2),
            owner: row.get(3),
            is_ours: row.get(4),
            parts: row.get(5),
            size: row.get(6),
            total: row.get(7),
            rows: row.get(8),
            locks: row.get(9),
        };
        (n, relation)
    };
    Ok(rows.iter().map(relation).collect())
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Finds out whether work that depends on the catalogue is done.
pub(super) async fn settle(
    reading: &Reading<'_>,
    relations: &HashMap<usize, Relation>,
    touches: &mut [(usize, Touch)],
) -> Result<()> {
    let (mut oids, mut columns, mut called) = (vec![], vec![], vec![]);
    for (n, (_, touch)) in touches.iter().enumerate() {
        match (&touch.unless, relations.get(&n)) {
            (Some(Unless::NeverNull { column } | Unless::StoredAlike { column, .. }), Some(of)) => {
                oids.push(of.oid);
                columns.push(column.clone());
            }
            (Some(Unless::NotVolatile { functions }), Some(_)) => called.extend(functions.clone()),
            _ => {}
        }
    }
    let known = known_columns(reading, &oids, &columns).await?;
    let volatile = volatile(reading, &called).await?;
    for (n, (_, touch)) in touches.iter_mut().enumerate() {
        let column = |name: &String| known.get(&(relations.get(&n)?.oid, name.clone()));
        let spared = match &touch.unless {
            Some(Unless::NeverNull { column: name }) => column(name).is_some_and(|known| known.0),
            Some(Unless::StoredAlike { column: name, new }) => {
                column(name).is_some_and(|known| is_stored_alike(&known.1, new))
            }
            Some(Unless::NotVolatile { functions }) => {
                !functions.iter().any(|name| volatile.contains(name))
            }
            None => false,
        };
        if spared {
            touch.work = Work::Catalogue;
        }
    }
    Ok(())
}

/// By table and column: whether it is known to be never NULL, and its type.
async fn known_columns(
    reading: &Reading<'_>,
    oids: &[i64],
    columns: &[String],
) -> Result<HashMap<(i64, String), (bool, String)>> {
    if oids.is_empty() {
        return Ok(HashMap::new());
    }
    let sql = "\
        SELECT a.attrelid::int8, a.attname::text, \
               a.attnotnull OR EXISTS (SELECT FROM pg_constraint k \
                   WHERE k.conrelid = a.attrelid AND k.contype = 'c' AND k.convalidated \
                     AND pg_get_constraintdef(k.oid) = format('CHECK ((%I IS NOT NULL))', a.attname)), \
               format_type(a.atttypid, a.atttypmod) \
        FROM unnest($1::int8[], $2::text[]) AS u(oid, name) \
        JOIN pg_attribute a ON a.attrelid = u.oid AND a.attname = u.name AND NOT a.attisdropped";
    let params = [
        (&oids as _, Type::INT8_ARRAY),
        (&columns as _, Type::TEXT_ARRAY),
    ];
    let rows = reading.rows(sql, &params).await?;
    let known = rows
        .iter()
        .map(|row| ((row.get(0), row.get(1)), (row.get(2), row.get(3))));
    Ok(known.collect())
}

/// Of these functions those that are volatile, or that nobody knows.
async fn volatile(reading: &Reading<'_>, names: &[String]) -> Result<HashSet<String>> {
    if names.is_empty() {
        return Ok(HashSet::new());
    }
    let sql = "\
        SELECT u.name FROM unnest($1::text[]) AS u(name) LEFT JOIN pg_proc p ON p.proname = u.name \
        GROUP BY u.name HAVING coalesce(bool_or(p.provolatile = 'v'), true)";
    let rows = reading.rows(sql, &[(&names, Type::TEXT_ARRAY)]).await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// Whether the values of a type are values of another one as they stand. Source: ALTER TABLE, Notes: a type that is
/// binary coercible, or whose new length only allows more.
pub(super) fn is_stored_alike(old: &str, new: &str) -> bool {
    let (old, new) = (Kind::of(old), Kind::of(new));
    match (old.name.as_str(), new.name.as_str()) {
        ("varchar" | "text", "text") => true,
        ("text" | "varchar", "varchar") => match (&old.sizes[..], &new.sizes[..]) {
            (_, []) => true,
            ([old], [new]) => old <= new,
            _ => false,
        },
        ("numeric", "numeric") => match (&old.sizes[..], &new.sizes[..]) {
            (_, []) => true,
            ([old, scale], [new, new_scale]) => old <= new && scale == new_scale,
            _ => false,
        },
        (one, other) => one == other && old.sizes == new.sizes,
    }
}

struct Kind {
    name: String,
    sizes: Vec<u32>,
}

impl Kind {
    fn of(text: &str) -> Self {
        let text = text.to_lowercase();
        let (name, rest) = text.split_once('(').unwrap_or((&text, ""));
        let sizes = rest.split(')').next().unwrap_or_default().split(',');
        let name = match name.trim() {
            "character varying" => "varchar",
            "decimal" => "numeric",
            "int" | "int4" => "integer",
            "int8" => "bigint",
            "bool" => "boolean",
            name => name,
        };
        Self {
            name: name.to_owned(),
            sizes: sizes.filter_map(|size| size.trim().parse().ok()).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::is_stored_alike;

    #[test]
    fn types_that_are_stored_alike_need_no_rewrite() {
        let check = |old, new, expect| assert_eq!(is_stored_alike(old, new), expect, "{old} {new}");
        check("character varying(20)", "text", true);
        check("character varying(20)", "varchar(40)", true);
        check("character varying(20)", "varchar(10)", false);
        check("text", "varchar", true);
        check("text", "varchar(10)", false);
        check("numeric(10,2)", "numeric(12,2)", true);
        check("numeric(10,2)", "decimal(12, 3)", false);
        check("numeric(10,2)", "numeric", true);
        check("numeric", "numeric(10,2)", false);
        check("integer", "int", true);
        check("integer", "bigint", false);
        check("timestamp without time zone", "timestamptz", false);
    }
}

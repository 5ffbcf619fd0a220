//! What would probably keep the statements from succeeding.

use super::Seen;
use super::catalogue::{Relation, Server};
use crate::postgres::blockers::{COLUMNS, Holder};
use crate::postgres::locks::{Lock, Touch, Work};
use crate::postgres::reading::Reading;
use pb_core::Result;
use std::collections::{HashMap, HashSet};
use tokio_postgres::types::Type;

/// Whoever holds a lock for longer will hold it for longer still.
const LONG: i64 = 5;
/// So many are named.
const NAMED: usize = 10;
/// A new table has an index, and a second table for large values with its own.
const LOCKS_OF_NEW: i64 = 4;

pub(super) async fn find(
    reading: &Reading<'_>,
    server: &Server,
    seen: &[Seen<'_>],
    relations: &HashMap<usize, Relation>,
) -> Result<Vec<String>> {
    let mut found = holders(reading, seen, relations).await?;
    found.extend(snapshots(reading, seen).await?);
    found.extend(owners(server, seen, relations));
    if server.may_create == Some(false) && seen.iter().any(|text| text.makes > 0) {
        found.push(format!(
            "role `{}` may not create anything in the schema",
            server.role
        ));
    }
    found.extend(seen.iter().filter_map(|text| room(server, text, relations)));
    Ok(found)
}

fn tables<'s>(seen: &'s [Seen<'_>]) -> impl Iterator<Item = &'s (usize, Touch)> {
    seen.iter().flat_map(|text| &text.tables)
}

/// Sessions that hold what the statements would wait for.
async fn holders(
    reading: &Reading<'_>,
    seen: &[Seen<'_>],
    relations: &HashMap<usize, Relation>,
) -> Result<Vec<String>> {
    let mut wanted: HashMap<i64, (&str, Lock)> = HashMap::new();
    for (n, touch) in tables(seen) {
        if let Some(relation) = relations.get(n) {
            let (_, lock) = wanted
                .entry(relation.oid)
                .or_insert((&relation.name, touch.lock));
            *lock = touch.lock.max(*lock);
        }
    }
    let oids: Vec<i64> = wanted.keys().copied().collect();
    if oids.is_empty() {
        return Ok(vec![]);
    }
    let sql = format!(
        "SELECT coalesce(l.pid, 0), {COLUMNS}, l.relation::int8, l.mode \
         FROM pg_locks l LEFT JOIN pg_stat_activity a ON a.pid = l.pid \
         WHERE l.granted AND l.relation::int8 = ANY($1) AND l.pid IS DISTINCT FROM pg_backend_pid() \
           AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) \
         ORDER BY a.xact_start NULLS FIRST, l.relation"
    );
    let rows = reading.rows(&sql, &[(&oids, Type::INT8_ARRAY)]).await?;
    let mut named = HashSet::new();
    let mut lines = vec![];
    for row in &rows {
        let (oid, mode): (i64, &str) = (row.get(6), row.get(7));
        let holder = Holder::of(row);
        let Some((name, lock)) = wanted.get(&oid) else {
            continue;
        };
        let is_long = holder.pid == 0 || holder.age >= LONG;
        if is_long && lock.waits_for().contains(&mode) && named.insert(holder.pid) {
            lines.push(format!("`{name}` is locked: {}", holder.line()));
        }
    }
    lines.truncate(NAMED);
    Ok(lines)
}

/// An index that is built beside writes waits for every transaction that began before, whatever it touches.
async fn snapshots(reading: &Reading<'_>, seen: &[Seen<'_>]) -> Result<Vec<String>> {
    let waits =
        |touch: &Touch| touch.lock == Lock::ShareUpdateExclusive && touch.work == Work::Index;
    if !tables(seen).any(|(_, touch)| waits(touch)) {
        return Ok(vec![]);
    }
    let sql = format!(
        "SELECT a.pid, {COLUMNS} FROM pg_stat_activity a \
         WHERE a.datname = current_database() AND a.backend_xmin IS NOT NULL AND a.pid <> pg_backend_pid() \
           AND a.backend_type = 'client backend' \
           AND clock_timestamp() - a.xact_start > make_interval(secs => $1::int8::float8) ORDER BY a.xact_start LIMIT 3"
    );
    let rows = reading.rows(&sql, &[(&LONG, Type::INT8)]).await?;
    let line = |row| format!("CONCURRENTLY waits for its end: {}", Holder::of(row).line());
    Ok(rows.iter().map(line).collect())
}

fn owners(server: &Server, seen: &[Seen<'_>], relations: &HashMap<usize, Relation>) -> Vec<String> {
    let foreign = tables(seen).filter(|(_, touch)| touch.by_owner);
    let foreign = foreign.filter_map(|(n, _)| relations.get(n).filter(|of| !of.is_ours));
    let mut lines = vec![];
    for Relation { name, owner, .. } in foreign {
        let role = &server.role;
        let line =
            format!("`{name}` belongs to `{owner}`, and role `{role}` is no member of that one");
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    lines
}

/// A transaction that locks more than the server has room for ends with an error.
fn room(server: &Server, text: &Seen<'_>, relations: &HashMap<usize, Relation>) -> Option<String> {
    let there: i64 = text
        .tables
        .iter()
        .filter_map(|(n, _)| relations.get(n))
        .map(|of| of.locks)
        .sum();
    let new = i64::try_from(text.makes)
        .unwrap_or(i64::MAX)
        .saturating_mul(LOCKS_OF_NEW);
    let needed = there.saturating_add(new);
    let what = match text.file {
        "" => "the text".into(),
        file => format!("`{file}`"),
    };
    (needed > server.room).then(|| {
        format!(
            "{what} takes about {needed} locks, and the server has room for about {}: raise \
             `max_locks_per_transaction`",
            server.room.max(0)
        )
    })
}

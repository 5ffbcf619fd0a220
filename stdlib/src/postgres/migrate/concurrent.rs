//! Indexes built while the table is in use: found, waited for, dropped and built again, as the catalogue says.
//!
//! A build that failed leaves an index that is invalid: `IF NOT EXISTS` calls it done, every write maintains it and no query
//! uses it. A build whose client died may go on and finish. So the catalogue is asked before and after.

use super::alone::patiently;
use super::site::Site;
use crate::postgres::concurrent_index::{ObjectName, ReindexTarget, on_another_table};
use crate::postgres::refusal::{Met, Sent};
use crate::postgres::session::Session;
use crate::postgres::split::Statement;
use crate::postgres::trouble::Trouble;
use pb_core::{Failure, Result, code};
use std::time::Duration;
use tokio_postgres::types::Type;

/// Between two looks at an index that somebody builds.
const LOOK_AGAIN: Duration = Duration::from_millis(300);
/// What the comparison is made with.
const PROBE: &str = "pg_temp.pb_probe";

/// What is to be built.
pub(crate) struct Index {
    pub(crate) name: String,
    pub(crate) table: ObjectName,
}

/// What the catalogue says of an index.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Found {
    Nothing,
    /// Usable.
    Valid {
        oid: u32,
    },
    /// Not usable; `builder` is at it.
    Invalid {
        name: String,
        builder: Option<i32>,
    },
    /// A table, a view or a sequence has the name.
    Other,
}

/// Builds an index, unless it is there.
pub(crate) async fn build(
    site: &Site<'_>,
    session: &Session,
    statement: &Statement<'_>,
    index: &Index,
    sent: Sent<'_>,
) -> Result<()> {
    let told = |trouble: Trouble| trouble.into_failure(&sent);
    let began = site.elapsed();
    loop {
        match look(session, index).await.map_err(told)? {
            Found::Nothing | Found::Other => break,
            Found::Valid { oid } => {
                return same_definition(session, statement, index, oid, sent).await;
            }
            Found::Invalid {
                name,
                builder: None,
            } => drop_index(site, session, &name, sent).await?,
            Found::Invalid {
                builder: Some(pid), ..
            } => {
                if site.elapsed().saturating_sub(began) >= site.args.statement_timeout.0 {
                    return Err(still_building(site, index, pid));
                }
                site.read
                    .progress(format!("process {pid} builds the index `{}`", index.name));
                site.sleep(LOOK_AGAIN).await;
            }
        }
    }
    site.read
        .progress(format!("building the index `{}`", index.name));
    let met = match patiently(site, session, statement, sent).await {
        Ok(()) => return valid_now(session, index, sent).await,
        Err(met) => met,
    };
    if met.trouble.is_lost() {
        let failure = met.into_failure();
        return Err(failure.state(format!(
            "the server may go on building the index `{}`; the next run waits for it",
            index.name
        )));
    }
    let left = look(session, index).await;
    let failure = met.into_failure();
    match left {
        Ok(Found::Invalid {
            name,
            builder: None,
        }) => {
            drop_index(site, session, &name, sent).await?;
            Err(failure.state(format!(
                "the index `{}`, which was left invalid, is dropped",
                index.name
            )))
        }
        _ => Err(failure),
    }
}

/// `IF NOT EXISTS` says that all is well over an index that nobody can use.
async fn valid_now(session: &Session, index: &Index, sent: Sent<'_>) -> Result<()> {
    match look(session, index)
        .await
        .map_err(|trouble| trouble.into_failure(&sent))?
    {
        Found::Valid { .. } => Ok(()),
        found => {
            let message = format!("the index `{}` was built and is not usable", index.name);
            Err(Failure::new(&code::NOT_CONVERGED, message)
                .because(format!("{found:?}"))
                .partial())
        }
    }
}

async fn look(session: &Session, index: &Index) -> std::result::Result<Found, Trouble> {
    // Indexes of partitioned tables are made valid by their parts, later.
    let sql = "\
        SELECT i.indexrelid, i.indisvalid OR c.relkind = 'I', c.oid::regclass::text, \
               (SELECT p.pid FROM pg_stat_progress_create_index p \
                WHERE p.datid = (SELECT oid FROM pg_database WHERE datname = current_database()) \
                  AND (p.index_relid = c.oid OR p.relid = t.oid AND p.index_relid = 0) LIMIT 1) \
        FROM pg_class t JOIN pg_class c ON c.relnamespace = t.relnamespace AND c.relname = $2 \
        LEFT JOIN pg_index i ON i.indexrelid = c.oid \
        WHERE t.oid = to_regclass($1)";
    let table = written(&index.table);
    let rows = session
        .rows(sql, &[(&table, Type::TEXT), (&index.name, Type::TEXT)])
        .await?;
    let Some(row) = rows.first() else {
        return Ok(Found::Nothing);
    };
    let (oid, valid): (Option<u32>, Option<bool>) = (row.get(0), row.get(1));
    Ok(match (oid, valid) {
        (None, _) => Found::Other,
        (Some(oid), Some(true)) => Found::Valid { oid },
        (Some(_), _) => Found::Invalid {
            name: row.get(2),
            builder: row.get(3),
        },
    })
}

/// Compares a usable index with what the file wants, by building that on an empty copy of the table.
async fn same_definition(
    session: &Session,
    statement: &Statement<'_>,
    index: &Index,
    oid: u32,
    sent: Sent<'_>,
) -> Result<()> {
    let wanted = on_another_table(statement, PROBE).unwrap_or_default();
    let compared = async {
        session
            .run(&format!(
                "BEGIN; CREATE TEMP TABLE pb_probe (LIKE {}) ON COMMIT DROP; {wanted}",
                written(&index.table)
            ))
            .await?;
        let sql = format!(
            "SELECT {SHAPE} FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid \
             JOIN pg_am a ON a.oid = c.relam WHERE i.indexrelid = $1 \
             UNION \
             SELECT {SHAPE} FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid \
             JOIN pg_am a ON a.oid = c.relam WHERE i.indrelid = '{PROBE}'::regclass"
        );
        session.rows(&sql, &[(&oid, Type::OID)]).await
    };
    let compared = compared.await;
    let ended = session.run("ROLLBACK").await;
    ended.map_err(|trouble| trouble.into_failure(&sent))?;
    let why = match compared {
        // Equal rows are one row.
        Ok(shapes) if shapes.len() == 1 => return Ok(()),
        Ok(_) => "its definition is another one".to_owned(),
        Err(trouble) => {
            let failure = trouble.into_failure(&sent);
            format!("its definition could not be compared: {}", failure.message)
        }
    };
    let message = format!("an index `{}` is there already", index.name);
    Err(Failure::new(&code::ALREADY_EXISTS, message)
        .because(why)
        .hint("give the new index another name, or drop the old one in a file before"))
}

/// All that makes two indexes the same, except their names and where they lie.
const SHAPE: &str = "\
    i.indisunique, i.indnkeyatts, a.amname, i.indclass::text, i.indcollation::text, i.indoption::text, \
    ARRAY(SELECT pg_get_indexdef(i.indexrelid, n, true) FROM generate_series(1, i.indnatts) n), \
    pg_get_expr(i.indpred, i.indrelid), c.reloptions, to_jsonb(i) ->> 'indnullsnotdistinct'";

async fn drop_index(site: &Site<'_>, session: &Session, name: &str, sent: Sent<'_>) -> Result<()> {
    site.read
        .progress(format!("dropping the invalid index `{name}`"));
    // The catalogue has quoted the name.
    let text = format!("DROP INDEX CONCURRENTLY {name}");
    let statement = crate::postgres::split::split(&text).unwrap_or_default();
    let Some(statement) = statement.first() else {
        return Ok(());
    };
    patiently(site, session, statement, sent)
        .await
        .map_err(Met::into_failure)
}

/// Drops what REINDEX CONCURRENTLY left behind when it was ended: invalid copies that nobody builds.
pub(crate) async fn sweep(
    site: &Site<'_>,
    session: &Session,
    target: &ReindexTarget,
) -> Result<()> {
    let (condition, name) = match target {
        ReindexTarget::Index(index) => (
            "i.indrelid = (SELECT o.indrelid FROM pg_index o WHERE o.indexrelid = to_regclass($1)) \
             AND regexp_replace(c.relname, '_cc(new|old)[0-9]*$', '') = \
                 (SELECT o.relname FROM pg_class o WHERE o.oid = to_regclass($1))",
            written(index),
        ),
        ReindexTarget::Table(table) => ("i.indrelid = to_regclass($1)", written(table)),
        ReindexTarget::Schema(schema) => {
            ("c.relnamespace::regnamespace::text = $1", schema.clone())
        }
        ReindexTarget::Database(_) => ("$1 = ''", String::new()),
    };
    let sql = format!(
        "SELECT c.oid::regclass::text FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid \
         WHERE NOT i.indisvalid AND c.relkind = 'i' AND c.relname ~ '_cc(new|old)[0-9]*$' \
           AND c.relnamespace <> 'pg_toast'::regnamespace AND {condition} \
           AND NOT EXISTS (SELECT FROM pg_stat_progress_create_index p WHERE p.index_relid = c.oid)"
    );
    let sent = Sent::ours("REINDEX");
    let rows = session.rows(&sql, &[(&name, Type::TEXT)]).await;
    for row in rows.map_err(|trouble| trouble.into_failure(&sent))? {
        drop_index(site, session, row.get(0), sent).await?;
    }
    Ok(())
}

fn still_building(site: &Site<'_>, index: &Index, pid: i32) -> Failure {
    let limit = site.args.statement_timeout;
    let message = format!("the index `{}` was not built within {limit}", index.name);
    Failure::new(&code::STATEMENT_TIMEOUT, message)
        .because(format!("process {pid} of the server is still at it"))
        .hint(format!(
            "run it again to wait for it, or end it: `SELECT pg_terminate_backend({pid})`"
        ))
        .retryable()
}

/// The name as SQL reads it, always in quotes.
fn written(name: &ObjectName) -> String {
    let quoted = |part: &str| format!("\"{}\"", part.replace('"', "\"\""));
    match &name.schema {
        Some(schema) => format!("{}.{}", quoted(schema), quoted(&name.name)),
        None => quoted(&name.name),
    }
}

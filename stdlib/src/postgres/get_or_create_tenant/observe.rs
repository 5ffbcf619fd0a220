//! Looks at a tenant: before anything is done, and again under the lock of its schema.

use super::registry::Places;
use super::{Args, Facts, Found};
use crate::postgres::driver::{LOOK, Postgres};
use crate::postgres::migrate::{self, Folder, Row, files, history, lock};
use crate::postgres::reading::Reading;
use crate::postgres::refusal::Sent;
use crate::postgres::session::Session;
use pb_core::{Readers, Result};
use tokio_postgres::Row as ServerRow;
use tokio_postgres::types::{ToSql, Type};

/// Reads the files, and what there is.
pub(super) async fn observe(read: &Readers, args: &Args) -> Result<Facts> {
    let begun = read.begun_with::<Facts>()?.map(|facts| facts.folder);
    let folder = match (&args.dir, &args.back) {
        (Some(dir), None) if begun.is_none() => Some(files::read(read, dir).await?),
        (_, Some(_)) => {
            let schema = (**args.name).clone();
            lock::quiet(read, &migrate::Args::of(args.db.0.clone(), "", schema)).await?;
            None
        }
        (_, None) => None,
    };
    let reading = read.of::<Postgres>().begin(read, &args.db.0, LOOK).await?;
    let facts = look(&Eye::Reading(&reading), args).await;
    reading.end().await;
    let mut facts = facts?;
    let folder = folder.map(|folder| folder.keep(read, |_| true));
    facts.folder = folder.or(begun).unwrap_or_default();
    Ok(facts)
}

/// The same by the session that is about to act. `folder` was read before.
pub(super) async fn again(session: &Session, args: &Args, folder: &Folder) -> Result<Facts> {
    let facts = look(&Eye::Session(session), args).await?;
    let folder = folder.clone();
    Ok(Facts { folder, ..facts })
}

/// What looks: a transaction that only reads, or the one that acts.
pub(super) enum Eye<'a> {
    Reading(&'a Reading<'a>),
    Session(&'a Session),
}

type Params<'a> = &'a [(&'a (dyn ToSql + Sync), Type)];

impl Eye<'_> {
    async fn rows(&self, sql: &str, params: Params<'_>) -> Result<Vec<ServerRow>> {
        match self {
            Self::Reading(reading) => reading.rows(sql, params).await,
            Self::Session(session) => {
                let rows = session.rows(sql, params).await;
                rows.map_err(|trouble| trouble.into_failure(&Sent::ours(sql)))
            }
        }
    }
}

async fn look(eye: &Eye<'_>, args: &Args) -> Result<Facts> {
    let name = args.name.as_str();
    let table = history::table(&args.name);
    let sql = "\
        SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = $1), \
               (SELECT nspname::text FROM pg_namespace WHERE lower(nspname) = $1 AND nspname <> $1 LIMIT 1), \
               (SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
                WHERE n.nspname = $1 AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') \
                  AND c.relname <> 'pb_migrations'), \
               to_regclass($2) IS NOT NULL";
    let found = eye
        .rows(sql, &[(&name, Type::TEXT), (&table, Type::TEXT)])
        .await?;
    let (has_schema, look_alike, objects, has_history) = match found.first() {
        Some(row) => (row.get(0), row.get(1), row.get(2), row.get(3)),
        None => (false, None, 0, false),
    };
    let rows = match has_history {
        true => eye.rows(&history::select(&args.name), &[]).await?,
        false => vec![],
    };
    let registry = match Places::of(args)? {
        Some(places) => registered(eye, args, &places).await?,
        None => Found::default(),
    };
    let foreign = match &args.back {
        Some(back) if back.schema && has_schema => foreign(eye, args).await?,
        _ => vec![],
    };
    Ok(Facts {
        has_schema,
        look_alike,
        objects,
        has_history,
        rows: rows.iter().map(Row::of).collect::<Result<_>>()?,
        folder: Folder::default(),
        registry,
        foreign,
    })
}

async fn registered(eye: &Eye<'_>, args: &Args, places: &Places) -> Result<Found> {
    let Places {
        tenants, domains, ..
    } = places;
    let sql = "\
        SELECT to_regclass($1) IS NOT NULL AND to_regclass($2) IS NOT NULL, \
               (SELECT quote_ident(a.attname) FROM pg_index i \
                JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0] \
                WHERE i.indrelid = to_regclass($1) AND i.indisprimary)";
    let found = eye
        .rows(sql, &[(tenants, Type::TEXT), (domains, Type::TEXT)])
        .await?;
    let has_tables = found.first().is_some_and(|row| row.get(0));
    let key: Option<String> = found.first().and_then(|row| row.get(1));
    let key = key.unwrap_or_else(|| "id".into());
    if !has_tables {
        return Ok(Found {
            key,
            ..Found::default()
        });
    }
    let name = args.name.as_str();
    let sql = format!("SELECT FROM {tenants} WHERE schema_name = $1");
    let has_tenant = !eye.rows(&sql, &[(&name, Type::TEXT)]).await?.is_empty();
    let mut domain_of = None;
    if let Some(domain) = &args.domain {
        let sql = format!(
            "SELECT t.schema_name::text FROM {domains} d JOIN {tenants} t ON t.{key} = d.tenant_id \
             WHERE d.domain = $1"
        );
        let rows = eye.rows(&sql, &[(domain, Type::TEXT)]).await?;
        domain_of = rows.first().map(|row| row.get(0));
    }
    Ok(Found {
        has_tables,
        key,
        has_tenant,
        domain_of,
    })
}

/// What was put into the schema by others than the transaction that made it: everything of that one has its number.
async fn foreign(eye: &Eye<'_>, args: &Args) -> Result<Vec<String>> {
    let name = args.name.as_str();
    let sql = "\
        SELECT c.oid::regclass::text, c.xmin = n.xmin, c.relkind = 'r' \
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
        WHERE n.nspname = $1 AND c.relkind IN ('r', 'p', 'v', 'm', 'f') ORDER BY 1";
    let mut found = vec![];
    for row in eye.rows(sql, &[(&name, Type::TEXT)]).await? {
        let (object, is_ours, has_rows): (String, bool, bool) =
            (row.get(0), row.get(1), row.get(2));
        // The catalogue has quoted the name. Altered by others, it holds what they wanted.
        if !is_ours {
            found.push(format!("`{object}` was made or altered by somebody else"));
            continue;
        }
        if !has_rows {
            continue;
        }
        let sql = format!(
            "SELECT FROM {object} WHERE xmin <> (SELECT xmin FROM pg_namespace WHERE nspname = $1) LIMIT 1"
        );
        if !eye.rows(&sql, &[(&name, Type::TEXT)]).await?.is_empty() {
            found.push(format!("`{object}` holds rows that somebody else wrote"));
        }
    }
    Ok(found)
}

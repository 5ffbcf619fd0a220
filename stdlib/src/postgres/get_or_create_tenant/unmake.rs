//! Takes back what a run made of a tenant, in one transaction, and only while it is nobody else's.

use super::decide::remaining;
use super::observe::again;
use super::registry::Places;
use super::{Args, Back};
use crate::postgres::driver::Writer;
use crate::postgres::migrate::{self, BOOKKEEPING, Folder, Site, lock};
use crate::postgres::refusal::{Met, Sent};
use crate::postgres::session::Session;
use crate::postgres::trouble::Trouble;
use futures_util::FutureExt;
use pb_core::{Readers, Result};
use serde_json::{Value, json};
use tokio_postgres::types::Type;

pub(super) async fn unmake(
    writer: &Writer,
    read: &Readers,
    args: &Args,
    back: &Back,
) -> Result<Value> {
    let schema = (**args.name).clone();
    let migrate_args = migrate::Args::of(args.db.0.clone(), "", schema);
    let site = Site {
        writer,
        read,
        args: &migrate_args,
    };
    let session = lock::acquire(&site).await?;
    let once = || once(&site, &session, args, back).boxed();
    let dropped = site
        .transaction(&session, &format!("tenant {}", args.name), once)
        .await;
    dropped?;
    lock::release(&site, session).await;
    Ok(json!({ "did": "dropped" }))
}

async fn once(
    site: &Site<'_>,
    session: &Session,
    args: &Args,
    back: &Back,
) -> std::result::Result<(), Met<'static>> {
    let ours = |trouble| Met::new(trouble, Sent::ours(BOOKKEEPING));
    session.reset("public").await.map_err(ours)?;
    site.begin(session).await.map_err(ours)?;
    lock_tables(session, args).await.map_err(ours)?;
    // From here on nobody can put anything into it: what is seen now is what is dropped.
    let refused = |failure| ours(Trouble::Ours(Box::new(failure)));
    let facts = again(session, args, &Folder::default())
        .await
        .map_err(refused)?;
    remaining(args, &facts).map_err(refused)?;
    if back.schema && facts.has_schema {
        let text = format!("DROP SCHEMA {} CASCADE", args.name.quoted());
        session.run(&text).await.map_err(ours)?;
    }
    let places = Places::of(args).map_err(refused)?;
    let Some(Places {
        tenants, domains, ..
    }) = places.filter(|_| facts.registry.has_tables)
    else {
        return Ok(());
    };
    let (name, key) = (args.name.as_str(), &facts.registry.key);
    if let (true, Some(domain)) = (back.domain, &args.domain) {
        let text = format!(
            "DELETE FROM {domains} d USING {tenants} t \
             WHERE t.{key} = d.tenant_id AND t.schema_name = $1 AND d.domain = $2"
        );
        let params = [(&name as _, Type::TEXT), (domain as _, Type::TEXT)];
        session.rows(&text, &params).await.map_err(ours)?;
    }
    if back.tenant {
        let text = format!("DELETE FROM {tenants} WHERE schema_name = $1");
        session
            .rows(&text, &[(&name, Type::TEXT)])
            .await
            .map_err(ours)?;
    }
    Ok(())
}

async fn lock_tables(session: &Session, args: &Args) -> std::result::Result<(), Trouble> {
    let sql = "SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
               WHERE n.nspname = $1 AND c.relkind IN ('r', 'p')";
    let rows = session
        .rows(sql, &[(&args.name.as_str(), Type::TEXT)])
        .await?;
    let names: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    if names.is_empty() {
        return Ok(());
    }
    let text = format!("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE", names.join(", "));
    session.run(&text).await.map(drop)
}

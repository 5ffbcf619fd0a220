//! Makes what a tenant lacks, in one transaction under the lock of its schema.

use super::decide::missing;
use super::observe::again;
use super::plain::in_transaction;
use super::registry::Places;
use super::{Args, Facts, Missing};
use crate::postgres::driver::Writer;
use crate::postgres::migrate::{self, BOOKKEEPING, Folder, Mark, Site, lock, plain};
use crate::postgres::refusal::{Met, Sent};
use crate::postgres::session::Session;
use crate::postgres::split::{Statement, split};
use crate::postgres::trouble::Trouble;
use futures_util::FutureExt;
use pb_core::{Failure, Readers, Result, code};
use serde_json::{Value, json};

/// A file with its statements, as the transaction takes them.
struct Script<'a> {
    action: &'a migrate::Action,
    text: &'a str,
    statements: Vec<(Statement<'a>, Option<String>)>,
}

/// What is to be made, and where.
struct Plan<'p> {
    args: &'p Args,
    missing: &'p Missing,
    facts: &'p Facts,
    places: Option<&'p Places>,
    scripts: &'p [Script<'p>],
}

/// Makes a tenant, unless another session was faster.
pub(super) async fn make(
    writer: &Writer,
    read: &Readers,
    args: &Args,
    folder: &Folder,
) -> Result<Value> {
    let dir = args.dir.as_deref().unwrap_or_default();
    let schema = (**args.name).clone();
    let migrate_args = migrate::Args::of(args.db.0.clone(), dir, schema);
    let site = Site {
        writer,
        read,
        args: &migrate_args,
    };
    let session = lock::acquire(&site).await?;
    let made = under_lock(&site, &session, args, folder).await;
    if made.is_ok() {
        lock::release(&site, session).await;
    }
    made
}

async fn under_lock(
    site: &Site<'_>,
    session: &Session,
    args: &Args,
    folder: &Folder,
) -> Result<Value> {
    let facts = again(session, args, folder).await?;
    let missing = missing(args, &facts)?;
    if missing.is_nothing() {
        return Ok(json!({ "did": "nothing" }));
    }
    let texts: Vec<_> = missing
        .migrations
        .iter()
        .map(|action| site.read.kept_file(&action.text))
        .collect();
    let texts: Vec<_> = texts.into_iter().collect::<Result<_>>()?;
    let scripts: Vec<Script<'_>> = missing
        .migrations
        .iter()
        .zip(&texts)
        .map(|(action, text)| script(action, text))
        .collect::<Result<_>>()?;
    let places = Places::of(args)?;
    let plan = Plan {
        args,
        missing: &missing,
        facts: &facts,
        places: places.as_ref(),
        scripts: &scripts,
    };
    let what = format!("tenant {}", args.name);
    let once = || once(site, session, &plan).boxed();
    site.transaction(session, &what, once)
        .await
        .map_err(|failure| told(args, failure))?;
    settled(session, args, folder).await?;
    let is_new = !facts.has_schema && !facts.registry.has_tenant;
    Ok(json!({ "did": if is_new { "created" } else { "repaired" } }))
}

fn script<'a>(action: &'a migrate::Action, text: &'a str) -> Result<Script<'a>> {
    let statements = split(text).map_err(|error| {
        let hint = error.hint();
        Failure::new(&code::MIGRATION_FILES, error.to_string()).hint(hint)
    })?;
    let statements = statements.into_iter().map(|statement| {
        let plain = in_transaction(&statement, &action.file)?;
        Ok((statement, plain))
    });
    Ok(Script {
        action,
        text,
        statements: statements.collect::<Result<_>>()?,
    })
}

async fn once<'p>(
    site: &Site<'_>,
    session: &Session,
    plan: &'p Plan<'p>,
) -> std::result::Result<(), Met<'p>> {
    let ours = |trouble| Met::new(trouble, Sent::ours(BOOKKEEPING));
    session.reset(&site.search_path()).await.map_err(ours)?;
    site.begin(session).await.map_err(ours)?;
    rows(site, session, plan).await.map_err(ours)?;
    if plan.missing.schema {
        let owner = plan.args.owner.as_ref();
        let owner = owner.map(|owner| format!(" AUTHORIZATION {}", owner.quoted()));
        let text = format!(
            "CREATE SCHEMA {}{}",
            plan.args.name.quoted(),
            owner.unwrap_or_default()
        );
        session.run(&text).await.map_err(ours)?;
    }
    if plan.args.dir.is_some() && !plan.facts.has_history {
        site.create_table(session).await.map_err(ours)?;
    }
    for (script, n) in plan.scripts.iter().zip(0..) {
        let file = &script.action.file;
        site.read
            .progress_of(file.clone(), n, plan.scripts.len() as u64);
        // What the file before it set must not reach this one.
        session.reset(&site.search_path()).await.map_err(ours)?;
        let began = site.elapsed();
        for (statement, text) in &script.statements {
            let sent = Sent::part(script.text, statement.range.clone()).of_file(file);
            if let Some(text) = text {
                plain(site, session, text, sent).await?;
            }
        }
        let took = site.elapsed().saturating_sub(began);
        let mark = Mark::Applied {
            steps: script.statements.len(),
            took,
        };
        site.note(session, script.action, mark)
            .await
            .map_err(ours)?;
    }
    Ok(())
}

async fn rows(
    site: &Site<'_>,
    session: &Session,
    plan: &Plan<'_>,
) -> std::result::Result<(), Trouble> {
    let Some(places) = plan.places else {
        return Ok(());
    };
    let name = plan.args.name.as_str();
    if !plan.facts.registry.has_tables {
        places.create(session).await?;
    }
    if plan.missing.tenant {
        places
            .add_tenant(session, site.read, name, &plan.args.fields)
            .await?;
    }
    if let Some(domain) = &plan.missing.domain {
        places
            .add_domain(session, site.read, name, domain, &plan.facts.registry.key)
            .await?;
    }
    Ok(())
}

/// Looks whether it was committed: the library reports success when the server rolled back.
async fn settled(session: &Session, args: &Args, folder: &Folder) -> Result<()> {
    if !session.is_usable() {
        return Ok(());
    }
    let look = async {
        let reset = session.reset("public").await;
        reset.map_err(|trouble| trouble.into_failure(&Sent::ours(BOOKKEEPING)))?;
        missing(args, &again(session, args, folder).await?)
    };
    // Whatever keeps us from looking: it may be there.
    let left = look.await.map_err(Failure::partial)?;
    if left.is_nothing() {
        return Ok(());
    }
    let message = format!(
        "the tenant `{}` was committed, but lacks: {}",
        args.name,
        left.list()
    );
    Err(Failure::new(&code::NOT_CONVERGED, message).partial())
}

fn told(args: &Args, mut failure: Failure) -> Failure {
    let name = &args.name;
    failure.message = format!("the tenant `{name}` was not made: {}", failure.message);
    let sqlstate = failure.data.get("sqlstate").and_then(Value::as_str);
    if let (Some("23502"), Some(column)) = (sqlstate, failure.data.get("column_name")) {
        let column = column.as_str().unwrap_or_default().to_owned();
        failure = failure.hint(format!("add `fields: #{{ {column}: … }}`"));
    }
    match failure.doubt {
        true => failure,
        false => failure.state("nothing of it was kept"),
    }
}

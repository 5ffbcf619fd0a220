//! A file that runs in one transaction, together with the row that says so.

use super::action::{Action, Way};
use super::site::{Attempts, BOOKKEEPING, Mark, Site};
use crate::postgres::blockers::watched;
use crate::postgres::refusal::{Met, Sent};
use crate::postgres::session::Session;
use crate::postgres::split::Statement;
use futures_util::FutureExt;
use pb_core::Result;
use std::time::Duration;

/// What is not there need not be taken away: table, object, column, function, schema.
pub(crate) const MISSING: [&str; 5] = ["42P01", "42704", "42703", "42883", "3F000"];

/// Runs the whole file, and again while it does not get its locks.
pub(crate) async fn run<'t>(
    site: &Site<'_>,
    session: &Session,
    action: &'t Action,
    text: &'t str,
    statements: &[Statement<'t>],
    has_table: bool,
) -> Result<Attempts> {
    let began = site.elapsed();
    let once = || once(site, session, action, text, statements, has_table, began).boxed();
    site.transaction(session, &action.file, once).await
}

async fn once<'t>(
    site: &Site<'_>,
    session: &Session,
    action: &'t Action,
    text: &'t str,
    statements: &[Statement<'t>],
    has_table: bool,
    began: Duration,
) -> std::result::Result<(), Met<'t>> {
    let ours = |trouble| Met::new(trouble, Sent::ours(BOOKKEEPING));
    site.begin(session).await.map_err(ours)?;
    for statement in statements {
        let sent = Sent::part(text, statement.range.clone()).of_file(&action.file);
        match action.way {
            Way::Down { partly: true } => tolerant(site, session, statement, sent).await?,
            Way::Up { .. } | Way::Down { .. } => plain(site, session, statement.text, sent).await?,
        }
    }
    let mark = match action.way {
        Way::Up { .. } => {
            if !has_table {
                site.create_table(session).await.map_err(ours)?;
            }
            let took = site.elapsed().saturating_sub(began);
            Mark::Applied {
                steps: statements.len(),
                took,
            }
        }
        Way::Down { .. } => Mark::Gone,
    };
    site.note(session, action, mark).await.map_err(ours)
}

/// One statement in the session's transaction, with who stands in its way.
pub(crate) async fn plain<'t>(
    site: &Site<'_>,
    session: &Session,
    statement: &str,
    sent: Sent<'t>,
) -> std::result::Result<(), Met<'t>> {
    let work = session.run(statement);
    let (ran, holders) = watched(site.writer, site.read, site.handle(), session.pid, work).await;
    match ran {
        Ok(_) => Ok(()),
        Err(trouble) => Err(Met {
            trouble,
            sent,
            holders,
        }),
    }
}

/// The same where a part of what it takes away may never have been made.
pub(crate) async fn tolerant<'t>(
    site: &Site<'_>,
    session: &Session,
    statement: &Statement<'t>,
    sent: Sent<'t>,
) -> std::result::Result<(), Met<'t>> {
    let ours = |trouble| Met::new(trouble, sent);
    session.run("SAVEPOINT pb_part").await.map_err(ours)?;
    match plain(site, session, statement.text, sent).await {
        Ok(()) => session
            .run("RELEASE SAVEPOINT pb_part")
            .await
            .map(drop)
            .map_err(ours),
        Err(met) if met.trouble.sqlstate().is_some_and(|s| MISSING.contains(&s)) => {
            let back = "ROLLBACK TO SAVEPOINT pb_part; RELEASE SAVEPOINT pb_part";
            session.run(back).await.map(drop).map_err(ours)
        }
        Err(met) => Err(met),
    }
}

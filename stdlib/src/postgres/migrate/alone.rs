//! A statement that PostgreSQL takes outside of transactions only: what became of it, the catalogue tells.

use super::action::{Action, Way};
use super::concurrent::{self, Index};
use super::site::Site;
use super::transactional::MISSING;
use crate::postgres::blockers::watched;
use crate::postgres::concurrent_index::{
    parse_concurrent_drop, parse_concurrent_index, parse_concurrent_reindex,
};
use crate::postgres::refusal::{Met, Sent};
use crate::postgres::session::Session;
use crate::postgres::split::Statement;
use crate::postgres::trouble::Trouble;
use pb_core::{Failure, Result, code};

/// Runs one. `again`: it was begun before, by a process that did not live to see its end.
pub(crate) async fn run(
    site: &Site<'_>,
    session: &Session,
    action: &Action,
    statement: &Statement<'_>,
    sent: Sent<'_>,
    again: bool,
) -> Result<()> {
    if let Some(index) = parse_concurrent_index(statement) {
        let Some(name) = index.name else {
            // Files with such a statement are refused before anything is run.
            return Err(Failure::new(
                &code::MIGRATION_FILES,
                "an index without a name",
            ));
        };
        let index = Index {
            name,
            table: index.table,
        };
        return concurrent::build(site, session, statement, &index, sent).await;
    }
    if again && statement.starts_with("DO") {
        return Err(nobody_knows(site, action, statement));
    }
    let target = parse_concurrent_reindex(statement);
    if let Some(target) = &target {
        concurrent::sweep(site, session, target).await?;
    }
    let ran = patiently(site, session, statement, sent).await;
    if let (Some(target), Err(met)) = (&target, &ran)
        && !met.trouble.is_lost()
    {
        concurrent::sweep(site, session, target).await?;
    }
    match ran {
        Ok(()) => Ok(()),
        Err(met) if is_done(action, statement, &met.trouble, again) => Ok(()),
        Err(met) => Err(met.into_failure()),
    }
}

/// Runs a statement that may wait for other sessions as long as it may run: what it waits for are old snapshots, and a
/// short `lock_timeout` would end it because of a report that has nothing to do with it.
pub(crate) async fn patiently<'t>(
    site: &Site<'_>,
    session: &Session,
    statement: &Statement<'_>,
    sent: Sent<'t>,
) -> std::result::Result<(), Met<'t>> {
    let met = |trouble| Met::new(trouble, sent);
    let rows = session
        .rows("SELECT current_setting('lock_timeout')", &[])
        .await
        .map_err(met)?;
    let before: String = rows.first().map_or_else(|| "0".into(), |row| row.get(0));
    session.run("SET lock_timeout = 0").await.map_err(met)?;
    // Hours of work are not thrown away because the one who asked for it is gone: the next run finds it.
    session.notice_lost_clients(None).await.map_err(met)?;
    let work = session.run(statement.text);
    let (ran, holders) = watched(site.writer, site.read, site.handle(), session.pid, work).await;
    if let Err(trouble) = ran {
        return Err(Met {
            trouble,
            sent,
            holders,
        });
    }
    session
        .run(&format!("SET lock_timeout = '{before}'"))
        .await
        .map_err(met)?;
    session
        .notice_lost_clients(Some(super::site::NOTICE))
        .await
        .map_err(met)
}

/// Whether a refusal only says that the statement has done its work already.
fn is_done(action: &Action, statement: &Statement<'_>, trouble: &Trouble, again: bool) -> bool {
    let Some(sqlstate) = trouble.sqlstate() else {
        return false;
    };
    let partly = matches!(action.way, Way::Down { partly: true });
    let takes_away = parse_concurrent_drop(statement).is_some() || statement.starts_with("DROP");
    // Database, tablespace or subscription of that name; database that is not there.
    let makes = statement.starts_with("CREATE") && ["42P04", "42710"].contains(&sqlstate);
    let gone = takes_away && (MISSING.contains(&sqlstate) || sqlstate == "3D000");
    again && (makes || gone) || partly && gone
}

fn nobody_knows(site: &Site<'_>, action: &Action, statement: &Statement<'_>) -> Failure {
    let (file, line) = (action.file.as_str(), statement.line);
    let message = format!("nobody can tell how far the block on line {line} of `{file}` came");
    let table = super::history::table(&site.args.schema);
    Failure::new(&code::TRANSACTION_LOST, message)
        .because("it commits on its way, and an earlier run was ended while it ran")
        .hint(format!(
            "look, and when it is done: UPDATE {table} SET state = 'running', step = step + 1 WHERE version = '{}'",
            action.version
        ))
        .with("file", file)
        .with("line", line)
        .in_doubt()
}

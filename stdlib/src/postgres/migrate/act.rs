//! One file under the lock of its schema: what the row says now decides, not what was seen before.

use super::action::{Action, Way};
use super::history::{RowState, id};
use super::lock;
use super::site::{BOOKKEEPING, Site};
use super::{stepwise, transactional};
use crate::postgres::refusal::Sent;
use crate::postgres::session::Session;
use crate::postgres::split::split;
use crate::postgres::trouble::Trouble;
use pb_core::{Failure, Result, code};
use serde_json::{Value, json};

/// Does one action.
pub(crate) async fn act(site: &Site<'_>, action: &Action) -> Result<Value> {
    let (n, of) = (action.n as u64, action.of as u64);
    site.read.progress_of(action.file.clone(), n - 1, of);
    let mut session = lock::acquire(site).await?;
    let done = under_lock(site, &mut session, action)
        .await
        .map_err(|failure| told(site, action, failure));
    match (&done, action.n < action.of) {
        (Ok(_), true) => lock::keep(site, session),
        (Ok(_), false) => lock::release(site, session).await,
        // Closing the session frees the lock and ends whatever it was in.
        (Err(_), _) => drop(session),
    }
    if done.is_ok() {
        site.read.progress_of(action.file.clone(), n, of);
    }
    done
}

async fn under_lock(site: &Site<'_>, session: &mut Session, action: &Action) -> Result<Value> {
    let ours = |trouble: Trouble| trouble.into_failure(&Sent::ours(BOOKKEEPING));
    // What an earlier file set must not reach this one.
    session.limit(site.limits());
    session.reset(&site.search_path()).await.map_err(ours)?;
    let rows = site.rows(session).await.map_err(ours)?;
    let has_table = rows.is_some();
    let rows = rows.unwrap_or_default();
    let row = rows
        .iter()
        .find(|row| row.version == action.version && row.name == action.name);
    let outcome = |did: &str| json!({ "id": id(&action.version, &action.name), "did": did });
    match (action.way, row) {
        (Way::Up { .. }, Some(row)) if row.checksum == action.checksum => match row.state {
            // Another run was faster; it had the lock while we waited for it.
            RowState::Applied => return Ok(outcome("nothing")),
            RowState::Running | RowState::Statement => {}
            RowState::Reverting => {
                let message = format!("`{}` is being reverted by run {}", action.file, row.run);
                return Err(Failure::new(&code::MIGRATION_FILES, message));
            }
        },
        (Way::Up { .. }, Some(_)) if action.version != super::history::REPEATABLE => {
            let message = format!("another run applied another text as `{}`", action.version);
            return Err(Failure::new(&code::CHECKSUM, message));
        }
        (Way::Up { .. }, _) => {}
        (Way::Down { .. }, None) => return Ok(outcome("nothing")),
        (Way::Down { .. }, Some(_)) => {}
    }
    let text = site.read.kept_file(&action.text)?;
    let statements = split(&text).map_err(|error| {
        let hint = error.hint();
        Failure::new(&code::MIGRATION_FILES, error.to_string()).hint(hint)
    })?;
    if action.transactional {
        transactional::run(site, session, action, &text, &statements, has_table).await?;
    } else {
        // A row of another text of a repeatable file is as good as none.
        let row = row.filter(|row| {
            row.checksum == action.checksum || matches!(action.way, Way::Down { .. })
        });
        stepwise::run(site, session, action, &text, &statements, row, has_table).await?;
    }
    read_back(site, session, action).await?;
    Ok(outcome(match action.way {
        Way::Up { .. } => "applied",
        Way::Down { .. } => "reverted",
    }))
}

/// The library reports success when the server answered COMMIT with ROLLBACK; the row does not.
async fn read_back(site: &Site<'_>, session: &Session, action: &Action) -> Result<()> {
    if !session.is_usable() {
        // The connection broke during COMMIT, which was settled from another one.
        return Ok(());
    }
    let rows = async {
        // The file may have left a role that cannot read the table.
        session.reset(&site.search_path()).await?;
        site.rows(session).await
    };
    let told = |trouble: Trouble| trouble.into_failure(&Sent::ours(BOOKKEEPING)).partial();
    let rows = rows.await.map_err(told)?.unwrap_or_default();
    let row = rows
        .iter()
        .find(|row| row.version == action.version && row.name == action.name);
    let is_so = match (action.way, row) {
        (Way::Up { .. }, Some(row)) => {
            row.state == RowState::Applied && row.checksum == action.checksum
        }
        (Way::Up { .. }, None) => false,
        (Way::Down { .. }, row) => row.is_none(),
    };
    if is_so {
        return Ok(());
    }
    let message = format!(
        "`{}` was committed, but its row does not say so",
        action.file
    );
    Err(Failure::new(&code::NOT_CONVERGED, message).partial())
}

/// Names the file first: whoever reads of it looks there.
fn told(site: &Site<'_>, action: &Action, failure: Failure) -> Failure {
    let file = action.file.as_str();
    if failure.is(&code::MIGRATION_LOCKED) || failure.message.contains(file) {
        return failure;
    }
    let mut failure = failure;
    failure.message = format!("`{file}` was not run to its end: {}", failure.message);
    failure.data.entry("file").or_insert_with(|| file.into());
    failure
        .data
        .entry("schema")
        .or_insert_with(|| site.args.schema.as_str().into());
    if action.transactional && !failure.doubt && !failure.partial {
        failure.state(format!("nothing of `{file}` was kept"))
    } else {
        // Statements before the one that failed are committed.
        failure.partial()
    }
}

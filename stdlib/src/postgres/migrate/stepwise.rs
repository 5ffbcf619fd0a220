//! A file that runs outside of one transaction: statement by statement, each noted in the row as it is done.
//!
//! A statement that may run in a transaction shares one with its note, so that a crash leaves both or none. The few that
//! may not are announced first and settled by the catalogue afterwards.

use super::action::{Action, Way};
use super::alone;
use super::history::{Row, RowState};
use super::site::{BOOKKEEPING, Mark, Site};
use super::transactional::{plain, tolerant};
use crate::postgres::refusal::{Met, Sent};
use crate::postgres::session::Session;
use crate::postgres::split::Statement;
use crate::postgres::transaction_control::needs_no_transaction;
use futures_util::FutureExt;
use pb_core::Result;
use std::time::Duration;

/// A file on its way.
struct Walk<'w> {
    site: &'w Site<'w>,
    session: &'w Session,
    action: &'w Action,
    text: &'w str,
    began: Duration,
    statements: usize,
}

/// Runs what remains of the file, from the statement that the row names.
pub(crate) async fn run<'w>(
    site: &'w Site<'w>,
    session: &'w Session,
    action: &'w Action,
    text: &'w str,
    statements: &[Statement<'w>],
    row: Option<&Row>,
    has_table: bool,
) -> Result<()> {
    let walk = Walk {
        site,
        session,
        action,
        text,
        began: site.elapsed(),
        statements: statements.len(),
    };
    let (done, was_begun) = walk.progress(row);
    walk.set_again(&statements[..done.min(statements.len())])
        .await?;
    if row.is_none() {
        walk.begin(has_table).await?;
    }
    for (statement, n) in statements.iter().zip(0..).skip(done) {
        match needs_no_transaction(statement) {
            None => walk.together(statement, n).await?,
            Some(_) => {
                let again = was_begun && n == done;
                walk.note(Mark::At(RowState::Statement, n)).await?;
                let sent = walk.sent(statement);
                alone::run(site, session, action, statement, sent, again).await?;
                walk.note(walk.mark(n + 1)).await?;
            }
        }
    }
    if done >= statements.len() {
        walk.note(walk.mark(statements.len())).await?;
    }
    Ok(())
}

impl<'w> Walk<'w> {
    /// How many statements are done, and whether the next one was begun.
    fn progress(&self, row: Option<&Row>) -> (usize, bool) {
        match (self.action.way, row) {
            (Way::Up { .. }, Some(row)) if row.state != RowState::Applied => {
                (row.step, row.state == RowState::Statement)
            }
            (Way::Down { .. }, Some(row)) if row.state == RowState::Reverting => (row.step, true),
            // Of its up file nothing was begun: only the row has to go.
            (Way::Down { .. }, Some(row)) if row.state == RowState::Running && row.step == 0 => {
                (self.statements, false)
            }
            _ => (0, false),
        }
    }

    /// What the row says once so many statements are done.
    fn mark(&self, done: usize) -> Mark {
        let took = self.site.elapsed().saturating_sub(self.began);
        match self.action.way {
            Way::Up { .. } if done >= self.statements => Mark::Applied { steps: done, took },
            Way::Up { .. } => Mark::At(RowState::Running, done),
            Way::Down { .. } if done >= self.statements => Mark::Gone,
            Way::Down { .. } => Mark::At(RowState::Reverting, done),
        }
    }

    fn sent(&self, statement: &Statement<'_>) -> Sent<'w> {
        Sent::part(self.text, statement.range.clone()).of_file(&self.action.file)
    }

    /// Settings that statements made before the crash are those of a session that is gone.
    async fn set_again(&self, done: &[Statement<'_>]) -> Result<()> {
        let lasting = |statement: &&Statement<'_>| {
            let passing = ["SET LOCAL", "SET TRANSACTION", "SET CONSTRAINTS"];
            (statement.starts_with("SET") || statement.starts_with("RESET"))
                && !passing.iter().any(|words| statement.starts_with(words))
        };
        for statement in done.iter().filter(lasting) {
            let ran = self.session.run(statement.text).await;
            ran.map_err(|trouble| trouble.into_failure(&self.sent(statement)))?;
        }
        Ok(())
    }

    /// The first note, which makes the table where it is not there.
    async fn begin(&self, has_table: bool) -> Result<()> {
        let mark = Mark::At(RowState::Running, 0);
        let once = || self.noted(mark, !has_table).boxed();
        let site = self.site;
        site.transaction(self.session, &self.action.file, once)
            .await
            .map(drop)
    }

    /// A note by itself.
    async fn note(&self, mark: Mark) -> Result<()> {
        // A row on its way down is `reverting` all the time: it does not say what was begun.
        let mark = match (self.action.way, mark) {
            (Way::Down { .. }, Mark::At(_, step)) => Mark::At(RowState::Reverting, step),
            (_, mark) => mark,
        };
        let once = || self.noted(mark, false).boxed();
        let site = self.site;
        site.transaction(self.session, &self.action.file, once)
            .await
            .map(drop)
    }

    async fn noted(&self, mark: Mark, first: bool) -> std::result::Result<(), Met<'w>> {
        let (site, session) = (self.site, self.session);
        let ours = |trouble| Met::new(trouble, Sent::ours(BOOKKEEPING));
        site.begin(session).await.map_err(ours)?;
        if first {
            site.create_table(session).await.map_err(ours)?;
        }
        site.note(session, self.action, mark).await.map_err(ours)
    }

    /// A statement and its note in one transaction.
    async fn together(&self, statement: &Statement<'w>, n: usize) -> Result<()> {
        let what = format!("{} statement {}", self.action.file, n + 1);
        let once = || self.once(statement, n).boxed();
        self.site
            .transaction(self.session, &what, once)
            .await
            .map(drop)
    }

    async fn once(&self, statement: &Statement<'w>, n: usize) -> std::result::Result<(), Met<'w>> {
        let (site, session) = (self.site, self.session);
        let ours = |trouble| Met::new(trouble, Sent::ours(BOOKKEEPING));
        site.begin(session).await.map_err(ours)?;
        let sent = self.sent(statement);
        match self.action.way {
            Way::Down { partly: true } => tolerant(site, session, statement, sent).await?,
            Way::Up { .. } | Way::Down { .. } => plain(site, session, statement.text, sent).await?,
        }
        site.note(session, self.action, self.mark(n + 1))
            .await
            .map_err(ours)
    }
}

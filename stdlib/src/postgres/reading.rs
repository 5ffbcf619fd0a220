//! A look at a database: a transaction that cannot write, or a part of one that is open already.

use super::driver::{Shared, borrowed, bound};
use super::refusal::Sent;
use super::session::{Limits, Session};
use super::split::split;
use super::transactions::Transaction;
use super::trouble::Trouble;
use pb_core::{Failure, Handle, Readers, Result, code};
use serde_json::Value;
use tokio::sync::OwnedMutexGuard;
use tokio_postgres::Row;
use tokio_postgres::types::{ToSql, Type};

/// What a text is wrapped in: the server takes nothing but a query there, and only one.
const BEFORE: &str = "SELECT to_jsonb(q)::text FROM (\n";
const AFTER: &str = "\n) q";

/// One snapshot of the database, until `end`.
pub(crate) struct Reading<'a> {
    shared: &'a Shared,
    handle: Handle,
    inside: Inside,
}

enum Inside {
    Own(Box<Session>),
    /// Behind a savepoint in an open transaction.
    Part(OwnedMutexGuard<Transaction>, String),
}

impl<'a> Reading<'a> {
    pub(crate) async fn begin(
        shared: &'a Shared,
        read: &Readers,
        handle: &Handle,
        limits: Limits,
    ) -> Result<Self> {
        let inside = match shared.transactions.of(handle).await? {
            None => {
                let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY";
                let told = |trouble: Trouble| trouble.into_failure(&Sent::ours(begin));
                let session = shared.pool.take(read, handle, limits).await.map_err(told)?;
                session.run(begin).await.map_err(told)?;
                Inside::Own(Box::new(session))
            }
            Some(mut open) => {
                let name = open.next_savepoint();
                // Within a part of a transaction nothing can switch this off again.
                let begin = format!("SAVEPOINT {name}; SET LOCAL transaction_read_only = on");
                if let Err(trouble) = open.session.run(&begin).await {
                    return Err(open.refused(trouble, &Sent::ours(&begin)));
                }
                Inside::Part(open, name)
            }
        };
        let handle = handle.clone();
        Ok(Self {
            shared,
            handle,
            inside,
        })
    }

    fn session(&self) -> &Session {
        match &self.inside {
            Inside::Own(session) => session,
            Inside::Part(open, _) => &open.session,
        }
    }

    /// The rows of a query of our own.
    pub(crate) async fn rows(
        &self,
        sql: &str,
        params: &[(&(dyn ToSql + Sync), Type)],
    ) -> Result<Vec<Row>> {
        let rows = self.session().rows(sql, params).await;
        rows.map_err(|trouble| trouble.into_failure(&Sent::ours(sql)))
    }

    /// The rows of a text of the playbook, each as JSON.
    pub(crate) async fn query(
        &self,
        read: &Readers,
        sql: &str,
        params: &[Value],
    ) -> Result<Vec<Value>> {
        let one = only_statement(sql)?;
        let wrapped = format!("{BEFORE}{}{AFTER}", one.text);
        let statement = Sent::part(sql, one.range.clone()).after(BEFORE.chars().count());
        let told = |trouble: Trouble| hinted(trouble.into_failure(&statement));
        let prepared = self.session().prepare(&wrapped).await.map_err(told)?;
        let params = bound(read, &prepared, params)?;
        let rows = self.session().rows_of(&prepared, &borrowed(&params)).await;
        rows.map_err(told)?.iter().map(parsed).collect()
    }

    /// Leaves everything as it was.
    pub(crate) async fn end(self) {
        match self.inside {
            Inside::Own(session) => {
                if session.run("ROLLBACK").await.is_ok() {
                    self.shared.pool.give_back(&self.handle, *session);
                }
            }
            Inside::Part(open, name) => {
                let end = format!("ROLLBACK TO SAVEPOINT {name}; RELEASE SAVEPOINT {name}");
                // The transaction's own end tells when this could not be done.
                drop(open.session.run(&end).await);
            }
        }
    }
}

fn parsed(row: &Row) -> Result<Value> {
    let text: String = row.get(0);
    serde_json::from_str(&text).map_err(|error| {
        Failure::new(&code::SQL, "a row held a number that is too large")
            .because(error.to_string())
            .hint("cast it: `column::text`")
    })
}

fn only_statement(sql: &str) -> Result<super::split::Statement<'_>> {
    let mut statements = split(sql).map_err(|error| {
        let hint = error.hint();
        Failure::new(&code::SQL_SYNTAX, error.to_string()).hint(hint)
    })?;
    match (statements.pop(), statements.len()) {
        (Some(one), 0) => Ok(one),
        (_, more) => {
            let message = match more {
                0 => "`query` was given no statement".to_owned(),
                more => format!("`query` was given {} statements and takes one", more + 1),
            };
            Err(Failure::new(&code::SQL_SYNTAX, message))
        }
    }
}

/// What a query that is none comes to.
fn hinted(failure: Failure) -> Failure {
    let refused = failure.data.get("sqlstate").and_then(Value::as_str);
    match refused {
        Some("25006" | "42601" | "0A000") if failure.hint.is_none() => failure
            .hint("`query` takes one SELECT that changes nothing; use `sql` for everything else"),
        _ => failure,
    }
}

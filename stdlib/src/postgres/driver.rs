//! The driver: what observers may read, and the sessions in which actions act.

use super::config::PostgresConfig;
use super::lease::{self, Leases};
use super::params::Param;
use super::pool::Pool;
use super::reading::Reading;
use super::session::{Limits, Session};
use super::transactions::Transactions;
use super::trouble::Trouble;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use pb_core::{Driver, Failure, Handle, Holder, Readers, Result, code};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio_postgres::types::ToSql;

/// For texts of the playbook.
pub(crate) const USUAL: Limits = Limits {
    lock: Duration::from_secs(10),
    statement: Duration::from_secs(15 * 60),
};
/// For our own looks at the catalogue.
pub(crate) const LOOK: Limits = Limits {
    lock: Duration::from_secs(5),
    statement: Duration::from_secs(30),
};

/// Reaches PostgreSQL servers, 12 to 18.
pub struct Postgres {
    reader: Reader,
    writer: Writer,
}

#[derive(Default)]
pub(crate) struct Shared {
    pub(crate) pool: Pool,
    pub(crate) transactions: Transactions,
    pub(crate) leases: Leases,
    /// Sessions that hold the lock of a schema between two files.
    pub(crate) locked: Mutex<HashMap<String, Session>>,
}

/// The half that reads: every look is a transaction that the server holds to reading, and that is rolled back.
pub struct Reader(Arc<Shared>);

/// The half that acts.
pub struct Writer(pub(crate) Arc<Shared>);

impl Default for Postgres {
    fn default() -> Self {
        let shared = Arc::new(Shared::default());
        Self {
            reader: Reader(shared.clone()),
            writer: Writer(shared),
        }
    }
}

impl Driver for Postgres {
    type Reader = Reader;
    type Writer = Writer;
    const KEY: &'static str = "postgres";

    fn config() -> Vec<pb_core::spec::Field> {
        pb_core::spec::Field::all_of::<PostgresConfig>()
    }

    fn check(config: &serde_json::Map<String, serde_json::Value>) -> Result<()> {
        PostgresConfig::of(config).map(drop)
    }

    fn reader(&self) -> &Reader {
        &self.reader
    }

    fn writer(&self) -> &Writer {
        &self.writer
    }

    fn identity<'a>(
        &'a self,
        read: &'a Readers,
        handle: &'a Handle,
    ) -> BoxFuture<'a, Result<Option<Value>>> {
        async move { self.reader.identity(read, handle).await.map(Some) }.boxed()
    }

    fn settle<'a>(&'a self, read: &'a Readers, handle: &'a Handle) -> BoxFuture<'a, Result<()>> {
        super::orphans::settle(&self.writer, read, handle).boxed()
    }

    fn hold<'a>(
        &'a self,
        read: &'a Readers,
        handle: &'a Handle,
        holder: &'a Holder,
    ) -> BoxFuture<'a, Result<Option<u64>>> {
        lease::hold(&self.writer.0, read, handle, holder).boxed()
    }

    fn holds<'a>(&'a self, read: &'a Readers, handle: &'a Handle) -> BoxFuture<'a, Result<()>> {
        lease::check(&self.writer.0, read, handle).boxed()
    }

    fn release<'a>(&'a self, read: &'a Readers, handle: &'a Handle) -> BoxFuture<'a, ()> {
        lease::release(&self.writer.0, read, handle).boxed()
    }

    fn property(&self, handle: &Handle, name: &str) -> Option<Value> {
        match name {
            "url" => Some(
                PostgresConfig::of(&handle.config)
                    .ok()?
                    .url()
                    .as_str()
                    .into(),
            ),
            _ => None,
        }
    }
}

impl Reader {
    /// The rows of one statement as JSON. It runs in a read-only transaction, or within the handle's own.
    ///
    /// # Errors
    /// `PB0304` and its kin for what the server refuses, a statement that would write among them.
    pub async fn query(
        &self,
        read: &Readers,
        handle: &Handle,
        sql: &str,
        params: &[Value],
    ) -> Result<Vec<Value>> {
        let reading = self.begin(read, handle, USUAL).await?;
        let rows = reading.query(read, sql, params).await;
        reading.end().await;
        rows
    }

    /// Begins to look; what is seen belongs together.
    pub(crate) async fn begin(
        &self,
        read: &Readers,
        handle: &Handle,
        limits: Limits,
    ) -> Result<Reading<'_>> {
        Reading::begin(&self.0, read, handle, limits).await
    }

    /// A session that was just made, within `limit`; whoever waits for a server looks that way.
    pub(crate) async fn knock(
        &self,
        read: &Readers,
        handle: &Handle,
        limit: Duration,
    ) -> std::result::Result<Session, Trouble> {
        self.0.pool.fresh(read, handle, LOOK, limit).await
    }

    pub(crate) fn give_back(&self, handle: &Handle, session: Session) {
        self.0.pool.give_back(handle, session);
    }

    /// The session that this process keeps for the lock of a schema.
    pub(crate) fn locked_pid(&self, place: &str) -> Option<i32> {
        let locked = self.0.locked.lock().unwrap_or_else(PoisonError::into_inner);
        locked.get(place).map(|session| session.pid)
    }

    async fn identity(&self, read: &Readers, handle: &Handle) -> Result<Value> {
        let reading = self
            .begin(read, &handle.without_transaction(), LOOK)
            .await?;
        let database = reading
            .rows(
                "SELECT oid::int8, datname::text, \
                        has_function_privilege('pg_catalog.pg_control_system()', 'EXECUTE') \
                 FROM pg_catalog.pg_database WHERE datname = current_database()",
                &[],
            )
            .await?;
        let Some(row) = database.first() else {
            return Err(Failure::new(
                &code::NO_SUCH_DATABASE,
                "the database is gone",
            ));
        };
        let (oid, name): (i64, String) = (row.get(0), row.get(1));
        let mut system: Option<String> = None;
        if row.get(2) {
            let sql = "SELECT system_identifier::text FROM pg_catalog.pg_control_system()";
            system = reading.rows(sql, &[]).await?.first().map(|row| row.get(0));
        }
        reading.end().await;
        Ok(json!({ "system": system, "database": name, "oid": oid }))
    }
}

impl Writer {
    /// A session of its own, outside of any transaction. Returned by `give_back`, or closed when it is dropped.
    pub(crate) async fn session(
        &self,
        read: &Readers,
        handle: &Handle,
        limits: Limits,
    ) -> std::result::Result<Session, Trouble> {
        self.0.pool.take(read, handle, limits).await
    }

    pub(crate) fn give_back(&self, handle: &Handle, session: Session) {
        self.0.pool.give_back(handle, session);
    }
}

/// The parameters of a prepared statement.
pub(crate) fn bound(
    read: &Readers,
    statement: &tokio_postgres::Statement,
    params: &[Value],
) -> Result<Vec<Param>> {
    let types = statement.params();
    if types.len() != params.len() {
        let message = format!(
            "the statement was given {} parameters and uses {}",
            params.len(),
            types.len()
        );
        return Err(Failure::new(&code::WRONG_TYPE, message)
            .hint("write `$1`, `$2` and so on in the statement, one for each parameter"));
    }
    let pairs = params.iter().zip(types).zip(1..);
    pairs
        .map(|((value, ty), n)| Param::of(n, value, ty, read.vault()))
        .collect()
}

/// As the library takes them.
pub(crate) fn borrowed(params: &[Param]) -> Vec<&(dyn ToSql + Sync)> {
    params.iter().map(|p| p as &(dyn ToSql + Sync)).collect()
}

//! Advisory locks: numbers that all sessions of a database agree on, each held until its session ends or frees it.

use super::session::Session;
use super::trouble::Trouble;
use sha2::{Digest, Sha256};
use tokio_postgres::types::{ToSql, Type};

/// A lock. An older pb must still exclude a newer one: the number of a thing never changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Advisory(pub(crate) i64);

/// The rows of `pg_locks l` that are the lock with the number `$1`, held by somebody.
pub(crate) const HELD: &str = "\
    l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 \
    AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) \
    AND l.classid = (($1::int8 >> 32) & 4294967295)::oid AND l.objid = ($1::int8 & 4294967295)::oid";

impl Advisory {
    /// The lock of what has this name: half of a SHA-256 would do as well as the other.
    pub(crate) fn of(name: &str) -> Self {
        let digest = Sha256::digest(format!("pb {name}"));
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&digest[..8]);
        Self(i64::from_be_bytes(bytes))
    }

    /// The parameter of `HELD`.
    pub(crate) fn params(&self) -> [(&(dyn ToSql + Sync), Type); 1] {
        [(&self.0, Type::INT8)]
    }

    /// Takes it if it is free, or held by the same session already.
    pub(crate) async fn take(self, session: &Session) -> Result<bool, Trouble> {
        self.ask(session, "SELECT pg_try_advisory_lock($1)").await
    }

    /// Frees it once.
    pub(crate) async fn free(self, session: &Session) -> Result<(), Trouble> {
        let freed = self.ask(session, "SELECT pg_advisory_unlock($1)").await;
        freed.map(drop)
    }

    /// Whether somebody holds it.
    pub(crate) async fn is_held(self, session: &Session) -> Result<bool, Trouble> {
        let sql = format!("SELECT EXISTS (SELECT FROM pg_locks l WHERE {HELD})");
        self.ask(session, &sql).await
    }

    /// Whether the server's process that we speak to holds it.
    pub(crate) async fn is_ours(self, session: &Session) -> Result<bool, Trouble> {
        let sql = format!(
            "SELECT EXISTS (SELECT FROM pg_locks l WHERE {HELD} AND l.pid = pg_backend_pid())"
        );
        self.ask(session, &sql).await
    }

    async fn ask(self, session: &Session, sql: &str) -> Result<bool, Trouble> {
        let rows = session.rows(sql, &self.params()).await?;
        Ok(rows.first().is_some_and(|row| row.get(0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_a_name_never_changes() {
        assert_eq!(Advisory::of("env prod"), PROD);
        assert_ne!(Advisory::of("env prod"), Advisory::of("run prod"));
    }

    const PROD: Advisory = Advisory(2_087_360_358_399_836_387);
}

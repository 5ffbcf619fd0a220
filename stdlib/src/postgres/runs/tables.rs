//! The tables, and the locks that go with a session.

use crate::postgres::session::Session;
use crate::postgres::trouble::Trouble;
use pb_core::journal::{History, Witness};
use tokio_postgres::types::Type;

type Met<T> = Result<T, Trouble>;

const EXISTS: &str = "SELECT to_regclass('pb.records') IS NOT NULL";

/// `records` holds the lines of journals as they are; `runs` the witness of each. `format` is raised when an older pb would
/// understand the tables wrongly.
const MAKE: &str = "\
    BEGIN; \
    SELECT pg_advisory_xact_lock(hashtext('pb tables')); \
    CREATE SCHEMA IF NOT EXISTS pb; \
    CREATE TABLE IF NOT EXISTS pb.runs (run text PRIMARY KEY, seq bigint, hash text, format int NOT NULL DEFAULT 1); \
    CREATE TABLE IF NOT EXISTS pb.environments (env text PRIMARY KEY, run text NOT NULL); \
    CREATE TABLE IF NOT EXISTS pb.fingerprints (one boolean PRIMARY KEY DEFAULT true CHECK (one), key bytea NOT NULL); \
    CREATE TABLE IF NOT EXISTS pb.records (\
        run text NOT NULL REFERENCES pb.runs, seq bigint NOT NULL, line text NOT NULL, PRIMARY KEY (run, seq)); \
    COMMIT";

/// Makes what is missing.
pub(super) async fn make(session: &Session) -> Met<()> {
    if exists(session).await? {
        return Ok(());
    }
    session.run(MAKE).await.map(drop)
}

async fn exists(session: &Session) -> Met<bool> {
    let rows = session.rows(EXISTS, &[]).await?;
    Ok(rows.first().is_some_and(|row| row.get(0)))
}

/// The ids of all runs, oldest first.
pub(super) async fn runs(session: &Session) -> Met<Vec<String>> {
    if !exists(session).await? {
        return Ok(vec![]);
    }
    let rows = session
        .rows("SELECT run FROM pb.runs ORDER BY run COLLATE \"C\"", &[])
        .await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// What is recorded of a run.
pub(super) async fn read(session: &Session, run: &str) -> Met<Option<History>> {
    if !exists(session).await? {
        return Ok(None);
    }
    let run = [(
        &run as &(dyn tokio_postgres::types::ToSql + Sync),
        Type::TEXT,
    )];
    // The witness first: it may be older than the journal, never newer.
    let found = session
        .rows("SELECT seq, hash FROM pb.runs WHERE run = $1", &run)
        .await?;
    let Some(row) = found.first() else {
        return Ok(None);
    };
    let (seq, hash): (Option<i64>, Option<String>) = (row.get(0), row.get(1));
    let witness = seq.zip(hash).map(|(seq, hash)| Witness {
        seq: u64::try_from(seq).unwrap_or(0),
        hash,
    });
    let sql = "SELECT line FROM pb.records WHERE run = $1 ORDER BY seq";
    let rows = session.rows(sql, &run).await?;
    let mut bytes = vec![];
    for row in &rows {
        bytes.extend_from_slice(row.get::<_, &str>(0).as_bytes());
        bytes.push(b'\n');
    }
    Ok(Some(History::read(&bytes, witness.as_ref())))
}

/// Adds a run; `false` when there is one of that id.
pub(super) async fn add(session: &Session, run: &str) -> Met<bool> {
    let sql = "INSERT INTO pb.runs (run) VALUES ($1) ON CONFLICT DO NOTHING RETURNING run";
    let rows = session.rows(sql, &[(&run, Type::TEXT)]).await?;
    Ok(!rows.is_empty())
}

/// Adds lines behind the first `after` ones: all of them or none, durable when it returns. Another process that has added
/// there is refused by the key of the table.
pub(super) async fn append(session: &Session, run: &str, after: u64, lines: &[&str]) -> Met<()> {
    let sql = "INSERT INTO pb.records (run, seq, line) \
               SELECT $1, $2 + n, line FROM unnest($3::text[]) WITH ORDINALITY AS lines (line, n)";
    let after = i64::try_from(after).unwrap_or(i64::MAX);
    let params: [(&(dyn tokio_postgres::types::ToSql + Sync), Type); 3] = [
        (&run, Type::TEXT),
        (&after, Type::INT8),
        (&lines, Type::TEXT_ARRAY),
    ];
    session.rows(sql, &params).await.map(drop)
}

/// The lines behind the first `after` ones.
pub(super) async fn lines(session: &Session, run: &str, after: u64) -> Met<Vec<String>> {
    let sql = "SELECT line FROM pb.records WHERE run = $1 AND seq > $2 ORDER BY seq";
    let after = i64::try_from(after).unwrap_or(i64::MAX);
    let rows = session
        .rows(sql, &[(&run, Type::TEXT), (&after, Type::INT8)])
        .await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// Notes the newest record.
pub(super) async fn note(session: &Session, run: &str, witness: &Witness) -> Met<()> {
    let seq = i64::try_from(witness.seq).unwrap_or(i64::MAX);
    let sql = "UPDATE pb.runs SET seq = $2, hash = $3 WHERE run = $1";
    let params: [(&(dyn tokio_postgres::types::ToSql + Sync), Type); 3] = [
        (&run, Type::TEXT),
        (&seq, Type::INT8),
        (&witness.hash, Type::TEXT),
    ];
    session.rows(sql, &params).await.map(drop)
}

/// The run that had an environment last, or has it now.
pub(super) async fn run_of(session: &Session, env: &str) -> Met<Option<String>> {
    let sql = "SELECT run FROM pb.environments WHERE env = $1";
    let rows = session.rows(sql, &[(&env, Type::TEXT)]).await?;
    Ok(rows.first().map(|row| row.get(0)))
}

/// Notes which run has an environment.
pub(super) async fn name(session: &Session, env: &str, run: &str) -> Met<()> {
    let sql = "INSERT INTO pb.environments VALUES ($1, $2) ON CONFLICT (env) DO UPDATE SET run = EXCLUDED.run";
    let params: [(&(dyn tokio_postgres::types::ToSql + Sync), Type); 2] =
        [(&env, Type::TEXT), (&run, Type::TEXT)];
    session.rows(sql, &params).await.map(drop)
}

/// The key of fingerprints: of two that are made at once the first one's stands.
pub(super) async fn key(session: &Session, key: &[u8; 32]) -> Met<[u8; 32]> {
    let sql = "INSERT INTO pb.fingerprints (key) VALUES ($1) ON CONFLICT DO NOTHING";
    let bytes = key.as_slice();
    session.rows(sql, &[(&bytes, Type::BYTEA)]).await?;
    let rows = session.rows("SELECT key FROM pb.fingerprints", &[]).await?;
    let kept: Option<[u8; 32]> = rows
        .first()
        .and_then(|row| row.get::<_, &[u8]>(0).try_into().ok());
    Ok(kept.unwrap_or(*key))
}

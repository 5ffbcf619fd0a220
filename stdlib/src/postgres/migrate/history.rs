//! The table `pb_migrations` of a schema: what was applied to it, and how far.

use crate::postgres::ident::Ident;
use crate::postgres::migration_files::Version;
use pb_core::{Failure, Result, code};
use serde::{Deserialize, Serialize};
use tokio_postgres::Row as ServerRow;

/// Stands for the version of repeatable files.
pub(crate) const REPEATABLE: &str = "R";

/// One row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Row {
    /// As in the file's name; `R` for repeatable ones.
    pub(crate) version: String,
    pub(crate) name: String,
    pub(crate) checksum: String,
    pub(crate) state: RowState,
    /// Statements that are done.
    pub(crate) step: usize,
    /// For people.
    pub(crate) started_at: String,
    pub(crate) run: String,
    pub(crate) applied_by: String,
}

/// How far a migration came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RowState {
    /// To its end.
    Applied,
    /// Between two statements.
    Running,
    /// Into a statement that no transaction takes.
    Statement,
    /// Between two statements of its down file.
    Reverting,
}

impl RowState {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Running => "running",
            Self::Statement => "statement",
            Self::Reverting => "reverting",
        }
    }

    fn of(word: &str) -> Option<Self> {
        [
            Self::Applied,
            Self::Running,
            Self::Statement,
            Self::Reverting,
        ]
        .into_iter()
        .find(|state| state.word() == word)
    }
}

impl Row {
    /// Reads what `select` asks for.
    ///
    /// # Errors
    /// `PB0330` for a state or a version that no pb has written.
    pub(crate) fn of(row: &ServerRow) -> Result<Self> {
        let (version, name): (String, String) = (row.get(0), row.get(1));
        let word: String = row.get(3);
        let state = RowState::of(&word)
            .filter(|_| version == REPEATABLE || Version::try_from(version.clone()).is_ok());
        let Some(state) = state else {
            let message =
                format!("`pb_migrations` held a row that this pb cannot read: {version} {name}");
            return Err(Failure::new(&code::MIGRATION_FILES, message)
                .because(format!("its state is `{word}`")));
        };
        Ok(Self {
            version,
            name,
            checksum: row.get(2),
            state,
            step: usize::try_from(row.get::<_, i32>(4)).unwrap_or(0),
            started_at: row.get(5),
            run: row.get(6),
            applied_by: row.get(7),
        })
    }

    /// `None` for repeatable ones.
    pub(crate) fn version(&self) -> Option<Version> {
        Version::try_from(self.version.clone()).ok()
    }

    /// What it is called in results: `0001`, `R_views`.
    pub(crate) fn id(&self) -> String {
        id(&self.version, &self.name)
    }
}

/// What a migration is called in results.
pub(crate) fn id(version: &str, name: &str) -> String {
    match version {
        REPEATABLE => format!("R_{name}"),
        version => version.to_owned(),
    }
}

/// The table, with its schema: a file may have set any `search_path`.
pub(crate) fn table(schema: &Ident) -> String {
    format!("{}.pb_migrations", schema.quoted())
}

/// Whether the schema and the table are there.
pub(crate) const EXISTS: &str =
    "SELECT to_regnamespace($1) IS NOT NULL, to_regclass($2) IS NOT NULL";

/// All rows, in no order: versions are compared by pb.
pub(crate) fn select(schema: &Ident) -> String {
    format!(
        "SELECT version, name, checksum, state, step, \
                to_char(started_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS \"UTC\"'), \
                run_id, applied_by \
         FROM {}",
        table(schema)
    )
}

/// Makes the table. The lock of the schema is held, so nobody else makes it.
pub(crate) fn create(schema: &Ident) -> String {
    format!(
        "CREATE TABLE {} ( \
             version text NOT NULL, \
             name text NOT NULL, \
             checksum text NOT NULL, \
             kind text NOT NULL CHECK (kind IN ('versioned', 'repeatable')), \
             state text NOT NULL CHECK (state IN ('running', 'statement', 'applied', 'reverting')), \
             step integer NOT NULL, \
             started_at timestamptz NOT NULL DEFAULT clock_timestamp(), \
             finished_at timestamptz, \
             ms bigint, \
             run_id text NOT NULL, \
             applied_by text NOT NULL DEFAULT session_user, \
             pb_version text NOT NULL, \
             PRIMARY KEY (version, name))",
        table(schema)
    )
}

/// Gives the rest of the transaction to the session's own role: a file may have taken another one.
pub(crate) const OWN_ROLE: &str = "SET LOCAL SESSION AUTHORIZATION DEFAULT; SET LOCAL ROLE none";

/// Writes or overwrites a row: version, name, checksum, state, step, run, milliseconds or NULL.
pub(crate) fn write(schema: &Ident) -> String {
    let pb = env!("CARGO_PKG_VERSION");
    format!(
        "INSERT INTO {} AS m (version, name, checksum, kind, state, step, run_id, ms, started_at, finished_at, pb_version) \
         VALUES ($1, $2, $3, CASE $1 WHEN 'R' THEN 'repeatable' ELSE 'versioned' END, $4, $5, $6, $7, \
                 clock_timestamp() - coalesce($7, 0) * interval '1 millisecond', \
                 CASE WHEN $4 = 'applied' THEN clock_timestamp() END, '{pb}') \
         ON CONFLICT (version, name) DO UPDATE SET \
             checksum = excluded.checksum, state = excluded.state, step = excluded.step, \
             run_id = excluded.run_id, ms = excluded.ms, finished_at = excluded.finished_at, \
             started_at = CASE WHEN m.state = 'applied' AND excluded.state <> 'reverting' \
                          THEN excluded.started_at ELSE m.started_at END, \
             applied_by = session_user, pb_version = excluded.pb_version",
        table(schema)
    )
}

/// Removes a row: version, name.
pub(crate) fn remove(schema: &Ident) -> String {
    format!(
        "DELETE FROM {} WHERE version = $1 AND name = $2",
        table(schema)
    )
}

//! What a folder lacks, or holds in a way that no run takes.

use super::found::{Found, Kind, Spot};
use super::own::MISSING_DOWN;
use crate::postgres::migrate::files::{contiguous, named_indexes};
use crate::postgres::migration_files::{MigrationFileError, MigrationFolder, read_migrations};
use crate::postgres::split::{Statement, split};
use crate::postgres::transaction_control::{needs_no_transaction, transaction_control};
use pb_core::{Failure, code};
use std::collections::BTreeMap;

/// What speaks against the files as a folder, by file.
pub(super) fn lint(texts: &BTreeMap<String, String>, dir: &str) -> BTreeMap<String, Vec<Found>> {
    let mut found: BTreeMap<String, Vec<Found>> = BTreeMap::new();
    let mut add = |file: &str, one| found.entry(file.to_owned()).or_default().push(one);
    match read_migrations(texts) {
        Err(errors) => {
            for error in &errors {
                add(error.file(), told(Kind::Refused, error, texts));
            }
        }
        Ok(folder) => {
            for error in &folder.refused_downs {
                add(error.file(), told(Kind::NoWayBack, error, texts));
            }
            for (file, one) in refused(&folder, texts, dir) {
                add(&file, one);
            }
            for (file, one) in missing(&folder) {
                add(&file, one);
            }
        }
    }
    found
}

fn told(kind: Kind, error: &MigrationFileError, texts: &BTreeMap<String, String>) -> Found {
    let text = texts.get(error.file()).map(String::as_str);
    Found {
        rule: MISSING_DOWN.into(),
        kind,
        code: &code::MIGRATION_FILES,
        spot: spot(error, text.unwrap_or_default()),
        message: match error {
            MigrationFileError::Split { source, .. } => source.to_string(),
            other => other.to_string(),
        },
        because: vec![],
        hint: Some(error.hint()),
    }
}

fn spot(error: &MigrationFileError, text: &str) -> Spot {
    let Some(line) = error.line() else {
        return Spot::default();
    };
    let statements = split(text).unwrap_or_default();
    let statement = |is_meant: fn(&Statement<'_>) -> bool| {
        let mut on_line = statements.iter().filter(|statement| statement.line == line);
        let meant = on_line.find(|statement| is_meant(statement));
        meant.map(|statement| Spot::of(text, &statement.range))
    };
    let exact = match error {
        MigrationFileError::TransactionControl { .. } => {
            statement(|statement| transaction_control(statement).is_some())
        }
        MigrationFileError::NeedsNoTransaction { .. } => {
            statement(|statement| needs_no_transaction(statement).is_some())
        }
        MigrationFileError::Split { source, .. } => Some(Spot {
            line,
            column: source.place().column,
            end_column: source.place().column + 1,
        }),
        MigrationFileError::Name { .. }
        | MigrationFileError::SameVersion { .. }
        | MigrationFileError::DownWithoutUp { .. }
        | MigrationFileError::UnknownDirective { .. }
        | MigrationFileError::MisplacedDirective { .. }
        | MigrationFileError::DownPart { .. } => None,
    };
    exact.unwrap_or_else(|| Spot::of_line(text, line))
}

/// A gap in the order, and indexes that nobody could find again after a crash.
fn refused(
    folder: &MigrationFolder,
    texts: &BTreeMap<String, String>,
    dir: &str,
) -> Vec<(String, Found)> {
    let ups = folder.migrations.versioned.iter().map(|m| &m.up);
    let unnamed = ups.filter_map(|up| named_indexes(up, texts.get(&up.file)?).err());
    let gap = contiguous(&folder.migrations, dir).err();
    gap.into_iter()
        .chain(unnamed)
        .map(|failure| of_failure(failure, texts))
        .collect()
}

fn of_failure(failure: Failure, texts: &BTreeMap<String, String>) -> (String, Found) {
    let file = failure.data["file"].as_str().unwrap_or_default().to_owned();
    let line = failure.data.get("line").and_then(serde_json::Value::as_u64);
    let text = texts.get(&file).map(String::as_str).unwrap_or_default();
    let spot = line.and_then(|line| usize::try_from(line).ok());
    let found = Found {
        rule: String::new(),
        kind: Kind::Refused,
        code: &code::MIGRATION_FILES,
        spot: spot
            .map(|line| Spot::of_line(text, line))
            .unwrap_or_default(),
        message: failure.message,
        because: failure.because,
        hint: failure.hint,
    };
    (file, found)
}

fn missing(folder: &MigrationFolder) -> impl Iterator<Item = (String, Found)> {
    let is_refused = |down: &str| {
        folder
            .refused_downs
            .iter()
            .any(|error| error.file() == down)
    };
    let lacking = folder
        .migrations
        .versioned
        .iter()
        .filter(|m| m.down.is_none());
    lacking.filter_map(move |migration| {
        let up = &migration.up.file;
        let down = format!("{}.down.sql", up.strip_suffix(".sql").unwrap_or(up));
        let found = Found {
            rule: MISSING_DOWN.into(),
            kind: Kind::NoWayBack,
            code: &code::NO_WAY_BACK,
            spot: Spot::default(),
            message: format!("`{MISSING_DOWN}`: there is no `{down}`"),
            because: vec!["a run that fails behind this migration could not take it back".into()],
            hint: Some(format!(
                "add `{down}`, or a `point_of_no_return` above the call, or \
                 `-- pb: allow {MISSING_DOWN} because …` to the file"
            )),
        };
        (!is_refused(&down)).then(|| (up.clone(), found))
    })
}

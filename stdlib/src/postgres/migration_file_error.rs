//! What can be wrong with a folder of migrations before any database is asked.

use std::fmt;

use thiserror::Error;

use super::split::SplitError;
use super::version::Version;

/// Each names its file, and where it can its line; [`hint`](Self::hint) is the edit that mends it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MigrationFileError {
    #[error("the name of `{file}` was refused: {because}")]
    Name { file: String, because: NameRefusal },
    #[error("`{first}` and `{second}` had the same version `{version}`")]
    SameVersion {
        version: Version,
        first: String,
        second: String,
    },
    #[error("the down file `{file}` had no up file `{up}`")]
    DownWithoutUp {
        file: String,
        up: String,
        /// The up file of that version under another name.
        other_up: Option<String>,
    },
    #[error("`{file}` could not be split into statements")]
    Split { file: String, source: SplitError },
    #[error("line {line} of `{file}` held an unknown directive, `{directive}`")]
    UnknownDirective {
        file: String,
        line: usize,
        directive: String,
    },
    #[error(
        "line {line} of `{file}` held the directive `{directive}`, which counts on line 1 alone"
    )]
    MisplacedDirective {
        file: String,
        line: usize,
        directive: String,
    },
    #[error("line {line} of `{file}` began a down part for another tool, `{marker}`")]
    DownPart {
        file: String,
        line: usize,
        marker: String,
    },
    #[error("`{file}` held transaction control: {}", list(found))]
    TransactionControl {
        file: String,
        found: Vec<ControlFound>,
        found_in: FoundIn,
    },
    #[error("line {line} of `{file}` held {command}, which the server refuses in a transaction")]
    NeedsNoTransaction {
        file: String,
        line: usize,
        command: &'static str,
    },
}

/// A statement such as `COMMIT`, by its first line of text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ControlFound {
    pub line: usize,
    pub text: String,
}

/// Where transaction control stands, which decides what helps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FoundIn {
    /// One `BEGIN` at the start of a transactional file and one `COMMIT` at its end.
    AroundTheFile,
    TransactionalFile,
    NoTransactionFile,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameRefusal {
    Extension,
    Version,
    Name,
    RepeatableDown,
}

impl fmt::Display for NameRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Extension => "its extension was not `.sql` in lower case",
            Self::Version => "no version, a digit first, stood before a `_`",
            Self::Name => "the name behind the version was empty or held a `.` or a `/`",
            Self::RepeatableDown => "a repeatable file had a down file",
        })
    }
}

impl MigrationFileError {
    pub fn file(&self) -> &str {
        match self {
            Self::SameVersion { second, .. } => second,
            Self::Name { file, .. }
            | Self::DownWithoutUp { file, .. }
            | Self::Split { file, .. }
            | Self::UnknownDirective { file, .. }
            | Self::MisplacedDirective { file, .. }
            | Self::DownPart { file, .. }
            | Self::TransactionControl { file, .. }
            | Self::NeedsNoTransaction { file, .. } => file,
        }
    }

    /// From 1; none when the name of the file is the trouble.
    pub fn line(&self) -> Option<usize> {
        match self {
            Self::Name { .. } | Self::SameVersion { .. } | Self::DownWithoutUp { .. } => None,
            Self::Split { source, .. } => Some(source.place().line),
            Self::UnknownDirective { line, .. }
            | Self::MisplacedDirective { line, .. }
            | Self::DownPart { line, .. }
            | Self::NeedsNoTransaction { line, .. } => Some(*line),
            Self::TransactionControl { found, .. } => found.first().map(|found| found.line),
        }
    }

    /// The edit that mends it.
    pub fn hint(&self) -> String {
        match self {
            Self::Name {
                because: NameRefusal::RepeatableDown,
                ..
            } => "delete it: a repeatable file runs again when it changes, and is never undone"
                .into(),
            Self::Name { .. } => "rename it to `0001_name.sql`, `0001_name.down.sql` or \
                 `R_name.sql`, or move it out of the folder"
                .into(),
            Self::SameVersion { .. } => "give the later one the next free version".into(),
            Self::DownWithoutUp {
                other_up: Some(up), ..
            } => {
                format!(
                    "rename it to `{}.down.sql`",
                    up.strip_suffix(".sql").unwrap_or(up)
                )
            }
            Self::DownWithoutUp { up, .. } => format!("add `{up}`, or delete the down file"),
            Self::Split { source, .. } => source.hint().into(),
            Self::UnknownDirective { .. } => {
                "write `-- pb: no-transaction`, the only directive, or delete the line".into()
            }
            Self::MisplacedDirective { .. } => "move it to the first line of the file".into(),
            Self::DownPart { file, .. } => format!(
                "move the down part to `{}.down.sql`",
                file.strip_suffix(".sql").unwrap_or(file)
            ),
            Self::TransactionControl { found_in, .. } => found_in.hint().into(),
            Self::NeedsNoTransaction { .. } => {
                "add `-- pb: no-transaction` as the first line of the file".into()
            }
        }
    }
}

impl FoundIn {
    fn hint(self) -> &'static str {
        match self {
            Self::AroundTheFile => {
                "delete both: pb runs the file in one transaction, with the row that records it"
            }
            Self::TransactionalFile => {
                "delete them: pb runs the file in one transaction, with the row that records it; where \
                 a part must be committed before the next, add `-- pb: no-transaction` as the first \
                 line too"
            }
            Self::NoTransactionFile => {
                "delete them: each statement of a no-transaction file is committed by itself; move \
                 what must be done together to a file without the directive"
            }
        }
    }
}

fn list(found: &[ControlFound]) -> String {
    let each = found
        .iter()
        .map(|found| format!("`{}` on line {}", found.text, found.line));
    each.collect::<Vec<_>>().join(", ")
}

//! One SQL file of a migration, checked for what would break the bookkeeping around it.

use serde::{Deserialize, Serialize};

use super::checksum::checksum;
use super::lex::BYTE_ORDER_MARK;
use super::migration_file_error::{ControlFound, FoundIn, MigrationFileError};
use super::split::{Statement, split};
use super::transaction_control::{TransactionControl, needs_no_transaction, transaction_control};

/// What is known of a file that may run. Its text stays with whoever read it, under `file`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Script {
    pub file: String,
    pub checksum: String,
    /// False with the directive `-- pb: no-transaction`.
    pub transactional: bool,
}

impl Script {
    /// Reads one file; on failure, all that is wrong with it.
    pub(crate) fn read(file: &str, text: &str) -> Result<Self, Vec<MigrationFileError>> {
        let file = file.to_owned();
        let statements = match split(text) {
            Ok(statements) => statements,
            Err(source) => return Err(vec![MigrationFileError::Split { file, source }]),
        };
        let (transactional, mut errors) = read_comments(&file, text, &statements);
        errors.extend(find_control(&file, &statements, transactional));
        if transactional {
            errors.extend(find_refusal(&file, &statements));
        }
        if errors.is_empty() {
            Ok(Self {
                checksum: checksum(text),
                file,
                transactional,
            })
        } else {
            Err(errors)
        }
    }
}

/// False with the directive `-- pb: no-transaction`.
pub(crate) fn is_transactional(text: &str, statements: &[Statement<'_>]) -> bool {
    read_comments("", text, statements).0
}

/// Reads the directive of the first line, and finds comments that ask for what pb would not do.
fn read_comments(
    file: &str,
    text: &str,
    statements: &[Statement<'_>],
) -> (bool, Vec<MigrationFileError>) {
    let mut transactional = true;
    let mut errors = Vec::new();
    for (line, comment) in line_comments(text, statements) {
        let file = file.to_owned();
        let directive = comment
            .split_once(':')
            .filter(|(word, _)| word.eq_ignore_ascii_case("pb"));
        if let Some((_, directive)) = directive {
            let directive = directive.trim().to_owned();
            match (line, directive.as_str()) {
                // For the lint, which tells what is wrong with it.
                (_, allow) if allow.split_whitespace().next() == Some("allow") => {}
                (1, NO_TRANSACTION) => transactional = false,
                (_, NO_TRANSACTION) => {
                    errors.push(MigrationFileError::MisplacedDirective {
                        file,
                        line,
                        directive,
                    });
                }
                _ => errors.push(MigrationFileError::UnknownDirective {
                    file,
                    line,
                    directive,
                }),
            }
        } else if starts_down_part(comment) {
            let marker = comment.to_owned();
            errors.push(MigrationFileError::DownPart { file, line, marker });
        }
    }
    (transactional, errors)
}

const NO_TRANSACTION: &str = "no-transaction";

/// The files of goose, sql-migrate, dbmate and mybatis hold both ways. Run from top to bottom, such
/// a file would drop again what it made.
fn starts_down_part(comment: &str) -> bool {
    let comment = comment.to_ascii_lowercase();
    ["+goose down", "+migrate down", "migrate:down", "//@undo"]
        .iter()
        .any(|marker| comment.starts_with(marker))
}

/// Lines that start with `--` and lie outside every statement, numbered from 1.
fn line_comments<'a>(
    text: &'a str,
    statements: &[Statement<'_>],
) -> impl Iterator<Item = (usize, &'a str)> {
    let mut start = 0;
    text.split_inclusive('\n')
        .zip(1..)
        .filter_map(move |(line, number)| {
            let offset = start;
            start += line.len();
            let comment = line
                .trim_start_matches(BYTE_ORDER_MARK)
                .trim()
                .strip_prefix("--")?;
            let next = statements.partition_point(|statement| statement.range.end <= offset);
            let is_inside = statements
                .get(next)
                .is_some_and(|next| next.range.start <= offset);
            (!is_inside).then(|| (number, comment.trim_start()))
        })
}

fn find_control(
    file: &str,
    statements: &[Statement<'_>],
    transactional: bool,
) -> Option<MigrationFileError> {
    let controls: Vec<_> = statements
        .iter()
        .filter_map(|statement| Some((statement, transaction_control(statement)?)))
        .filter(|(_, control)| !transactional || *control != TransactionControl::Savepoint)
        .collect();
    let found: Vec<ControlFound> = controls
        .iter()
        .map(|(statement, _)| ControlFound {
            line: statement.line,
            text: statement.text.lines().next().unwrap_or_default().to_owned(),
        })
        .collect();
    let wraps_file = match controls.as_slice() {
        [
            (first, TransactionControl::Begin),
            (last, TransactionControl::Commit),
        ] => statements.first() == Some(first) && statements.last() == Some(last),
        _ => false,
    };
    let found_in = match (transactional, wraps_file) {
        (true, true) => FoundIn::AroundTheFile,
        (true, false) => FoundIn::TransactionalFile,
        (false, _) => FoundIn::NoTransactionFile,
    };
    let file = file.to_owned();
    (!found.is_empty()).then_some(MigrationFileError::TransactionControl {
        file,
        found,
        found_in,
    })
}

fn find_refusal(file: &str, statements: &[Statement<'_>]) -> Option<MigrationFileError> {
    statements.iter().find_map(|statement| {
        let command = needs_no_transaction(statement)?;
        let (file, line) = (file.to_owned(), statement.line);
        Some(MigrationFileError::NeedsNoTransaction {
            file,
            line,
            command,
        })
    })
}

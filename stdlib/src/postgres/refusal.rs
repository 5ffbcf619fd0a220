//! What a refused statement is to the person who reads of it: the one place where troubles become errors.

use super::blockers::{Holder, named};
use super::split::Place;
use super::sqlstate::{SqlKind, classify};
use super::transactions::Transaction;
use super::trouble::Trouble;
use pb_core::code::Code;
use pb_core::{Failure, Span, code};
use tokio_postgres::error::{DbError, ErrorPosition};

/// So much of a statement is shown.
const SHOWN: usize = 300;

/// A statement that was sent, as errors tell of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sent<'a> {
    /// The text that the playbook or a file gave.
    text: &'a str,
    /// Where in it the statement begins, in bytes.
    start: usize,
    end: usize,
    /// Characters that were put before the statement.
    before: usize,
    file: Option<&'a str>,
}

impl<'a> Sent<'a> {
    /// A statement of our own.
    pub(crate) fn ours(text: &'a str) -> Self {
        Self::part(text, 0..text.len())
    }

    /// A statement of a text.
    pub(crate) fn part(text: &'a str, range: std::ops::Range<usize>) -> Self {
        Self {
            text,
            start: range.start,
            end: range.end,
            before: 0,
            file: None,
        }
    }

    /// Says that so many characters were put before it.
    pub(crate) fn after(self, before: usize) -> Self {
        Self { before, ..self }
    }

    /// Says which file it stands in.
    pub(crate) fn of_file(self, file: &'a str) -> Self {
        Self {
            file: Some(file),
            ..self
        }
    }

    fn shown(&self) -> String {
        let text = &self.text[self.start..self.end];
        match text.char_indices().nth(SHOWN) {
            Some((end, _)) => format!("{}…", &text[..end]),
            None => text.to_owned(),
        }
    }

    /// Where in the text the server points to, or where the statement begins.
    fn spot(&self, error: Option<&DbError>) -> usize {
        let position = match error.and_then(DbError::position) {
            Some(ErrorPosition::Original(position)) => *position as usize,
            _ => return self.start,
        };
        let skip = position.saturating_sub(1).saturating_sub(self.before);
        let inside = self.text[self.start..self.end].char_indices().nth(skip);
        inside.map_or(self.end, |(at, _)| self.start + at)
    }
}

/// A statement that met trouble, and who stood in its way.
pub(crate) struct Met<'a> {
    pub(crate) trouble: Trouble,
    pub(crate) sent: Sent<'a>,
    pub(crate) holders: Vec<Holder>,
}

impl<'a> Met<'a> {
    /// Trouble that nobody else had a part in.
    pub(crate) fn new(trouble: Trouble, sent: Sent<'a>) -> Self {
        let holders = vec![];
        Self {
            trouble,
            sent,
            holders,
        }
    }

    /// The error that people read.
    pub(crate) fn into_failure(self) -> Failure {
        self.told(|trouble, sent| trouble.into_failure(sent))
    }

    /// The same within a transaction, which remembers what went wrong first.
    pub(crate) fn into_failure_in(self, open: &mut Transaction) -> Failure {
        self.told(|trouble, sent| open.refused(trouble, sent))
    }

    fn told(self, tell: impl FnOnce(Trouble, &Sent<'_>) -> Failure) -> Failure {
        let waited = self.trouble.sqlstate() == Some("55P03") && !self.holders.is_empty();
        let failure = tell(self.trouble, &self.sent);
        match waited {
            true => named(failure, &self.holders),
            false => failure,
        }
    }
}

impl Trouble {
    /// The error that people read; `sent` is the statement that met the trouble.
    pub(crate) fn into_failure(self, sent: &Sent<'_>) -> Failure {
        match self {
            Self::NoSession(obstacle) => obstacle.into_failure(),
            Self::Ours(failure) => *failure,
            Self::Lost { why } => {
                let message = "the connection to the database broke";
                let failure = Failure::new(&code::CONNECTION_LOST, message).because(why);
                located(failure, sent, None).retryable()
            }
            Self::Silent { after } => {
                let message = format!("the database gave no answer within {}", Span(after));
                located(Failure::new(&code::CONNECTION_LOST, message), sent, None).retryable()
            }
            Self::Refused(error) => refused(&error, sent),
        }
    }
}

fn refused(error: &DbError, sent: &Sent<'_>) -> Failure {
    let kind = classify(error.code().code());
    let mut failure = Failure::new(code_of(kind), message(kind, error));
    if failure.message != error.message() {
        failure = failure.because(error.message());
    }
    for more in [error.detail(), error.where_()].into_iter().flatten() {
        failure = failure.because(more);
    }
    failure.hint = match kind {
        // The server's advice is about raising what the playbook set.
        SqlKind::StatementTimeout | SqlKind::LockTimeout => None,
        _ => kind.hint().or(error.hint()).map(Into::into),
    };
    failure.retryable = kind.retry().is_retryable();
    let data = [
        ("sqlstate", Some(error.code().code())),
        ("schema", error.schema()),
        ("table", error.table()),
        ("column_name", error.column()),
        ("constraint", error.constraint()),
    ];
    for (name, value) in data {
        if let Some(value) = value {
            failure = failure.with(name, value);
        }
    }
    located(failure, sent, Some(error))
}

fn code_of(kind: SqlKind) -> &'static Code {
    match kind {
        SqlKind::LockTimeout => &code::LOCK_TIMEOUT,
        SqlKind::Deadlock => &code::DEADLOCK,
        SqlKind::SerializationFailure => &code::SERIALIZATION,
        SqlKind::StatementTimeout | SqlKind::Cancelled => &code::STATEMENT_TIMEOUT,
        SqlKind::ConnectionLost => &code::CONNECTION_LOST,
        SqlKind::StartingUp => &code::STARTING_UP,
        SqlKind::TooManyConnections => &code::TOO_MANY_CONNECTIONS,
        SqlKind::OutOfLocks => &code::OUT_OF_LOCKS,
        SqlKind::Permission => &code::PERMISSION,
        SqlKind::AlreadyExists => &code::ALREADY_EXISTS,
        SqlKind::RelationMissing => &code::MISSING_RELATION,
        SqlKind::Duplicate => &code::DUPLICATE,
        SqlKind::Auth => &code::AUTH,
        SqlKind::NoDatabase => &code::NO_SUCH_DATABASE,
        SqlKind::Syntax => &code::SQL_SYNTAX,
        SqlKind::TransactionAborted
        | SqlKind::NeedsNoTransaction
        | SqlKind::EnumInTransaction
        | SqlKind::SchemaMissing
        | SqlKind::Other => &code::SQL,
    }
}

/// The server's own message says what was wrong, but not always to someone who did not write the statement.
fn message(kind: SqlKind, error: &DbError) -> String {
    match kind {
        SqlKind::LockTimeout => "a lock was not free in time".into(),
        SqlKind::StatementTimeout => "a statement took too long, or was cancelled".into(),
        SqlKind::Deadlock => "a statement was ended to resolve a deadlock".into(),
        _ => error.message().to_owned(),
    }
}

/// Says which statement it was, and points into it where the server did.
fn located(failure: Failure, sent: &Sent<'_>, error: Option<&DbError>) -> Failure {
    let spot = sent.spot(error);
    let place = Place::of(sent.text, spot);
    let mut failure = failure.with("statement", sent.shown());
    if let Some(file) = sent.file {
        failure = failure
            .with("file", file)
            .with("line", place.line)
            .with("column", place.column)
            .because(format!("`{file}`, line {}:", place.line));
    }
    let points = error.is_some_and(|e| matches!(e.position(), Some(ErrorPosition::Original(_))));
    if points || sent.file.is_some() {
        let line = sent.text.lines().nth(place.line - 1).unwrap_or_default();
        failure = failure.because(format!("  {}", line.trim_end()));
    }
    if points {
        failure = failure.because(format!("  {}^", " ".repeat(place.column - 1)));
    }
    failure
}

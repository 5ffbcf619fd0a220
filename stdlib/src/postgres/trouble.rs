//! What can go wrong between a statement and its answer.

use super::connect::plain;
use super::obstacle::Obstacle;
use pb_core::Failure;
use std::error::Error as _;
use std::io;
use std::time::Duration;
use tokio_postgres::error::DbError;

/// Why a statement has no answer, or a bad one.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// PostgreSQL refused it.
    Refused(Box<DbError>),
    /// The connection broke; what was under way may have happened.
    Lost { why: String },
    /// No answer came within our own limit.
    Silent { after: Duration },
    /// There was no connection in the first place.
    NoSession(Box<Obstacle>),
    /// It was never sent: we found a reason ourselves.
    Ours(Box<Failure>),
}

impl Trouble {
    pub(crate) fn of(error: tokio_postgres::Error) -> Self {
        if let Some(db) = error.as_db_error() {
            let db = db.clone();
            // The server says goodbye with an error of its own when it ends a session.
            return match db.parsed_severity() {
                Some(severity) if is_end(severity) => Self::Lost {
                    why: db.message().into(),
                },
                _ => Self::Refused(Box::new(db)),
            };
        }
        let why = match error.source() {
            Some(source) => match source.downcast_ref::<io::Error>() {
                Some(io) => plain(io),
                None => source.to_string(),
            },
            None => error.to_string(),
        };
        Self::Lost { why }
    }

    /// The SQLSTATE, where the server gave one.
    pub(crate) fn sqlstate(&self) -> Option<&str> {
        match self {
            Self::Refused(error) => Some(error.code().code()),
            Self::Lost { .. } | Self::Silent { .. } | Self::NoSession(_) | Self::Ours(_) => None,
        }
    }

    /// Whether another session made the same thing at the same moment: IF NOT EXISTS looks before it makes, and the
    /// catalogue's own index refuses the second one.
    pub(crate) fn is_catalogue_race(&self) -> bool {
        match self {
            Self::Refused(error) => {
                error.code().code() == "23505" && error.schema() == Some("pg_catalog")
            }
            Self::Lost { .. } | Self::Silent { .. } | Self::NoSession(_) | Self::Ours(_) => false,
        }
    }

    /// Whether nobody knows what became of a statement that was under way.
    pub(crate) fn is_lost(&self) -> bool {
        matches!(self, Self::Lost { .. } | Self::Silent { .. })
    }
}

fn is_end(severity: tokio_postgres::error::Severity) -> bool {
    use tokio_postgres::error::Severity;
    matches!(severity, Severity::Fatal | Severity::Panic)
}

impl From<Obstacle> for Trouble {
    fn from(obstacle: Obstacle) -> Self {
        Self::NoSession(Box::new(obstacle))
    }
}

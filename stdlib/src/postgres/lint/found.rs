//! One thing found in a migration file, before it is known how much it weighs where the file is used.

use crate::postgres::split::Place;
use pb_core::code::Code;
use std::ops::Range;

/// What it would lead to, which decides how much it weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The run refuses the folder for it.
    Refused,
    /// Data is gone, unless the playbook allows it.
    Destroys,
    /// The migration could not be taken back.
    NoWayBack,
    /// Locks that the application waits for, or a change that its old version does not survive.
    Traffic,
    /// It does something else in the schema of a tenant than in the usual one.
    Tenant,
    /// It is hardly what was meant.
    Doubtful,
}

/// A finding by its rule and place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) rule: String,
    pub(super) kind: Kind,
    pub(super) code: &'static Code,
    pub(super) spot: Spot,
    pub(super) message: String,
    pub(super) because: Vec<String>,
    pub(super) hint: Option<String>,
}

/// The first line of what is meant.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Spot {
    /// From 1; 0 for the file as a whole.
    pub(super) line: usize,
    pub(super) column: usize,
    pub(super) end_column: usize,
}

impl Spot {
    /// Where those bytes of the text stand, up to the end of their first line.
    pub(super) fn of(text: &str, range: &Range<usize>) -> Self {
        let start = Place::of(text, range.start);
        let marked = &text[range.clone()];
        let first_line = marked.split(['\n', '\r']).next().unwrap_or_default();
        Self {
            line: start.line,
            column: start.column,
            end_column: start.column + first_line.trim_end().chars().count(),
        }
    }

    /// What stands in that line, without the blanks around it.
    pub(super) fn of_line(text: &str, line: usize) -> Self {
        let content = text.lines().nth(line.saturating_sub(1)).unwrap_or_default();
        let column = 1 + content.chars().take_while(|c| c.is_whitespace()).count();
        Self {
            line,
            column,
            end_column: column + content.trim().chars().count(),
        }
    }
}

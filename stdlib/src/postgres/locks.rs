//! Which locks a statement takes on which tables, and what it does to their rows meanwhile. Pure: the text and the version
//! of the server are all it knows.
//!
//! Source: PostgreSQL manual, 13.3 Explicit Locking, ALTER TABLE (Description, Notes), CREATE INDEX, REINDEX, CREATE TABLE
//! (PARTITION OF); `AlterTableGetLockLevel` in PostgreSQL 12 to 18.

mod alter_table;
mod lock;
mod statement;

pub(crate) use lock::Lock;
pub(crate) use statement::touched;

use super::cursor::ObjectName;

/// What happens to the rows of a table while it is locked, from the least to the most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Work {
    /// The catalogue alone changes.
    Catalogue,
    /// Some or all of its rows are written.
    Rows,
    /// Every row is read.
    Scan,
    /// Every row is read, and an index is written.
    Index,
    /// Every row is written again, and every index.
    Rewrite,
}

/// When the work is done after all; what the text cannot tell and the catalogue can.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Unless {
    /// A valid CHECK says that the column is never NULL.
    NeverNull { column: String },
    /// The new type is stored like the old one.
    StoredAlike { column: String, new: String },
    /// None of these functions is volatile.
    NotVolatile { functions: Vec<String> },
}

/// One relation that a statement locks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Touch {
    /// A table or view, or an index, which stands for its table too.
    pub(crate) name: ObjectName,
    pub(crate) lock: Lock,
    pub(crate) work: Work,
    pub(crate) unless: Option<Unless>,
    /// Whether only its owner may do that.
    pub(crate) by_owner: bool,
}

impl Touch {
    fn new(name: ObjectName, lock: Lock, work: Work) -> Self {
        Self {
            name,
            lock,
            work,
            unless: None,
            by_owner: false,
        }
    }

    fn by_owner(self) -> Self {
        Self {
            by_owner: true,
            ..self
        }
    }
}

#[cfg(test)]
mod tests;

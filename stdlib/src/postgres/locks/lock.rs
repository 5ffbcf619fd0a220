//! The eight modes in which a table is locked, and which of them exclude one another.

use std::fmt;

/// A mode, from the weakest to the strongest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Lock {
    AccessShare,
    RowShare,
    RowExclusive,
    ShareUpdateExclusive,
    Share,
    ShareRowExclusive,
    Exclusive,
    AccessExclusive,
}

/// By mode: its name in the manual, its name in `pg_locks`, and the weakest modes first those that it excludes.
const MODES: [(Lock, &str, &str, &[Lock]); 8] = {
    use Lock::*;
    [
        (
            AccessShare,
            "ACCESS SHARE",
            "AccessShareLock",
            &[AccessExclusive],
        ),
        (
            RowShare,
            "ROW SHARE",
            "RowShareLock",
            &[Exclusive, AccessExclusive],
        ),
        (
            RowExclusive,
            "ROW EXCLUSIVE",
            "RowExclusiveLock",
            &[Share, ShareRowExclusive, Exclusive, AccessExclusive],
        ),
        (
            ShareUpdateExclusive,
            "SHARE UPDATE EXCLUSIVE",
            "ShareUpdateExclusiveLock",
            &[
                ShareUpdateExclusive,
                Share,
                ShareRowExclusive,
                Exclusive,
                AccessExclusive,
            ],
        ),
        (
            Share,
            "SHARE",
            "ShareLock",
            &[
                RowExclusive,
                ShareUpdateExclusive,
                ShareRowExclusive,
                Exclusive,
                AccessExclusive,
            ],
        ),
        (
            ShareRowExclusive,
            "SHARE ROW EXCLUSIVE",
            "ShareRowExclusiveLock",
            &[
                RowExclusive,
                ShareUpdateExclusive,
                Share,
                ShareRowExclusive,
                Exclusive,
                AccessExclusive,
            ],
        ),
        (
            Exclusive,
            "EXCLUSIVE",
            "ExclusiveLock",
            &[
                RowShare,
                RowExclusive,
                ShareUpdateExclusive,
                Share,
                ShareRowExclusive,
                Exclusive,
                AccessExclusive,
            ],
        ),
        (
            AccessExclusive,
            "ACCESS EXCLUSIVE",
            "AccessExclusiveLock",
            &[
                AccessShare,
                RowShare,
                RowExclusive,
                ShareUpdateExclusive,
                Share,
                ShareRowExclusive,
                Exclusive,
                AccessExclusive,
            ],
        ),
    ]
};

impl Lock {
    /// The mode that `LOCK TABLE` or `pg_locks` names.
    pub(crate) fn named(name: &str) -> Option<Self> {
        let found = MODES.iter().find(|(_, manual, catalogue, _)| {
            manual.eq_ignore_ascii_case(name) || *catalogue == name
        });
        found.map(|(lock, ..)| *lock)
    }

    /// The names in `pg_locks` of the modes that it has to wait for.
    pub(crate) fn waits_for(self) -> Vec<&'static str> {
        let excluded = MODES
            .iter()
            .find(|(lock, ..)| *lock == self)
            .map(|mode| mode.3);
        let excluded = excluded.unwrap_or_default().iter();
        let name = |lock: &Lock| MODES.iter().find(|mode| mode.0 == *lock).map(|mode| mode.2);
        excluded.filter_map(name).collect()
    }
}

impl fmt::Display for Lock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mode = MODES.iter().find(|(lock, ..)| lock == self);
        f.write_str(mode.map_or("", |mode| mode.1))
    }
}

//! What happened, in the order in which it happened: calls of the world and records that became durable.

use std::sync::{Arc, Mutex, PoisonError};

/// Lines such as `durable intent /set#1 0` and `world set web 2`; clones share them.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    pub(crate) fn add(&self, line: impl Into<String>) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(line.into());
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The lines that begin so, without that beginning.
    pub(crate) fn of(&self, front: &str) -> Vec<String> {
        self.lines()
            .iter()
            .filter_map(|line| {
                line.strip_prefix(front)
                    .map(|rest| rest.trim_start().to_owned())
            })
            .collect()
    }

    /// Where the first line stands that begins so.
    pub(crate) fn at(&self, front: &str) -> usize {
        let found = self.lines().iter().position(|line| line.starts_with(front));
        found.unwrap_or_else(|| panic!("no `{front}` in {:#?}", self.lines()))
    }
}

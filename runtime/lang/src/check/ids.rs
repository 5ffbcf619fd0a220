//! Ids of steps that come before in the same scope for sure.

use std::collections::HashSet;

/// In the order in which they were given.
#[derive(Default)]
pub(super) struct Ids {
    list: Vec<String>,
    known: HashSet<String>,
}

impl Ids {
    /// Adds one; tells whether it is new.
    pub(super) fn add(&mut self, id: &str) -> bool {
        let is_new = self.known.insert(id.to_owned());
        if is_new {
            self.list.push(id.to_owned());
        }
        is_new
    }

    /// How many there are: what `back_to` takes.
    pub(super) fn mark(&self) -> usize {
        self.list.len()
    }

    /// Forgets what came after.
    pub(super) fn back_to(&mut self, mark: usize) {
        for id in self.list.drain(mark..) {
            self.known.remove(&id);
        }
    }
}

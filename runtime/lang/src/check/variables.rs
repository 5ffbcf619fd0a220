//! The variables that a place sees.

use super::shape::Shape;
use std::collections::HashMap;

/// A variable.
pub(super) struct Variable {
    name: String,
    pub(super) shape: Shape,
}

/// Those that are seen, the innermost last.
#[derive(Default)]
pub(super) struct Variables {
    list: Vec<Variable>,
    /// Where those of a name stand in the list.
    places: HashMap<String, Vec<usize>>,
    walls: Vec<Wall>,
}

/// Where a closure begins that runs on its own beside others: what lies before it is shared.
struct Wall {
    from: usize,
    word: String,
}

impl Variables {
    pub(super) fn declare(&mut self, name: &str, shape: Shape) {
        let place = self.list.len();
        self.places.entry(name.to_owned()).or_default().push(place);
        self.list.push(Variable {
            name: name.to_owned(),
            shape,
        });
    }

    pub(super) fn find(&self, name: &str) -> Option<&Variable> {
        self.place(name).map(|place| &self.list[place])
    }

    fn place(&self, name: &str) -> Option<usize> {
        self.places.get(name)?.last().copied()
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.list.iter().map(|variable| variable.name.as_str())
    }

    /// How many there are: what `back_to` takes.
    pub(super) fn mark(&self) -> usize {
        self.list.len()
    }

    pub(super) fn back_to(&mut self, mark: usize) {
        for variable in self.list.drain(mark..) {
            self.places.get_mut(&variable.name).and_then(Vec::pop);
        }
    }

    pub(super) fn wall(&mut self, word: &str) {
        self.walls.push(Wall {
            from: self.list.len(),
            word: word.to_owned(),
        });
    }

    pub(super) fn take_wall(&mut self) {
        self.walls.pop();
    }

    /// The word whose closure shares a variable with what is around it.
    pub(super) fn shared_by(&self, name: &str) -> Option<&str> {
        let place = self.place(name)?;
        let wall = self.walls.iter().rev().find(|wall| place < wall.from)?;
        Some(&wall.word)
    }

    /// Whether a variable was declared before so many others.
    pub(super) fn is_before(&self, name: &str, mark: usize) -> bool {
        self.place(name).is_some_and(|place| place < mark)
    }
}

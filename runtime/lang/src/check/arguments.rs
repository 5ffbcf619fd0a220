//! What is given to a call, put to the names of what it takes.

use super::calls::arguments;
use super::finder::Finder;
use super::shape::Shape;
use super::words::is_map;
use pb_core::finding::Finding;
use pb_core::spec::{Field, Kind};
use pb_core::{Failure, code};
use rhai::{Expr, Position};

/// What a call takes.
#[derive(Clone, Copy)]
pub(super) struct Taken<'a> {
    pub(super) call: &'a str,
    pub(super) fields: &'a [Field],
    /// Options that every call of its kind has.
    pub(super) common: &'a [Field],
    /// Where its name stands.
    pub(super) at: Position,
}

/// An argument, or the value of an option.
#[derive(Clone)]
pub(super) struct Given<'e> {
    /// Nothing for what stands before a method.
    pub(super) expr: Option<&'e Expr>,
    pub(super) shape: Shape,
    pub(super) at: Position,
}

/// Arguments by their names.
#[derive(Default)]
pub(super) struct Assigned<'e> {
    pub(super) named: Vec<(&'e str, Given<'e>)>,
    /// Options may be among them that nobody knows.
    pub(super) is_open: bool,
    /// It cannot be told whether the first one is a handle.
    pub(super) is_ambiguous: bool,
    /// Options that were meant by keys that do not exist.
    pub(super) meant: Vec<&'e str>,
    pub(super) findings: Vec<Finding>,
}

impl Assigned<'_> {
    pub(super) fn get(&self, name: &str) -> Option<&Given<'_>> {
        let mut named = self.named.iter();
        named
            .find(|(known, _)| *known == name)
            .map(|(_, given)| given)
    }
}

impl<'a> Taken<'a> {
    fn positional(self) -> impl Iterator<Item = &'a Field> {
        self.fields.iter().filter(|field| field.position.is_some())
    }

    /// Whether its first argument is a handle that may be left out.
    fn begins_with_default(self) -> bool {
        self.positional().next().is_some_and(has_default)
    }
}

impl<'a> Finder<'a> {
    /// Puts arguments to their names and holds them to what is taken.
    pub(super) fn assign(&self, taken: Taken<'a>, given: &[Given<'a>]) -> Assigned<'a> {
        // A handle with a default may be left out: then the first argument is the next one.
        let is_handle = match given.first() {
            _ if !taken.begins_with_default() => Some(true),
            None => Some(false),
            Some(first) => first.shape.is_handle(),
        };
        if let Some(is_handle) = is_handle {
            let count = given.iter().filter(|given| !is_map(&given.shape)).count();
            // As many as with the handle: something else stands in its place.
            let left_out = !is_handle && count < taken.positional().count();
            return self.assign_as(taken, given, left_out);
        }
        // Nobody knows what the first one is: what may be right either way is not found.
        let with = self.assign_as(taken, given, false);
        let without = self.assign_as(taken, given, true);
        match (with.findings.is_empty(), without.findings.is_empty()) {
            (true, true) => in_both(with, &without),
            (false, true) => without,
            (true, false) | (false, false) => with,
        }
    }

    fn assign_as(&self, taken: Taken<'a>, given: &[Given<'a>], left_out: bool) -> Assigned<'a> {
        let mut assigned = Assigned::default();
        let mut places = taken.positional().skip(usize::from(left_out)).peekable();
        let mut options = None;
        for (i, argument) in given.iter().enumerate() {
            let last = i + 1 == given.len();
            let takes_map = places.peek().is_some_and(|field| takes_map(&field.kind));
            if last && !takes_map && is_map(&argument.shape) {
                options = Some(argument);
                continue;
            }
            // It may be a map of options, and what is in it nobody knows.
            let may_be_map = last && matches!(argument.shape, Shape::Unknown | Shape::Data);
            assigned.is_open |= may_be_map;
            match places.next() {
                Some(field) => {
                    self.fit_field(taken.call, field, argument, &mut assigned.findings);
                    assigned.named.push((&field.name, argument.clone()));
                }
                None if may_be_map => {}
                None => {
                    // Of what was put to wrong names nothing more is said.
                    assigned.findings = vec![self.too_many(taken, given.len())];
                    return assigned;
                }
            }
        }
        if let Some(options) = options {
            self.spread(taken, options, &mut assigned);
        }
        self.required(taken, &mut assigned);
        assigned
    }

    fn too_many(&self, taken: Taken<'_>, count: usize) -> Finding {
        let message = format!("`{}` was called with {}", taken.call, arguments(count));
        let names: Vec<_> = taken.positional().map(|field| &*field.name).collect();
        let takes = format!("it takes {}, and a map of options", names.join(", "));
        let failure = Failure::new(&code::ARITY, message).because(takes);
        self.failure(failure, taken.at)
    }
}

/// What is the same whether the first argument is a handle or not.
fn in_both<'e>(with: Assigned<'e>, without: &Assigned<'e>) -> Assigned<'e> {
    let same = |(name, given): &(&str, Given<'_>)| {
        without.get(name).is_some_and(|other| other.at == given.at)
    };
    Assigned {
        named: with.named.into_iter().filter(same).collect(),
        is_open: true,
        is_ambiguous: true,
        ..Assigned::default()
    }
}

/// Whether the environment gives it when it is left out.
pub(super) fn has_default(field: &Field) -> bool {
    matches!(&field.kind, Kind::Handle { default, .. } if default.is_some())
}

fn takes_map(kind: &Kind) -> bool {
    match kind {
        Kind::Options(_) | Kind::MapOf(_) | Kind::Any => true,
        Kind::AnyOf(kinds) => kinds.iter().any(takes_map),
        _ => false,
    }
}

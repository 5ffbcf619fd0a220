//! What is given to a call, put to the names of what it takes.

use super::calls::arguments;
use super::finder::Finder;
use super::shape::Shape;
use super::words::is_map;
use pb_core::finding::Finding;
use pb_core::spec::{self, Field, Kind};
use pb_core::{Failure, code, nearest};
use rhai::{Expr, Position};

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
    /// Whether a handle was left out for sure, nothing when that cannot be told.
    pub(super) leaves_handle_out: Option<bool>,
    /// Options that were meant by keys that do not exist.
    meant: Vec<&'e str>,
    pub(super) findings: Vec<Finding>,
}

impl Assigned<'_> {
    pub(super) fn get(&self, name: &str) -> Option<&Given<'_>> {
        self.named
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, given)| given)
    }
}

impl<'a> Finder<'a> {
    /// Puts arguments to their names and holds them to what is taken. `more` are options that every call has.
    pub(super) fn assign(
        &self,
        call: &str,
        fields: &'a [Field],
        more: &'a [Field],
        given: Vec<Given<'a>>,
        at: Position,
    ) -> Assigned<'a> {
        let first = fields.iter().find(|field| field.position.is_some());
        let has_default = matches!(
            first,
            Some(Field {
                kind: Kind::Handle {
                    default: Some(_),
                    ..
                },
                ..
            })
        );
        // A handle with a default may be left out: then the first argument is the next one.
        let left_out = match given.first() {
            _ if !has_default => Some(false),
            None => Some(true),
            Some(given) => given.shape.is_handle().map(|is_handle| !is_handle),
        };
        if let Some(left_out) = left_out {
            let positional = fields
                .iter()
                .filter(|field| field.position.is_some())
                .count();
            let texts = given.iter().filter(|given| !is_map(&given.shape)).count();
            // As many as with the handle: something else stands in its place.
            let left_out = left_out && texts < positional;
            return self.assign_as(call, fields, more, &given, left_out, at);
        }
        // Nobody knows what the first one is: what may be right either way is not found.
        let with = self.assign_as(call, fields, more, &given, false, at);
        let without = self.assign_as(call, fields, more, &given, true, at);
        match (with.findings.is_empty(), without.findings.is_empty()) {
            (true, true) => Assigned {
                named: with
                    .named
                    .into_iter()
                    .filter(|(name, _)| without.get(name).is_some())
                    .collect(),
                is_open: true,
                leaves_handle_out: None,
                ..Assigned::default()
            },
            (false, true) => without,
            (true, false) | (false, false) => with,
        }
    }

    fn assign_as(
        &self,
        call: &str,
        fields: &'a [Field],
        more: &'a [Field],
        given: &[Given<'a>],
        left_out: bool,
        at: Position,
    ) -> Assigned<'a> {
        let mut assigned = Assigned {
            leaves_handle_out: Some(left_out),
            ..Assigned::default()
        };
        let mut places = fields
            .iter()
            .filter(|field| field.position.is_some())
            .peekable();
        if left_out {
            places.next();
        }
        let mut options = None;
        for (i, argument) in given.iter().enumerate() {
            let last = i + 1 == given.len();
            let takes_map = places.peek().is_some_and(|field| takes_map(&field.kind));
            if last && !takes_map && is_map(&argument.shape) {
                options = Some(argument);
                continue;
            }
            let Some(field) = places.next() else {
                let unknown = matches!(argument.shape, Shape::Unknown | Shape::Data);
                if last && unknown {
                    assigned.is_open = true;
                    continue;
                }
                // Of what was put to wrong names nothing more is said.
                assigned.findings = vec![self.too_many(call, fields, given.len(), at)];
                return assigned;
            };
            // It may be the options of a call that lacks an argument, which is wrong in another way.
            if last && matches!(argument.shape, Shape::Unknown) {
                assigned.is_open = true;
            }
            self.fit(
                call,
                &field.name,
                &field.kind,
                argument,
                &mut assigned.findings,
            );
            assigned.named.push((&field.name, argument.clone()));
        }
        if let Some(options) = options {
            self.spread(call, fields, more, options, &mut assigned);
        }
        self.required(call, fields, &mut assigned, at);
        assigned
    }

    /// The map at the end.
    fn spread(
        &self,
        call: &str,
        fields: &'a [Field],
        more: &'a [Field],
        options: &Given<'a>,
        assigned: &mut Assigned<'a>,
    ) {
        let Some(Expr::Map(map, _)) = options.expr else {
            // One in a variable: its keys are known when all of it is.
            assigned.is_open = true;
            return self.spread_value(call, fields, more, options, assigned);
        };
        for (key, value) in &map.0 {
            let name = key.name.as_str();
            let Some(field) = field(fields, more, name) else {
                assigned.meant.extend(meant(fields, more, name));
                assigned
                    .findings
                    .push(self.unknown_option(call, fields, more, name, key.pos));
                continue;
            };
            if assigned.get(name).is_some() {
                let failure = Failure::new(
                    &code::UNKNOWN_OPTION,
                    format!("`{name}` was given to `{call}` twice"),
                );
                assigned.findings.push(self.failure(failure, key.pos));
                continue;
            }
            let given = self.given(value);
            self.fit(call, name, &field.kind, &given, &mut assigned.findings);
            assigned.named.push((&field.name, given));
        }
    }

    fn spread_value(
        &self,
        call: &str,
        fields: &'a [Field],
        more: &'a [Field],
        options: &Given<'a>,
        assigned: &mut Assigned<'a>,
    ) {
        let Some(serde_json::Value::Object(map)) = options.shape.known() else {
            return;
        };
        assigned.is_open = false;
        for (name, value) in map {
            let Some(field) = field(fields, more, name) else {
                assigned.meant.extend(meant(fields, more, name));
                assigned
                    .findings
                    .push(self.unknown_option(call, fields, more, name, options.at));
                continue;
            };
            let given = Given {
                expr: None,
                shape: Shape::value(value.clone()),
                at: options.at,
            };
            self.fit(call, name, &field.kind, &given, &mut assigned.findings);
            assigned.named.push((&field.name, given));
        }
    }

    fn unknown_option(
        &self,
        call: &str,
        fields: &[Field],
        more: &[Field],
        name: &str,
        at: Position,
    ) -> Finding {
        let all: Vec<_> = fields.iter().chain(more).cloned().collect();
        let near = spec::unknown(call, &all, name);
        let failure = match near.hint {
            Some(_) => near,
            None => spec::unknown(call, fields, name),
        };
        self.failure(failure, at)
    }

    fn required(&self, call: &str, fields: &[Field], assigned: &mut Assigned<'a>, at: Position) {
        let missing = |field: &&Field| {
            let by_environment = matches!(
                field.kind,
                Kind::Handle {
                    default: Some(_),
                    ..
                }
            );
            let is_there = assigned.get(&field.name).is_some()
                || assigned.meant.contains(&field.name.as_str());
            field.required && !by_environment && !is_there
        };
        if assigned.is_open {
            return;
        }
        let missing: Vec<_> = fields
            .iter()
            .filter(missing)
            .map(|field| spec::missing(call, field))
            .collect();
        for failure in missing {
            assigned.findings.push(self.failure(failure, at));
        }
    }

    fn too_many(&self, call: &str, fields: &[Field], count: usize, at: Position) -> Finding {
        let message = format!("`{call}` was called with {}", arguments(count));
        let names: Vec<_> = fields
            .iter()
            .filter(|f| f.position.is_some())
            .map(|f| f.name.as_str())
            .collect();
        let failure = Failure::new(&code::ARITY, message).because(format!(
            "it takes {}, and a map of options",
            names.join(", ")
        ));
        self.failure(failure, at)
    }
}

fn field<'f>(fields: &'f [Field], more: &'f [Field], name: &str) -> Option<&'f Field> {
    // A primitive's own option of that name comes first.
    fields.iter().chain(more).find(|field| field.name == name)
}

/// The option that was probably meant.
fn meant<'f>(fields: &'f [Field], more: &'f [Field], name: &str) -> Option<&'f str> {
    nearest(
        name,
        fields.iter().chain(more).map(|field| field.name.as_str()),
    )
}

fn takes_map(kind: &Kind) -> bool {
    match kind {
        Kind::Options(_) | Kind::MapOf(_) | Kind::Any => true,
        Kind::AnyOf(kinds) => kinds.iter().any(takes_map),
        _ => false,
    }
}

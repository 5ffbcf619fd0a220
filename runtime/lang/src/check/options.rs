//! The map of options at the end of a call.

use super::arguments::{Assigned, Given, Taken, has_default};
use super::finder::Finder;
use super::shape::Shape;
use pb_core::spec::{self, Field};
use pb_core::{Failure, code, nearest};
use rhai::{Expr, Position};
use serde_json::Value;

impl<'a> Taken<'a> {
    /// A primitive's own option of a name comes first.
    fn options(self) -> impl Iterator<Item = &'a Field> {
        self.fields.iter().chain(self.common)
    }

    /// What is said of an option that there is not.
    fn unknown(self, name: &str) -> Failure {
        let all: Vec<_> = self.options().cloned().collect();
        let near = spec::unknown(self.call, &all, name);
        match near.hint {
            Some(_) => near,
            None => spec::unknown(self.call, self.fields, name),
        }
    }
}

impl<'a> Finder<'a> {
    /// Puts every option to its name.
    pub(super) fn spread(&self, taken: Taken<'a>, options: &Given<'a>, to: &mut Assigned<'a>) {
        if let Some(Expr::Map(map, _)) = options.expr {
            for (key, value) in &map.0 {
                self.option(taken, &key.name, key.pos, self.given(value), to);
            }
            return;
        }
        // One in a variable: its keys are known when all of it is.
        let Some(Value::Object(map)) = options.shape.known() else {
            to.is_open = true;
            return;
        };
        for (name, value) in map {
            let given = Given {
                expr: None,
                shape: Shape::value(value.clone()),
                at: options.at,
            };
            self.option(taken, name, options.at, given, to);
        }
    }

    fn option(
        &self,
        taken: Taken<'a>,
        name: &str,
        key: Position,
        given: Given<'a>,
        to: &mut Assigned<'a>,
    ) {
        let Some(field) = taken.options().find(|field| field.name == name) else {
            let names = taken.options().map(|field| field.name.as_str());
            to.meant.extend(nearest(name, names));
            to.findings.push(self.failure(taken.unknown(name), key));
            return;
        };
        if to.get(name).is_some() {
            let message = format!("`{name}` was given to `{}` twice", taken.call);
            let failure = Failure::new(&code::UNKNOWN_OPTION, message);
            to.findings.push(self.failure(failure, key));
            return;
        }
        self.fit_field(taken.call, field, &given, &mut to.findings);
        to.named.push((&field.name, given));
    }

    /// What a call needs, and was not given.
    pub(super) fn required(&self, taken: Taken<'a>, to: &mut Assigned<'a>) {
        if to.is_open {
            return;
        }
        for field in taken.fields {
            let is_there = to.get(&field.name).is_some() || to.meant.contains(&&*field.name);
            if field.required && !has_default(field) && !is_there {
                let failure = spec::missing(taken.call, field);
                to.findings.push(self.failure(failure, taken.at));
            }
        }
    }
}

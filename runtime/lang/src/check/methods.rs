//! Chains: properties, methods and indices of a value.

use super::arguments::Given;
use super::calls::{runs_closures, word};
use super::chain::{Link, links};
use super::closures::{Role, closure_of};
use super::finder::Finder;
use super::natives::Natives;
use super::shape::{Shape, Type};
use pb_core::{Handle, code};
use rhai::{Expr, FnCallExpr, Position};

/// What a method is called on.
struct Receiver<'e> {
    shape: Shape,
    at: Position,
    /// The variable, where it is one.
    variable: Option<&'e str>,
}

impl<'a> Finder<'a> {
    pub(super) fn chain(&mut self, expr: &'a Expr) {
        let Some((root, links)) = links(expr) else {
            return;
        };
        self.expr(root);
        let variable = match root {
            Expr::Variable(variable, ..) if variable.2.is_empty() => Some(variable.1.as_str()),
            _ => None,
        };
        let from_target = variable.is_some_and(|name| self.sees_target(name));
        if from_target {
            self.taken_from_target(&links);
        }
        let mut shape = self.shape_of(root);
        for (i, link) in links.iter().enumerate() {
            match link {
                Link::Property(name, at) => self.property(&shape, name, *at),
                Link::Index(index) => self.index(&shape, index),
                Link::Method(call, at) => {
                    let receiver = Receiver {
                        shape: shape.clone(),
                        at: root.start_position(),
                        variable: variable.filter(|_| i == 0),
                    };
                    self.method(receiver, call, *at);
                }
            }
            shape = self.follow(&shape, link);
        }
    }

    fn property(&mut self, shape: &Shape, name: &str, at: Position) {
        let names: Vec<&str> = match shape {
            Shape::Record(fields) if !fields.contains(name) => {
                fields.iter().map(String::as_str).collect()
            }
            Shape::Value(_) => match shape.handle() {
                Some(handle)
                    if self.knows_driver(&handle)
                        && !matches!(name, "name" | "driver")
                        && self
                            .world
                            .registry
                            .drivers
                            .property(&handle, name)
                            .is_none() =>
                {
                    vec!["name", "driver"]
                }
                _ => return,
            },
            _ => return,
        };
        let hint = self.did_you_mean(name, names.iter().copied());
        let finding = self.error(
            &code::UNKNOWN_PROPERTY,
            format!("there is no property `{name}`"),
            at,
        );
        if hint.is_none() && shape.handle().is_none() {
            let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
            finding
                .because
                .push(format!("there are {}", names.join(", ")));
        }
        finding.hint = hint;
    }

    /// Whether there is somebody to ask for the properties of a handle.
    fn knows_driver(&self, handle: &Handle) -> bool {
        let tables = self.world.registry.drivers.tables();
        tables.contains_key(handle.driver.as_str())
    }

    fn index(&mut self, shape: &Shape, index: &'a Expr) {
        self.expr(index);
        match index {
            Expr::StringConstant(name, at) => self.property(shape, name, *at),
            Expr::FnCall(call, _)
                if matches!(call.name.as_str(), ".." | "..=")
                    && shape.kind() == Some(Type::List) =>
            {
                self.surprise(
                    "lists are not indexed by a range",
                    "write `list.extract(range)`",
                    index.start_position(),
                );
            }
            _ => {}
        }
    }

    fn method(&mut self, receiver: Receiver<'a>, call: &'a FnCallExpr, at: Position) {
        self.calls += 1;
        let (name, arity) = (call.name.as_str(), call.args.len());
        let may_hold = !receiver.shape.holds_no_closure() && self.world.may_hold(name);
        let mine = self.file.functions.get(name);
        let fits =
            |count: usize| mine.is_some_and(|all| all.iter().any(|f| f.params.len() == count));
        if may_hold || fits(arity) || fits(arity + 1) {
            self.arguments(&call.args, Role::Kept);
            return self.goes_through();
        }
        let registry = self.world.registry;
        let word = word(name);
        let first = Given {
            expr: None,
            shape: receiver.shape.clone(),
            at: receiver.at,
        };
        if word.is_some_and(runs_closures) || registry.brackets.contains_key(name) {
            self.no_method_style(&receiver, call, at);
        }
        if let Some(word) = word {
            return self.word(word, Some(first), &call.args, at);
        }
        if registry.brackets.contains_key(name) {
            return self.bracket(name, Some(first), &call.args, at);
        }
        if let Some(primitive) = registry.primitives.get(name) {
            self.arguments(&call.args, Role::Kept);
            let rest = call.args.iter().map(|arg| self.given(arg));
            let given = std::iter::once(first).chain(rest).collect();
            return self.primitive(&**primitive, given, at);
        }
        let native = Natives::all().named(name);
        self.arguments(&call.args, Role::Called);
        match native {
            Some(natives) if natives.contains_key(&(arity + 1)) => {
                self.native_method(&receiver, call, at)
            }
            Some(natives) => {
                let takes = natives.keys().filter_map(|n| n.checked_sub(1));
                self.wrong_arity(name, arity, takes, at);
            }
            None if mine.is_some() => {
                let takes = mine
                    .into_iter()
                    .flatten()
                    .map(|function| function.params.len());
                self.wrong_arity(name, arity, takes.collect::<Vec<_>>(), at);
            }
            None => {
                let hint = self.did_you_mean(name, self.callable_names());
                self.error(
                    &code::UNKNOWN_FUNCTION,
                    format!("there is no method `{name}`"),
                    at,
                )
                .hint = hint;
            }
        }
    }

    /// Rhai holds a variable for as long as a method of it runs.
    fn no_method_style(&mut self, receiver: &Receiver<'_>, call: &FnCallExpr, at: Position) {
        let name = &call.name;
        let finding = match receiver
            .variable
            .filter(|variable| is_captured(call, variable))
        {
            Some(variable) => {
                let message =
                    format!("the closure uses `{variable}`, whose method `{name}` runs it");
                self.error(&code::SURPRISE, message, at)
            }
            None => {
                let message = format!("`{name}` runs a closure, and is no method");
                let finding = self.warning(&code::SURPRISE, message, at);
                let because =
                    "Rhai stops it as soon as the closure uses what stands before the dot";
                finding.because.push(because.into());
                finding
            }
        };
        finding.hint = Some(match receiver.variable {
            Some(variable) => format!("write `{name}({variable}, …)`"),
            None => {
                format!("write `{name}(…)`, with what stands before the dot as its first argument")
            }
        });
    }

    fn native_method(&mut self, receiver: &Receiver<'_>, call: &'a FnCallExpr, at: Position) {
        if call.name == "call" {
            self.goes_through();
        }
        let Some(variable) = receiver.variable else {
            return;
        };
        if Natives::is_writing(&call.name) {
            self.captured_write(variable, receiver.at);
        }
        if call.name != "call" && is_captured(call, variable) {
            let message = format!(
                "the closure uses `{variable}`, whose method `{}` runs it",
                call.name
            );
            let hint = format!("take what it needs before: let copy = {variable};");
            self.surprise(message, hint, at);
        }
    }
}

/// Whether a closure among the arguments uses a variable.
fn is_captured(call: &FnCallExpr, variable: &str) -> bool {
    let mut closures = call.args.iter().filter_map(closure_of);
    closures.any(|closure| closure.captures(variable))
}

//! Closures: each is looked at where it is written, as it will be run.

use super::finder::{Finder, Transaction};
use super::shape::{Shape, Type};
use rhai::{Expr, FnPtr, Stmt};

/// A closure as it is written.
pub(super) struct Closure<'e> {
    name: String,
    /// How many variables around it uses.
    pub(super) captured: &'e [Expr],
}

/// Who runs a closure.
#[derive(Clone, Copy)]
pub(super) enum Role<'w> {
    /// Nobody knows who, nor when.
    Kept,
    /// What it is given to, there and then.
    Called,
    /// A word, in a scope of its own.
    Scope(&'w str),
    /// A word, beside other branches.
    Branch(&'w str),
    /// A bracket, with what it gives.
    Bracket(&'w str),
}

/// The closure that an expression is. Rhai wraps those that use variables around them: first the variables are shared, then
/// they become its first arguments.
pub(super) fn closure_of(expr: &Expr) -> Option<Closure<'_>> {
    match expr {
        Expr::DynamicConstant(value, _) => {
            let pointer = value.read_lock::<FnPtr>()?;
            let name = pointer.fn_name().to_owned();
            Some(Closure {
                name,
                captured: &[],
            })
        }
        Expr::Stmt(block) => match block.statements() {
            [Stmt::Share(_), Stmt::Expr(curry)] => match &**curry {
                Expr::FnCall(call, _) => match &call.args[..] {
                    [inner, captured @ ..] => Some(Closure {
                        captured,
                        ..closure_of(inner)?
                    }),
                    [] => None,
                },
                _ => None,
            },
            _ => None,
        },
        _ => None,
    }
}

impl<'a> Closure<'a> {
    /// Whether it uses a variable around it.
    pub(super) fn captures(&self, name: &str) -> bool {
        self.captured
            .iter()
            .any(|captured| matches!(captured, Expr::Variable(variable, ..) if variable.1 == name))
    }
}

impl<'a> Finder<'a> {
    /// Looks at the body of a closure.
    pub(super) fn closure(&mut self, closure: Closure<'a>, role: Role<'_>) {
        let bodies = self.file.functions.get(closure.name.as_str());
        let Some(body) = bodies.and_then(|bodies| bodies.first()) else {
            return;
        };
        let mark = self.variables.mark();
        let params = body
            .params
            .get(closure.captured.len()..)
            .unwrap_or_default();
        let before = (self.committed, self.allowed, self.transaction.clone());
        let ids = std::mem::take(&mut self.ids);
        let breaks = std::mem::take(&mut self.breaks);
        match role {
            Role::Branch(word) | Role::Bracket(word) => self.variables.wall(word),
            Role::Kept | Role::Called | Role::Scope(_) => {}
        }
        match role {
            Role::Kept => (self.committed, self.allowed, self.transaction) = (true, true, None),
            Role::Bracket(_) => {
                let name = params.first().map(ToString::to_string);
                self.transaction = Some(Transaction { name, mark });
            }
            Role::Called | Role::Scope(_) | Role::Branch(_) => {}
        }
        for param in params {
            let shape = match role {
                Role::Bracket(_) => Shape::Of(Type::Transaction),
                _ => Shape::Unknown,
            };
            self.variables.declare(param, shape);
        }
        if let Role::Scope(word) | Role::Branch(word) | Role::Bracket(word) = role {
            self.around.push(word.to_owned());
        }
        self.statements(&body.body, true);
        if let Role::Scope(_) | Role::Branch(_) | Role::Bracket(_) = role {
            self.around.pop();
        }
        if let Role::Branch(_) | Role::Bracket(_) = role {
            self.variables.take_wall();
        }
        self.variables.back_to(mark);
        (self.ids, self.breaks) = (ids, breaks);
        let within = (self.committed, self.allowed);
        (self.committed, self.allowed, self.transaction) = before;
        // These have no scope of their own: what they let pass stays.
        if let Role::Called | Role::Bracket(_) = role {
            self.committed |= within.0;
            self.allowed |= within.1;
        }
    }
}

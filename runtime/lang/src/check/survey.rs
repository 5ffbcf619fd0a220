//! What a look over a whole file tells before its parts are looked at: what is written, what maps may hold, what is imported.

use super::chain::{Link, links};
use super::natives::Natives;
use crate::words::WORDS;
use pb_core::run::Registry;
use rhai::{AST, ASTFlags, ASTNode, Expr, FnCallExpr, Stmt};
use std::collections::{HashMap, HashSet};

/// What one file is like as a whole. Names stand for themselves, wherever they are declared: that is coarse, and never wrong.
#[derive(Default)]
pub(super) struct Survey {
    /// Variables whose value changes after their declaration, or may.
    pub(super) written: HashSet<String>,
    /// Keys that maps get, and that may hold closures.
    keys: HashSet<String>,
    /// Maps get keys that are computed.
    computes_keys: bool,
    /// Paths of imports by the name that they are used by.
    pub(super) aliases: HashMap<String, String>,
    /// Functions that are called with the variables of their caller: `f!()`.
    pub(super) see_all: HashSet<String>,
    /// Something in it passes a point of no return, or allows what destroys.
    pub(super) lifts: bool,
}

impl Survey {
    pub(super) fn of(ast: &AST, registry: &Registry, is_function: impl Fn(&str) -> bool) -> Self {
        let mut survey = Self::default();
        ast.walk(&mut |path| {
            match path.last() {
                Some(ASTNode::Stmt(statement)) => {
                    survey.statement(statement, registry, &is_function)
                }
                Some(ASTNode::Expr(expr)) => {
                    // A link of a chain is seen with the chain that it belongs to.
                    let around = path.len().checked_sub(2).map(|i| &path[i]);
                    let within = around.is_some_and(|around| continues(around, expr));
                    if !within {
                        survey.expr(expr, registry, &is_function);
                    }
                }
                _ => {}
            }
            true
        });
        survey
    }

    /// Whether a map may have got a closure by that name.
    pub(super) fn may_hold(&self, name: &str) -> bool {
        self.computes_keys || self.keys.contains(name)
    }

    fn statement(
        &mut self,
        statement: &Stmt,
        registry: &Registry,
        is_function: &impl Fn(&str) -> bool,
    ) {
        match statement {
            Stmt::Assignment(assignment) => self.assigned(&assignment.1.lhs),
            Stmt::FnCall(call, _) => self.call(call, registry, is_function),
            Stmt::Import(import, _) => {
                if let Expr::StringConstant(path, _) = &import.0 {
                    self.aliases
                        .insert(import.1.name.to_string(), path.to_string());
                }
            }
            _ => {}
        }
    }

    fn expr(&mut self, expr: &Expr, registry: &Registry, is_function: &impl Fn(&str) -> bool) {
        match expr {
            Expr::Map(map, _) => {
                for (key, value) in &map.0 {
                    if !value.is_constant() || matches!(value, Expr::DynamicConstant(..)) {
                        self.keys.insert(key.name.to_string());
                    }
                }
            }
            Expr::FnCall(call, _) => self.call(call, registry, is_function),
            _ => {
                let Some((Expr::Variable(variable, ..), links)) = links(expr) else {
                    return;
                };
                let leaves = |name: &str| Natives::is_pure(name) || is_ours(name, registry);
                let changes = links
                    .iter()
                    .any(|link| matches!(link, Link::Method(call, _) if !leaves(&call.name)));
                if changes {
                    self.written.insert(variable.1.to_string());
                }
                if links.iter().any(|link| matches!(link, Link::Method(call, _) if call.name == "set" || call.name == "mixin")) {
                    self.computes_keys = true;
                }
            }
        }
    }

    fn call(
        &mut self,
        call: &FnCallExpr,
        registry: &Registry,
        is_function: &impl Fn(&str) -> bool,
    ) {
        if matches!(
            call.name.as_str(),
            "point_of_no_return" | "allow_destructive"
        ) {
            self.lifts = true;
        }
        if call.capture_parent_scope {
            self.see_all.insert(call.name.to_string());
        }
        // Rhai hands the first argument over by reference where it is a variable; functions of scripts get a copy.
        let leaves = call.is_operator_call()
            || call.is_qualified()
            || Natives::is_pure(&call.name)
            || is_ours(&call.name, registry)
            || is_function(&call.name);
        if let Some(Expr::Variable(variable, ..)) = call.args.first()
            && !leaves
        {
            self.written.insert(variable.1.to_string());
        }
    }

    fn assigned(&mut self, to: &Expr) {
        match (to, links(to)) {
            (Expr::Variable(variable, ..), _) => {
                self.written.insert(variable.1.to_string());
            }
            (_, Some((root, links))) => {
                if let Expr::Variable(variable, ..) = root {
                    self.written.insert(variable.1.to_string());
                }
                match links.last() {
                    Some(Link::Property(name, _)) => {
                        self.keys.insert((*name).to_owned());
                    }
                    Some(Link::Index(Expr::StringConstant(name, _))) => {
                        self.keys.insert(name.to_string());
                    }
                    Some(Link::Index(_)) => self.computes_keys = true,
                    Some(Link::Method(..)) | None => {}
                }
            }
            _ => {}
        }
    }
}

/// Whether an expression is what a chain goes on with.
fn continues(around: &ASTNode<'_>, expr: &Expr) -> bool {
    match around {
        ASTNode::Expr(Expr::Dot(pair, ..)) => std::ptr::eq(&pair.rhs, expr),
        ASTNode::Expr(Expr::Index(pair, flags, _)) => {
            !flags.contains(ASTFlags::BREAK) && std::ptr::eq(&pair.rhs, expr)
        }
        _ => false,
    }
}

/// Whether pb brings a function: those take copies.
fn is_ours(name: &str, registry: &Registry) -> bool {
    registry.primitives.contains_key(name)
        || registry.brackets.contains_key(name)
        || WORDS.iter().any(|word| word.name == name)
}

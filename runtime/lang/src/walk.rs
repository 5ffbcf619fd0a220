//! What a syntax tree says before it runs: imports, secrets, handles, calls.

use rhai::{AST, ASTNode, Expr, Position, Stmt};
use std::collections::BTreeSet;

/// What was found in one file.
#[derive(Debug, Clone, Default)]
pub(crate) struct Found {
    /// Path (`None` when it is computed), line and column of every import.
    pub(crate) imports: Vec<(Option<String>, usize, usize)>,
    /// Literal references given to `secret`.
    pub(crate) secrets: BTreeSet<String>,
    /// `x` of every `target.x`.
    pub(crate) targets: BTreeSet<String>,
    /// Names of called functions.
    pub(crate) calls: BTreeSet<String>,
}

/// Looks through statements and function bodies.
pub(crate) fn look_through(ast: &AST) -> Found {
    let mut found = Found::default();
    ast.walk(&mut |path| {
        match path.last() {
            Some(ASTNode::Stmt(Stmt::Import(import, _))) => {
                let path = match &import.0 {
                    Expr::StringConstant(path, _) => Some(path.to_string()),
                    _ => None,
                };
                let (line, column) = place(import.0.start_position());
                found.imports.push((path, line, column));
            }
            Some(
                ASTNode::Stmt(Stmt::FnCall(call, _))
                | ASTNode::Expr(Expr::FnCall(call, _) | Expr::MethodCall(call, _)),
            ) => {
                found.calls.insert(call.name.to_string());
                if let ("secret", [Expr::StringConstant(reference, _)]) =
                    (call.name.as_str(), &call.args[..])
                {
                    found.secrets.insert(reference.to_string());
                }
            }
            Some(ASTNode::Expr(Expr::Dot(pair, ..))) => {
                if let Expr::Variable(variable, ..) = &pair.lhs
                    && variable.1 == "target"
                    && let Some(name) = first_property(&pair.rhs)
                {
                    found.targets.insert(name);
                }
            }
            _ => {}
        }
        true
    });
    found
}

fn first_property(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Property(property, _) => Some(property.2.to_string()),
        Expr::Dot(pair, ..) | Expr::Index(pair, ..) => first_property(&pair.lhs),
        _ => None,
    }
}

pub(crate) fn place(position: Position) -> (usize, usize) {
    (
        position.line().unwrap_or(0),
        position.position().unwrap_or(0),
    )
}

//! `a.b[0].c(1)`: Rhai nests it to the right; read here from left to right.

use rhai::{ASTFlags, Expr, FnCallExpr, Position};

/// One step of a chain.
pub(super) enum Link<'e> {
    Property(&'e str, Position),
    Method(&'e FnCallExpr, Position),
    Index(&'e Expr),
}

/// What a chain begins with, and its links. Nothing for what is no chain.
pub(super) fn links(expr: &Expr) -> Option<(&Expr, Vec<Link<'_>>)> {
    let (pair, mut flags, mut dot) = step(expr)?;
    let (root, mut links) = links(&pair.lhs).unwrap_or((&pair.lhs, vec![]));
    let mut rest = &pair.rhs;
    loop {
        let ends = !dot && flags.contains(ASTFlags::BREAK);
        match step(rest).filter(|_| !ends) {
            Some((pair, inner, is_dot)) => {
                links.push(link(&pair.lhs, dot));
                (rest, flags, dot) = (&pair.rhs, inner, is_dot);
            }
            None => {
                links.push(link(rest, dot));
                return Some((root, links));
            }
        }
    }
}

fn step(expr: &Expr) -> Option<(&rhai::BinaryExpr, ASTFlags, bool)> {
    match expr {
        Expr::Dot(pair, flags, _) => Some((pair, *flags, true)),
        Expr::Index(pair, flags, _) => Some((pair, *flags, false)),
        _ => None,
    }
}

fn link(expr: &Expr, dot: bool) -> Link<'_> {
    match expr {
        Expr::Property(property, at) if dot => Link::Property(&property.2, *at),
        Expr::MethodCall(call, at) if dot => Link::Method(call, *at),
        index => Link::Index(index),
    }
}

//! What a script does when something fails: the calls in its `catch` blocks, which a plan cannot come to.

use crate::walk::place;
use pb_core::Site;
use pb_core::plan::Remark;
use pb_core::run::Met;
use rhai::{AST, ASTNode, Expr, Position, Stmt};

type Place = (usize, usize);

/// A `try` whose `catch` calls something.
pub(crate) struct Try {
    file: String,
    body: (Place, Place),
    /// The calls in its `catch`.
    pub(crate) calls: Vec<Site>,
}

/// Those of a file; `acts` tells which functions are worth naming.
pub(crate) fn tries(file: &str, ast: &AST, acts: &dyn Fn(&str) -> bool) -> Vec<Try> {
    let (mut blocks, mut calls) = (vec![], vec![]);
    ast.walk(&mut |path| {
        match path.last() {
            Some(ASTNode::Stmt(Stmt::TryCatch(flow, _))) => {
                let span = |from: Position, to: Position| (place(from), place(to));
                let body = span(flow.body.position(), flow.body.end_position());
                blocks.push((
                    body,
                    span(flow.branch.position(), flow.branch.end_position()),
                ));
            }
            Some(
                ASTNode::Stmt(Stmt::FnCall(call, at))
                | ASTNode::Expr(Expr::FnCall(call, at) | Expr::MethodCall(call, at)),
            ) if acts(&call.name) => calls.push((call.name.to_string(), place(*at))),
            _ => {}
        }
        true
    });
    let site = |(call, (line, column)): &(String, Place)| Site {
        file: file.to_owned(),
        line: *line,
        column: *column,
        call: call.clone(),
    };
    let found = blocks.into_iter().map(|(body, branch)| Try {
        file: file.to_owned(),
        body,
        calls: calls
            .iter()
            .filter(|(_, at)| within(*at, branch))
            .map(site)
            .collect(),
    });
    found.filter(|found| !found.calls.is_empty()).collect()
}

impl Try {
    /// Says on a way, behind the last thing that the `try` came to, what follows if that fails. Tells whether the way came
    /// there at all.
    pub(crate) fn tell(&self, way: &mut Vec<Met>) -> bool {
        let here =
            |site: &Site| site.file == self.file && within((site.line, site.column), self.body);
        let last = way.iter().rposition(|met| match met {
            Met::Step(step) => step.site.first().is_some_and(here),
            Met::Remark(remark) => here(&remark.site),
            Met::Assumed { .. } => false,
        });
        let Some(last) = last else { return false };
        let names: Vec<String> = self
            .calls
            .iter()
            .map(|site| format!("{} (line {})", site.call, site.line))
            .collect();
        let remark = Remark {
            word: "catch".into(),
            text: names.join(", "),
            site: self.calls[0].clone(),
        };
        way.insert(last + 1, Met::Remark(remark));
        true
    }
}

fn within(at: Place, (from, to): (Place, Place)) -> bool {
    from <= at && at <= to
}

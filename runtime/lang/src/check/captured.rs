//! What is written, and by whom it is seen: branches and transactions share what is around them.

use super::chain::links;
use super::finder::Finder;
use pb_core::code;
use rhai::{Expr, Position};

impl Finder<'_> {
    /// Something is assigned to what a variable holds.
    pub(super) fn written(&mut self, to: &Expr) {
        let root = links(to).map_or(to, |(root, _)| root);
        if let Expr::Variable(variable, _, at) = root {
            self.captured_write(&variable.1, *at);
        }
    }

    /// A variable is written that other branches see too, or that a transaction which is run again has written already.
    pub(super) fn captured_write(&mut self, name: &str, at: Position) {
        let Some(word) = self.variables.shared_by(name).map(str::to_owned) else {
            return;
        };
        let is_bracket = self.world.registry.brackets.contains_key(word.as_str());
        let message =
            format!("the closure of `{word}` writes `{name}`, which was declared outside of it");
        let finding = self.error(&code::CAPTURED_WRITE, message, at);
        let (because, hint) = match is_bracket {
            true => (
                "it is run again when it lost against another transaction, and would write twice",
                "let the closure give the value",
            ),
            false => (
                "branches run at the same time, in any order",
                "let the closure give the value: results come back in the order of the list",
            ),
        };
        finding.because.push(because.into());
        finding.hint = Some(hint.into());
    }
}

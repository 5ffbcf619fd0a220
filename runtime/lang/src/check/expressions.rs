//! Expressions: every part is looked at once.

use super::closures::{Role, closure_of};
use super::finder::Finder;
use crate::words::WORDS;
use pb_core::code;
use rhai::{Expr, Position};

impl<'a> Finder<'a> {
    pub(super) fn expr(&mut self, expr: &'a Expr) {
        if let Some(closure) = closure_of(expr) {
            return self.closure(closure, Role::Kept);
        }
        match expr {
            Expr::StringConstant(text, at) => self.text(text, *at),
            Expr::InterpolatedString(parts, _) => {
                for part in parts.iter() {
                    match part {
                        Expr::StringConstant(text, at) => self.password_in_url(text, *at),
                        part => self.expr(part),
                    }
                }
            }
            Expr::Array(items, _) => items.iter().for_each(|item| self.expr(item)),
            Expr::Map(map, _) => map.0.iter().for_each(|(_, value)| self.expr(value)),
            Expr::Variable(variable, _, at) if variable.2.is_empty() => {
                self.variable(&variable.1, *at);
            }
            Expr::Variable(variable, _, at) => {
                self.library_constant(&variable.2, &variable.1, *at);
            }
            Expr::Stmt(block) => {
                self.block(block.statements(), true);
            }
            Expr::FnCall(call, at) => self.call(call, *at),
            Expr::Dot(..) | Expr::Index(..) => self.chain(expr),
            Expr::And(parts, _) | Expr::Or(parts, _) | Expr::Coalesce(parts, _) => {
                // What comes after the first may not be asked.
                for (i, part) in parts.iter().enumerate() {
                    match i {
                        0 => self.expr(part),
                        _ => self.maybe(|f| f.expr(part)),
                    }
                }
            }
            _ => {}
        }
    }

    fn text(&mut self, text: &str, at: Position) {
        self.password_in_url(text, at);
        let token = self.file.text.token(at);
        if !self
            .file
            .text
            .rest(token.line, token.column)
            .starts_with('"')
        {
            return;
        }
        let named = text.split("${").skip(1).find_map(|rest| {
            let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))?;
            let name = &rest[..end];
            (self.variables.find(name).is_some() || self.sees_target(name)).then_some(name)
        });
        if let Some(name) = named {
            let message =
                format!("`{name}` is not filled in: a text in double quotes is taken as it is");
            self.warning(&code::SURPRISE, message, at).hint =
                Some("write the text in back-ticks: `…`".into());
        }
    }

    fn variable(&mut self, name: &str, at: Position) {
        if self.variables.find(name).is_some()
            || self.sees_target(name)
            // The name of a function stands for the function.
            || self.file.functions.contains_key(name)
            || self.function.is_some_and(|function| self.file.survey.see_all.contains(function))
        {
            return;
        }
        if name == "target" {
            let finding = self.error(
                &code::UNKNOWN_VARIABLE,
                "a library does not see `target`",
                at,
            );
            finding
                .because
                .push("a library gets what it is passed, not the environment".into());
            finding.hint = Some("let the function take what it needs as a parameter".into());
            return;
        }
        if let Some(function) = self.function.filter(|_| self.file.declares_at_top(name)) {
            let message = format!("the function `{function}` does not see the variable `{name}`");
            let finding = self.error(&code::UNKNOWN_VARIABLE, message, at);
            finding.because.push(
                "functions see their parameters alone, closures see what is around them".into(),
            );
            finding.hint = Some(format!("add a parameter: fn {function}(…, {name})"));
            return;
        }
        let hint = self.did_you_mean(name, self.variables.names().chain(self.target_name()));
        let is_later = self.function.is_none() && self.file.declares_at_top(name);
        let is_callable = self.world.registry.primitives.contains_key(name)
            || WORDS.iter().any(|word| word.name == name);
        let finding = self.error(
            &code::UNKNOWN_VARIABLE,
            format!("there is no variable `{name}` here"),
            at,
        );
        finding.hint = match (is_callable, is_later) {
            (true, _) => Some(format!("to call it, write `{name}(…)`")),
            (false, true) => Some("declare it before this line".into()),
            (false, false) => hint,
        };
    }
}

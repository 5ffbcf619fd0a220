//! Results that are thrown away although they are all that a statement has to give.

use super::chain::{Link, links};
use super::finder::Finder;
use pb_core::{Class, DynPrimitive, code};
use rhai::{Expr, FnCallExpr, Position};

/// The value of a statement.
pub(super) enum Value<'e> {
    Call(&'e FnCallExpr, Position),
    Expr(&'e Expr),
}

/// Words that only give something.
const GIVING: [&str; 6] = ["param", "env_var", "secret", "random", "now", "timestamp"];

/// Words in whose closures it counts that a call goes well.
const TRYING: [&str; 2] = ["smoke", "optional"];

impl Finder<'_> {
    pub(super) fn thrown_away(&mut self, value: Value<'_>) {
        match value {
            Value::Call(call, at) => self.call_thrown_away(call, at),
            Value::Expr(Expr::FnCall(call, at)) => self.call_thrown_away(call, *at),
            Value::Expr(expr) => {
                let Some((_, chain)) = links(expr) else {
                    return;
                };
                if let Some(Link::Method(call, at)) = chain.last() {
                    self.call_thrown_away(call, *at);
                }
            }
        }
    }

    fn call_thrown_away(&mut self, call: &FnCallExpr, at: Position) {
        let name = call.name.as_str();
        if call.is_operator_call() {
            return self.operator_thrown_away(name, at);
        }
        if call.is_qualified() || self.file.functions.contains_key(name) {
            return;
        }
        let tried = self
            .around
            .last()
            .is_some_and(|word| TRYING.contains(&word.as_str()));
        let primitive = self.world.registry.primitives.get(name);
        let reads = primitive.is_some_and(|primitive| !tried && only_reads(&**primitive));
        if reads || GIVING.contains(&name) {
            let message = format!("the result of `{name}` is thrown away");
            let finding = self.warning(&code::UNUSED, message, at);
            finding
                .because
                .push("it only looks, and nothing is done with what it saw".into());
            finding.hint = Some(format!("let result = {name}(…);"));
        }
    }

    fn operator_thrown_away(&mut self, name: &str, at: Position) {
        const COMPARING: [&str; 6] = ["==", "!=", "<", ">", "<=", ">="];
        const COUNTING: [&str; 6] = ["+", "-", "*", "/", "%", "**"];
        if COMPARING.contains(&name) {
            let finding = self.warning(
                &code::UNUSED,
                "the result of a comparison is thrown away",
                at,
            );
            finding.hint = Some(match name {
                "==" => "to assign, write `=`; to insist on it: ensure(…, \"why\")".into(),
                _ => "to insist on it: ensure(…, \"why\")".into(),
            });
        } else if COUNTING.contains(&name) {
            self.warning(
                &code::UNUSED,
                "the result of a calculation is thrown away",
                at,
            );
        }
    }
}

/// Whether a call looks and judges nothing. One that knows a `status` fails when it is another.
fn only_reads(primitive: &dyn DynPrimitive) -> bool {
    let spec = primitive.spec();
    let judges = spec.fields.iter().any(|field| field.name == "status");
    spec.class == Class::Read && spec.gives && !judges
}

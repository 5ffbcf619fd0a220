//! Statements: what they declare and write, and whether anything comes after them.

use super::finder::Finder;
use super::shape::Shape;
use super::unused::Value;
use pb_core::code;
use rhai::{ASTFlags, Expr, FlowControl, Stmt};

impl<'a> Finder<'a> {
    /// A list of statements with a scope of its own; tells whether it never comes to its end.
    pub(super) fn block(&mut self, statements: &'a [Stmt], used: bool) -> bool {
        let mark = self.variables.mark();
        let ends = self.statements(statements, used);
        self.variables.back_to(mark);
        ends
    }

    /// What is declared stays declared. `used`: the value of the last one is the value of the whole.
    pub(super) fn statements(&mut self, statements: &'a [Stmt], used: bool) -> bool {
        let last = statements
            .iter()
            .rposition(|statement| !statement.is_noop());
        let mut ends = false;
        for (i, statement) in statements.iter().enumerate() {
            if statement.is_noop() {
                continue;
            }
            if ends {
                self.warning(
                    &code::UNREACHABLE_CODE,
                    "nothing ever comes to this statement",
                    statement.position(),
                );
                return true;
            }
            ends = self.statement(statement, used && Some(i) == last);
        }
        ends
    }

    fn statement(&mut self, statement: &'a Stmt, used: bool) -> bool {
        match statement {
            Stmt::Var(variable, ..) => {
                let (name, value, _) = &**variable;
                self.expr(value);
                let shape = self.shape_of(value);
                let shape = match self.file.survey.written.contains(name.as_str()) {
                    true => Shape::Unknown,
                    false => shape,
                };
                self.variables.declare(&name.name, shape);
            }
            Stmt::Assignment(assignment) => {
                let pair = &assignment.1;
                self.expr(&pair.rhs);
                self.expr(&pair.lhs);
                self.written(&pair.lhs);
            }
            Stmt::FnCall(call, at) => {
                self.call(call, *at);
                if !used {
                    self.thrown_away(Value::Call(call, *at));
                }
            }
            Stmt::Expr(expr) => return self.expr_statement(expr, used),
            Stmt::Block(block) => return self.block(block.statements(), used),
            Stmt::If(flow, _) => {
                self.expr(&flow.expr);
                let first = self.maybe(|f| f.block(flow.body.statements(), used));
                let other = self.maybe(|f| f.block(flow.branch.statements(), used));
                return first && other;
            }
            Stmt::Switch(switch, _) => {
                let (subject, cases) = &**switch;
                self.expr(subject);
                let mut ends = cases.def_case.is_some();
                for case in &cases.expressions {
                    self.expr(&case.lhs);
                    ends &= self.maybe(|f| match &case.rhs {
                        Expr::Stmt(block) => f.block(block.statements(), used),
                        other => f.expr_statement(other, used),
                    });
                }
                return ends;
            }
            Stmt::While(flow, _) => return self.while_loop(flow),
            Stmt::Do(flow, ..) => {
                self.repeated(|f| f.block(flow.body.statements(), false));
                self.expr(&flow.expr);
            }
            Stmt::For(each, _) => {
                let (item, counter, flow) = &**each;
                self.expr(&flow.expr);
                let mark = self.variables.mark();
                if let Some(counter) = counter {
                    self.variables.declare(&counter.name, Shape::Unknown);
                }
                self.variables.declare(&item.name, self.item_of(&flow.expr));
                self.repeated(|f| f.block(flow.body.statements(), false));
                self.variables.back_to(mark);
            }
            Stmt::TryCatch(flow, _) => return self.try_catch(flow, used),
            Stmt::BreakLoop(value, flags, _) => {
                if let Some(value) = value {
                    self.expr(value);
                }
                if flags.contains(ASTFlags::BREAK)
                    && let Some(left) = self.breaks.last_mut()
                {
                    *left = true;
                }
                return true;
            }
            Stmt::Return(value, ..) => {
                if let Some(value) = value {
                    self.expr(value);
                }
                return true;
            }
            // Looked at with the file as a whole.
            Stmt::Import(..) | Stmt::Export(..) | Stmt::Noop(..) | Stmt::Share(..) => {}
            _ => {}
        }
        false
    }

    fn expr_statement(&mut self, expr: &'a Expr, used: bool) -> bool {
        if let Expr::Stmt(block) = expr {
            return self.block(block.statements(), used);
        }
        self.expr(expr);
        if !used {
            self.thrown_away(Value::Expr(expr));
        }
        false
    }

    /// `loop` has no condition.
    fn while_loop(&mut self, flow: &'a FlowControl) -> bool {
        let endless = matches!(flow.expr, Expr::Unit(..) | Expr::BoolConstant(true, _));
        self.expr(&flow.expr);
        let left = self.repeated(|f| f.block(flow.body.statements(), false));
        endless && !left
    }

    fn try_catch(&mut self, flow: &'a FlowControl, used: bool) -> bool {
        let tried = self.maybe(|f| f.block(flow.body.statements(), used));
        let mark = self.variables.mark();
        if let Expr::Variable(error, ..) = &flow.expr {
            self.variables.declare(&error.1, Shape::Unknown);
        }
        let caught = self.maybe(|f| f.block(flow.branch.statements(), used));
        self.variables.back_to(mark);
        tried && caught
    }

    /// What may not happen, so that what it says does not hold afterwards.
    pub(super) fn maybe<T>(&mut self, look: impl FnOnce(&mut Self) -> T) -> T {
        let ids = self.ids.mark();
        let result = look(self);
        self.ids.back_to(ids);
        result
    }

    /// The body of a loop; tells whether it is left by `break`.
    fn repeated(&mut self, look: impl FnOnce(&mut Self) -> bool) -> bool {
        self.breaks.push(false);
        self.maybe(look);
        self.breaks.pop().unwrap_or(true)
    }
}

//! Prepares a script for a plan: what decides over its way goes through a function that knows unknown values.
//!
//! Rhai takes `switch` and texts with `${…}` of any value without asking, and stops at a condition that is no boolean. So
//! `if x {` becomes `if pb__decided(x) {`, and so on; a place in the woven text leads back to the one that was written.

use super::scan::Scan;
use rhai::{AST, ASTNode, Expr, Position, Stmt};
use std::cmp::Reverse;

/// Asks whether a condition holds.
pub(super) const DECIDED: &str = "pb__decided";
/// Asks whether a loop goes on.
pub(super) const REPEATS: &str = "pb__repeats";
/// Asks which case is taken.
pub(super) const CHOSEN: &str = "pb__chosen";
/// Asks whether a loop ends.
pub(super) const ENDS: &str = "pb__ends";
/// Asks what a loop goes over.
pub(super) const EACH_OF: &str = "pb__each_of";
/// Asks whether a text holds what is unknown.
pub(super) const WOVEN: &str = "pb__woven";

/// A script's text with calls woven in.
pub(super) struct Woven {
    text: String,
    shifts: Shifts,
}

/// What was put in, by line: columns as written, 0-based, and how many characters stand there now.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shifts(Vec<(usize, usize, usize)>);

impl Shifts {
    /// The column that was written, of one in the woven text; both 1-based.
    pub(crate) fn written(&self, line: usize, column: usize) -> usize {
        let mut left = column;
        let here = self.0.iter().filter(|(at, ..)| *at == line);
        for (_, before, put) in here {
            if left > before + put {
                left -= put;
            } else {
                return left.min(before + 1);
            }
        }
        left
    }
}

impl Woven {
    pub(super) fn into_parts(self) -> (String, Shifts) {
        (self.text, self.shifts)
    }
}

/// Weaves them in. The text must be that of the tree.
pub(super) fn weave(text: &str, ast: &AST) -> Woven {
    let chars: Vec<char> = text.chars().collect();
    let mut weaver = Weaver {
        scan: Scan(&chars),
        lines: line_starts(&chars),
        puts: vec![],
    };
    ast.walk(&mut |path| {
        match path.last() {
            Some(ASTNode::Stmt(statement)) => weaver.statement(statement),
            Some(ASTNode::Expr(expr)) => weaver.expr(expr),
            _ => {}
        }
        true
    });
    weaver.finish(&chars)
}

struct Weaver<'a> {
    scan: Scan<'a>,
    lines: Vec<usize>,
    puts: Vec<Put>,
}

/// Something that is put in before a character. Of those at one place what closes comes first, the inner one before the outer.
struct Put {
    at: usize,
    opens: bool,
    /// Where its other half stands.
    other: usize,
    text: String,
}

impl Weaver<'_> {
    fn statement(&mut self, statement: &Stmt) {
        match statement {
            Stmt::If(flow, at) => self.condition(at, "if", DECIDED, flow.body.position()),
            Stmt::While(flow, at) => self.condition(at, "while", REPEATS, flow.body.position()),
            Stmt::Do(flow, ..) => self.after_body(flow.body.end_position()),
            Stmt::For(parts, at) => self.loop_over(at, parts.2.body.position()),
            Stmt::Switch(_, at) => self.switch(at),
            _ => {}
        }
    }

    fn expr(&mut self, expr: &Expr) {
        match expr {
            Expr::And(operands, _) | Expr::Or(operands, _) => {
                for operand in operands.iter() {
                    if !matches!(operand, Expr::And(..) | Expr::Or(..)) {
                        self.operand(operand);
                    }
                }
            }
            Expr::InterpolatedString(_, at) => {
                if let Some(at) = self.place(at).filter(|at| self.scan.has(*at, "`")) {
                    self.wrap(at, self.scan.step(at), WOVEN, "");
                }
            }
            _ => {}
        }
    }

    fn condition(&mut self, keyword: &Position, word: &str, call: &str, body: Position) {
        let (Some(at), Some(body)) = (self.place(keyword), self.place(&body)) else {
            return;
        };
        // `loop` is a `while` without a condition.
        if self.scan.has_word(at, word) {
            self.wrap(at + word.len(), body, call, "");
        }
    }

    fn after_body(&mut self, end: Position) {
        let Some(end) = self.place(&end) else { return };
        let at = self.scan.solid(end + 1);
        for (word, call) in [("while", REPEATS), ("until", ENDS)] {
            if self.scan.has_word(at, word) {
                let from = at + word.len();
                let to = self.scan.find(from, |at| self.scan.has(at, ";"));
                self.wrap(from, to, call, "");
            }
        }
    }

    fn loop_over(&mut self, keyword: &Position, body: Position) {
        let (Some(at), Some(body)) = (self.place(keyword), self.place(&body)) else {
            return;
        };
        let word = self.scan.find(at, |at| self.scan.has_word(at, "in"));
        if word < body {
            self.wrap(word + "in".len(), body, EACH_OF, "");
        }
    }

    fn switch(&mut self, keyword: &Position) {
        let Some(at) = self.place(keyword) else {
            return;
        };
        let from = at + "switch".len();
        let is_map = |at: usize| at > 0 && self.scan.has(at - 1, "#");
        let block = self
            .scan
            .find(from, |at| self.scan.has(at, "{") && !is_map(at));
        let mut cases = vec![];
        let mut at = self.scan.solid(block + 1);
        while at < self.scan.0.len() && !self.scan.has(at, "}") {
            let arrow = self.scan.find(at, |at| self.scan.has(at, "=>"));
            let guard = self
                .scan
                .find(at, |here| here >= arrow || self.scan.has_word(here, "if"));
            if guard < arrow {
                self.wrap(guard + "if".len(), arrow, DECIDED, "");
            }
            cases.extend(self.values(at, guard.min(arrow)));
            let body = self.scan.solid(arrow + 2);
            let end = match self.scan.has(body, "{") {
                true => self.scan.find(body + 1, |_| false) + 1,
                false => self.scan.find(body, |at| self.scan.has(at, ",")),
            };
            let end = self.scan.solid(end);
            let next = self.scan.solid(if self.scan.has(end, ",") {
                end + 1
            } else {
                end
            });
            if next <= at {
                break;
            }
            at = next;
        }
        let known = format!(", [{}]", cases.join(", "));
        self.wrap(from, block, CHOSEN, &known);
    }

    /// The values of one case, as they are written: `1 | 2`.
    fn values(&self, from: usize, to: usize) -> Vec<String> {
        let mut values = vec![];
        let mut at = from;
        while at < to {
            let end = self.scan.find(at, |at| at >= to || self.scan.has(at, "|"));
            let value: String = self.scan.0[at..end.min(to)].iter().collect();
            let value = value.trim();
            if value != "_" && !value.is_empty() && !value.contains('\n') {
                values.push(value.to_owned());
            }
            at = end + 1;
        }
        values
    }

    /// An operand of `&&` or `||`: brackets around its left part belong to it.
    fn operand(&mut self, operand: &Expr) {
        let Some(mut from) = self.place(&leftmost(operand)) else {
            return;
        };
        let ends = |at: usize| {
            let scan = &self.scan;
            [";", ",", "&&", "||", "=>", "{"]
                .iter()
                .any(|end| scan.has(at, end))
                && !(scan.has(at, "{") && at > 0 && scan.has(at - 1, "#"))
        };
        loop {
            let to = self.scan.find(from, |at| at > from && ends(at));
            let behind = self.scan.solid(to + 1);
            let closes = self.scan.has(to, ")");
            let goes_on = closes && behind < self.scan.0.len() && {
                let c = self.scan.0[behind];
                "=!<>+-*/%.[?".contains(c) && !self.scan.has(behind, "=>")
                    || self.scan.has_word(behind, "in")
            };
            let opening = (0..from).rev().find(|at| !self.scan.0[*at].is_whitespace());
            match opening {
                Some(opening) if goes_on && self.scan.has(opening, "(") => from = opening,
                _ => return self.wrap(from, to, DECIDED, ""),
            }
        }
    }

    fn wrap(&mut self, from: usize, to: usize, call: &str, more: &str) {
        // Put before what is asked, so that its place is that of what is asked.
        let from = self.scan.solid(from);
        let put = |at, opens, other, text| Put {
            at,
            opens,
            other,
            text,
        };
        self.puts.push(put(from, true, to, format!(" {call}(")));
        self.puts.push(put(to, false, from, format!("{more})")));
    }

    fn place(&self, at: &Position) -> Option<usize> {
        Some(self.lines.get(at.line()? - 1)? + at.position()? - 1)
    }

    fn finish(mut self, chars: &[char]) -> Woven {
        // The outer one opens first, for its end is farther; the inner one closes first, for its beginning is nearer.
        self.puts
            .sort_by_key(|put| (put.at, put.opens, Reverse(put.other)));
        let (mut text, mut shifts) = (String::new(), Shifts::default());
        let mut from = 0;
        for put in &self.puts {
            let at = put.at.min(chars.len());
            text.extend(&chars[from..at]);
            text.push_str(&put.text);
            from = at;
            let line = self.lines.partition_point(|start| *start <= at);
            let column = at - self.lines[line - 1];
            shifts.0.push((line, column, put.text.chars().count()));
        }
        text.extend(&chars[from..]);
        Woven { text, shifts }
    }
}

/// Where an expression begins; Rhai has the place of the operator.
fn leftmost(expr: &Expr) -> Position {
    let earliest = |exprs: &[Expr]| exprs.iter().map(leftmost).min_by_key(in_order);
    let first = match expr {
        // An operator stands behind its first operand, as `in` does, which is a call of `contains`.
        Expr::FnCall(call, _) => earliest(&call.args)
            .into_iter()
            .chain([expr.start_position()])
            .min_by_key(in_order),
        Expr::Dot(pair, ..) | Expr::Index(pair, ..) => return leftmost(&pair.lhs),
        Expr::Coalesce(parts, _) => earliest(parts),
        _ => None,
    };
    first.unwrap_or_else(|| expr.start_position())
}

fn in_order(at: &Position) -> (Option<usize>, Option<usize>) {
    (at.line(), at.position())
}

fn line_starts(chars: &[char]) -> Vec<usize> {
    let ends = chars.iter().enumerate().filter(|(_, c)| **c == '\n');
    [0].into_iter().chain(ends.map(|(at, _)| at + 1)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::parser;
    use std::path::Path;

    fn woven(text: &str) -> String {
        let ast = parser().compile(text).expect("it parses");
        let woven = weave(text, &ast);
        if let Err(error) = parser().compile(&woven.text) {
            panic!("{error}: {}", woven.text);
        }
        woven.text.replace("pb__", "")
    }

    #[test]
    fn every_place_that_decides_is_found() {
        // Gaps are put in before a call, and those before a bracket stay where they were.
        let dense = |text: &str| text.replace(' ', "");
        let check = |text: &str, expected: &str| {
            assert_eq!(dense(&woven(text)), dense(expected), "{text}");
        };
        check("if a.b {}", "if  decided(a.b ){}");
        check(
            "if(a){} else if b {}",
            "if decided((a)){} else if  decided(b ){}",
        );
        check(
            "let x = (a == 0) && (b.c || true) && 1 > 0;",
            "let x = ( decided(a == 0)) && ( decided(b.c ) ||  decided(true)) &&  decided(1 > 0);",
        );
        check(
            "f((a + b) == c && d)",
            "f( decided((a + b) == c ) &&  decided(d))",
        );
        check(
            "f(|x| x.a && x.b)",
            "f(|x|  decided(x.a ) &&  decided(x.b))",
        );
        check(
            "f(\"b\" in c && !(d !in e) && f)",
            "f( decided(\"b\" in c ) &&  decided(!(d !in e) ) &&  decided(f))",
        );
        check("f(`a ${b} c`)", "f( woven(`a ${b} c`))");
        check(
            "f(`a ${if b {`${c}`} else {d}}`)",
            "f( woven(`a ${if  decided(b ){ woven(`${c}`)} else {d}}`))",
        );
        check("do { a } while b", "do { a } while  repeats(b)");
        check("do { a } until b; c", "do { a } until  ends(b); c");
        check("loop { a }", "loop { a }");
        check("for (x, i) in y {}", "for (x, i) in  each_of(y ){}");
        check(
            "switch a { 1 | 2 if b => c, \"x\" => { d } _ => e }",
            "switch  chosen(a , [1, 2, \"x\"]){ 1 | 2 if  decided(b )=> c, \"x\" => { d } _ => e }",
        );
        check(
            "/* if a */ // && b\n\"&& if\"",
            "/* if a */ // && b\n\"&& if\"",
        );
    }

    #[test]
    fn a_place_leads_back() {
        let text = "let x = a && g(`${b}`); f(x)";
        let ast = parser().compile(text).expect("it parses");
        let woven = weave(text, &ast);
        let column = |text: &str, of: &str| text.find(of).expect("it is there") + 1;
        for of in ["let", "a ", "`${", "b}", "; f(x)"] {
            assert_eq!(
                woven.shifts.written(1, column(&woven.text, of)),
                column(text, of),
                "{of}"
            );
        }
    }

    /// Names and places of statements and calls, in the order of the text; what was woven in is left out.
    fn places(ast: &AST, shifts: &Shifts) -> Vec<(String, usize, usize)> {
        let mut places = vec![];
        ast.walk(&mut |path| {
            let (name, at) = match path.last() {
                Some(ASTNode::Stmt(statement)) => (String::new(), statement.position()),
                Some(ASTNode::Expr(Expr::FnCall(call, at) | Expr::MethodCall(call, at))) => {
                    (call.name.to_string(), *at)
                }
                Some(ASTNode::Expr(Expr::Variable(variable, _, at))) => {
                    (variable.1.to_string(), *at)
                }
                _ => return true,
            };
            // Ranges among the cases of a `switch` are told again.
            if !name.starts_with("pb__")
                && !name.starts_with("..")
                && let (Some(line), Some(column)) = (at.line(), at.position())
            {
                places.push((name, line, shifts.written(line, column)));
            }
            true
        });
        places
    }

    /// Every playbook of the repository, every block of the book, and every script in the tests of this package.
    fn corpus() -> Vec<(String, String)> {
        let package = Path::new(env!("CARGO_MANIFEST_DIR"));
        let root = package
            .ancestors()
            .nth(2)
            .expect("it is in a workspace")
            .to_owned();
        let (mut folders, mut texts) = (vec![root], vec![]);
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).expect("it is a folder") {
                let path = entry.expect("it can be listed").path();
                let name = path.to_string_lossy().into_owned();
                if path.is_dir() {
                    let is_ours = !name.ends_with("/target")
                        && !name
                            .rsplit('/')
                            .next()
                            .is_some_and(|last| last.starts_with('.'));
                    folders.extend(is_ours.then_some(path));
                    continue;
                }
                let (open, close) = match name.rsplit('.').next() {
                    Some("rhai") => ("", "\0"),
                    Some("md") => ("```rhai", "```"),
                    Some("rs") => ("r#\"", "\"#"),
                    _ => continue,
                };
                let Ok(text) = std::fs::read_to_string(&path) else {
                    continue;
                };
                let parts = match open {
                    "" => vec![text.as_str()],
                    open => text.split(open).skip(1).collect(),
                };
                for part in parts {
                    let part = part.split(close).next().unwrap_or_default();
                    let part = match open {
                        "```rhai" => part.split_once('\n').map_or("", |(_, rest)| rest),
                        _ => part,
                    };
                    texts.push((name.clone(), part.to_owned()));
                }
            }
        }
        texts
    }

    #[test]
    fn no_script_is_broken_by_it_and_every_place_leads_back() {
        let mut woven = 0;
        for (name, text) in corpus() {
            // Some are meant to be wrong, and some are no scripts.
            let Ok(ast) = parser().compile(&text) else {
                continue;
            };
            let (told, shifts) = weave(&text, &ast).into_parts();
            let again = parser().compile(&told);
            let again = again.unwrap_or_else(|error| panic!("{name}: {error}\n{told}"));
            let (mut written, mut found) =
                (places(&ast, &Shifts::default()), places(&again, &shifts));
            written.sort();
            written.dedup();
            found.sort();
            found.dedup();
            assert_eq!(found, written, "{name}\n{told}");
            woven += usize::from(told != text);
        }
        assert!(woven >= 100, "{woven} scripts");
    }
}

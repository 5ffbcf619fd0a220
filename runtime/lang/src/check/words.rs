//! The words of the language, and brackets: their arguments, and the closures that they run.

use super::arguments::{Given, Taken};
use super::calls::{arguments, runs_closures};
use super::closures::{Role, closure_of};
use super::file::WORD_OPTIONS;
use super::finder::Finder;
use super::shape::{Shape, Type};
use crate::words::{Takes, Word};
use pb_core::code;
use pb_core::spec::Kind;
use rhai::{Expr, Position};
use std::collections::HashSet;

/// The bracket behind `savepoint(tx, name, f)`.
pub(super) const TX_SAVEPOINT: &str = "sql_savepoint";

impl<'a> Finder<'a> {
    pub(super) fn word(
        &mut self,
        word: &'static Word,
        receiver: Option<Given<'a>>,
        args: &'a [Expr],
        at: Position,
    ) {
        if word.name == "savepoint" && self.is_of_transaction(args) {
            return self.bracket(TX_SAVEPOINT, receiver, args, at);
        }
        let role = role(word);
        for arg in args {
            match (arg, word.name) {
                (Expr::Array(closures, _), "parallel") => self.arguments(closures, role),
                _ => self.arguments(std::slice::from_ref(arg), role),
            }
        }
        let count = args.len() + usize::from(receiver.is_some());
        let is_option = |takes: &&Takes| matches!(takes, Takes::Options(_));
        let options = word.takes.iter().filter(is_option).count();
        if !(word.takes.len() - options..=word.takes.len()).contains(&count) {
            let message = format!("`{}` was called with {}", word.name, arguments(count));
            self.error(&code::ARITY, message, at)
                .because
                .push(format!("it is written `{}`", word.signature()));
            return;
        }
        let skips = count < word.takes.len();
        let places = word
            .takes
            .iter()
            .filter(|takes| !(skips && is_option(takes)));
        let given = receiver
            .into_iter()
            .chain(args.iter().map(|arg| self.given(arg)));
        let given: Vec<_> = given.collect();
        for (takes, given) in places.zip(&given) {
            self.word_argument(word, takes, given);
        }
        self.after_word(word, &given, at);
    }

    fn word_argument(&mut self, word: &Word, takes: &Takes, given: &Given<'a>) {
        let mut findings = vec![];
        match takes {
            Takes::Value("list") if word.name == "parallel" => {}
            Takes::Value(name) => {
                if let Some(kind) = value_kind(name) {
                    self.fit(word.name, name, &kind, given, &mut findings);
                }
            }
            Takes::Options(_) => {
                let fields = WORD_OPTIONS.get(word.name).map_or(&[][..], Vec::as_slice);
                self.options_fit(word.name, fields, given, &mut findings);
            }
            Takes::Closure => {
                if given.shape.is_no_closure() {
                    let message = format!(
                        "`{}` takes a closure at the end, such as `|| {{ … }}`",
                        word.name
                    );
                    self.error(&code::WRONG_TYPE, message, given.at);
                }
            }
        }
        self.findings.append(&mut findings);
    }

    /// What holds from a word on, and what it takes besides types.
    fn after_word(&mut self, word: &Word, given: &[Given<'a>], at: Position) {
        match (word.name, given) {
            ("point_of_no_return", _) => self.committed = true,
            ("allow_destructive", _) => self.allowed = true,
            ("secret", [reference]) => self.secret_reference(reference),
            ("param", [name, ..]) => self.declared(name),
            ("each" | "rolling", [list, ..]) => self.twice_in_list(word.name, list),
            _ => {}
        }
        let scope = matches!(
            word.name,
            "savepoint" | "optional" | "each" | "parallel" | "rolling"
        );
        if scope && self.transaction.is_some() {
            let message = format!("`{}` has no place within a transaction", word.name);
            let finding = self.error(&code::NOT_ALLOWED_HERE, message, at);
            finding.because.push(
                "the database rolls a transaction back as a whole; within it use `savepoint(tx, name, f)`".into(),
            );
        }
    }

    /// A parameter is found without running the playbook: as what a variable is at its top level.
    fn declared(&mut self, name: &Given<'a>) {
        let Some(text) = name.shape.text().filter(|_| self.file.is_root) else {
            return;
        };
        if self.world.params.iter().any(|param| param.name == text) {
            return;
        }
        let names = self.world.params.iter().map(|param| param.name.as_str());
        let hint = self
            .did_you_mean(text, names)
            .unwrap_or_else(|| format!("let {} = param(\"{text}\");", text.replace('-', "_")));
        let message = format!("there is no parameter `{text}`");
        let finding = self.error(&code::PARAMETER, message, name.at);
        finding
            .because
            .push("parameters are declared at the top level, each as a variable".into());
        finding.hint = Some(hint);
    }

    fn secret_reference(&mut self, reference: &Given<'a>) {
        let Some(expr) = reference.expr else {
            return;
        };
        let hint = "write it as it is: secret(\"env:NAME\"), secret(\"file:PATH\") or secret(\"cmd:PROGRAM ARGS\")";
        match expr {
            Expr::StringConstant(text, at) => {
                let known = ["env:", "file:", "cmd:"]
                    .iter()
                    .any(|start| text.starts_with(start) && text.len() > start.len());
                if !known {
                    let message = format!("`{text}` is no reference to a secret");
                    let finding = self.error(&code::SECRET, message, *at);
                    finding
                        .because
                        .push("a reference begins with `env:`, `file:` or `cmd:`".into());
                }
            }
            // A text of another type is found by its type.
            _ if matches!(reference.shape.kind(), Some(kind) if kind != Type::Text) => {}
            other => {
                let finding = self.warning(
                    &code::SECRET,
                    "the reference to a secret is computed",
                    other.start_position(),
                );
                finding.because.push(
                    "only those that stand in the playbook are fetched before it begins".into(),
                );
                finding.hint = Some(hint.into());
            }
        }
    }

    /// Items of a list that have the same name.
    fn twice_in_list(&mut self, word: &str, list: &Given<'a>) {
        let Some(Expr::Array(items, _)) = list.expr else {
            return;
        };
        let mut seen = HashSet::new();
        for item in items.iter() {
            let shape = self.shape_of(item);
            let name = match shape.known() {
                Some(serde_json::Value::Number(n)) if n.is_i64() => n.to_string(),
                _ => match shape.text() {
                    Some(text) => text.to_owned(),
                    None => continue,
                },
            };
            if !seen.insert(name.clone()) {
                let message = format!("`{name}` is twice in the list given to `{word}`");
                self.error(&code::DUPLICATE_KEY, message, item.start_position());
            }
        }
    }

    /// Whether a savepoint is one of the database: its first argument is a transaction.
    fn is_of_transaction(&self, args: &[Expr]) -> bool {
        let [first, second, _] = args else {
            return false;
        };
        let first = self.shape_of(first);
        match first.is_handle() {
            Some(is_handle) => is_handle,
            None => !matches!(self.shape_of(second).kind(), Some(Type::Map)),
        }
    }

    pub(super) fn bracket(
        &mut self,
        name: &'a str,
        receiver: Option<Given<'a>>,
        args: &'a [Expr],
        at: Position,
    ) {
        let Some(bracket) = self.world.registry.brackets.get(name) else {
            return self.no_such_function(name, at);
        };
        let called = if name == TX_SAVEPOINT {
            "savepoint"
        } else {
            name
        };
        for arg in args {
            match closure_of(arg) {
                // Within a transaction the savepoint gives nothing: its closure goes on with the transaction's handle.
                Some(closure) if name == TX_SAVEPOINT => self.closure(closure, Role::Called),
                Some(closure) => self.closure(closure, Role::Bracket(name)),
                None => self.expr(arg),
            }
        }
        let Some((body, args)) = args.split_last() else {
            let message = format!("`{called}` takes a closure at the end, such as `|| {{ … }}`");
            self.error(&code::ARITY, message, at);
            return;
        };
        if self.shape_of(body).is_no_closure() {
            let message = format!("`{called}` takes a closure at the end, such as `|| {{ … }}`");
            self.error(&code::WRONG_TYPE, message, body.start_position());
            return;
        }
        let given = receiver
            .into_iter()
            .chain(args.iter().map(|arg| self.given(arg)));
        let given: Vec<_> = given.collect();
        let taken = Taken {
            call: called,
            fields: bracket.fields(),
            common: &[],
            at,
        };
        let assigned = self.assign(taken, &given);
        self.left_out(taken, &assigned);
        self.findings.extend(assigned.findings);
    }
}

fn role(word: &Word) -> Role<'static> {
    match word.name {
        "each" | "parallel" | "rolling" => Role::Branch(word.name),
        _ if runs_closures(word) => Role::Scope(word.name),
        _ => Role::Kept,
    }
}

/// What a value of a word is, by the name that it is declared with.
fn value_kind(name: &str) -> Option<Kind> {
    Some(match name {
        "name" | "text" | "why" | "reference" => Kind::Text,
        "list" => Kind::List(Box::new(Kind::Any)),
        "condition" => Kind::Bool,
        "n" => Kind::Int,
        "time" => Kind::Duration,
        _ => return None,
    })
}

/// What is given to a closure is no map of options.
pub(super) fn is_map(shape: &Shape) -> bool {
    shape.kind() == Some(Type::Map)
}

//! Calls: what is called, and whether it takes so many arguments.

use super::arguments::Given;
use super::closures::{Role, closure_of};
use super::finder::Finder;
use super::natives::Natives;
use crate::words::{Takes, WORDS, Word};
use pb_core::code;
use rhai::{Expr, FnCallExpr, Position};

impl<'a> Finder<'a> {
    pub(super) fn call(&mut self, call: &'a FnCallExpr, at: Position) {
        if call.is_operator_call() {
            return call.args.iter().for_each(|arg| self.expr(arg));
        }
        self.calls += 1;
        if call.is_qualified() {
            return self.library_call(call, at);
        }
        let name = call.name.as_str();
        let arity = call.args.len();
        let mine = self.file.functions.get(name);
        if let Some(overloads) = mine
            && overloads
                .iter()
                .any(|function| function.params.len() == arity)
        {
            self.arguments(&call.args, Role::Kept);
            return self.goes_through();
        }
        if let Some(word) = word(name) {
            return self.word(word, None, &call.args, at);
        }
        if self.world.registry.brackets.contains_key(name) {
            return self.bracket(name, None, &call.args, at);
        }
        if let Some(primitive) = self.world.registry.primitives.get(name) {
            self.arguments(&call.args, Role::Kept);
            let given = call.args.iter().map(|arg| self.given(arg)).collect();
            return self.primitive(&**primitive, given, at);
        }
        let native = Natives::all().named(name);
        let role = if native.is_some() {
            Role::Called
        } else {
            Role::Kept
        };
        self.arguments(&call.args, role);
        match (native, mine) {
            (Some(natives), _) if natives.contains_key(&arity) => {
                self.surprising_call(call, at);
                if name == "call" {
                    self.goes_through();
                }
                if let (true, Some(Expr::Variable(variable, _, at))) =
                    (Natives::is_writing(name), call.args.first())
                {
                    self.captured_write(&variable.1, *at);
                }
            }
            (native, Some(overloads)) => {
                let own = overloads.iter().map(|function| function.params.len());
                let natives = native
                    .into_iter()
                    .flat_map(|natives| natives.keys().copied());
                self.wrong_arity(name, arity, natives.chain(own), at);
            }
            (Some(natives), None) => {
                self.wrong_arity(name, arity, natives.keys().copied(), at);
            }
            (None, None) => self.no_such_function(name, at),
        }
    }

    /// Looks at arguments that nothing more is known of.
    pub(super) fn arguments(&mut self, args: &'a [Expr], role: Role<'_>) {
        for arg in args {
            match closure_of(arg) {
                Some(closure) => self.closure(closure, role),
                None => self.expr(arg),
            }
        }
    }

    pub(super) fn given(&self, expr: &'a Expr) -> Given<'a> {
        Given {
            expr: Some(expr),
            shape: self.shape_of(expr),
            at: begin(expr),
        }
    }

    /// A function of the script may pass a point of no return, which reaches on to here.
    pub(super) fn goes_through(&mut self) {
        if self.world.lifts() {
            (self.committed, self.allowed) = (true, true);
        }
    }

    pub(super) fn wrong_arity(
        &mut self,
        name: &str,
        given: usize,
        takes: impl IntoIterator<Item = usize>,
        at: Position,
    ) {
        let mut takes: Vec<_> = takes.into_iter().collect();
        takes.sort_unstable();
        takes.dedup();
        let message = format!("`{name}` was called with {}", arguments(given));
        let takes = match &takes[..] {
            [] => return,
            [one] => arguments(*one),
            [first @ .., last] => {
                let first: Vec<_> = first.iter().map(ToString::to_string).collect();
                format!("{} or {}", first.join(", "), arguments(*last))
            }
        };
        self.error(&code::ARITY, message, at)
            .because
            .push(format!("it takes {takes}"));
    }

    pub(super) fn no_such_function(&mut self, name: &str, at: Position) {
        if self.variables.find(name).is_some() {
            let message =
                format!("`{name}` is a variable, and Rhai looks for a function of that name");
            let hint = format!("a closure is called `{name}.call(…)`");
            return self.surprise(message, hint, at);
        }
        let libraries = self.file.survey.aliases.iter().filter_map(|(alias, path)| {
            let file = self.library(path)?;
            file.functions
                .contains_key(name)
                .then(|| format!("write `{alias}::{name}(…)`"))
        });
        let hint = libraries
            .min()
            .or_else(|| self.did_you_mean(name, self.callable_names()));
        self.error(
            &code::UNKNOWN_FUNCTION,
            format!("there is no function `{name}`"),
            at,
        )
        .hint = hint;
    }

    pub(super) fn callable_names(&self) -> impl Iterator<Item = &str> {
        let registry = self.world.registry;
        self.file
            .named_functions()
            .chain(registry.primitives.keys().copied())
            .chain(
                registry
                    .brackets
                    .keys()
                    .copied()
                    .filter(|name| *name != super::words::TX_SAVEPOINT),
            )
            .chain(
                WORDS
                    .iter()
                    .filter(|word| !is_variable(word))
                    .map(|word| word.name),
            )
            .chain(Natives::all().names())
    }

    /// Calls of Rhai's own functions that do something else than they look like.
    fn surprising_call(&mut self, call: &FnCallExpr, at: Position) {
        if let ("Fn", [Expr::StringConstant(named, named_at)]) =
            (call.name.as_str(), &call.args[..])
        {
            let named = named.as_str();
            if matches!(
                named,
                "print" | "debug" | "type_of" | "eval" | "call" | "curry" | "is_shared"
            ) {
                let message =
                    format!("`Fn(\"{named}\")` finds no function: `{named}` is a word of Rhai");
                let hint = format!("write a closure: |value| {named}(value)");
                self.surprise(message, hint, *named_at);
            } else if !self.is_callable(named) && !self.world.may_hold(named) {
                let hint = self.did_you_mean(named, self.callable_names());
                let message = format!("there is no function `{named}`");
                self.error(&code::UNKNOWN_FUNCTION, message, *named_at).hint = hint;
            }
        }
        if call.name == "eval" {
            self.surprise("`eval` is refused in runs", "write what it would run", at);
        }
    }

    fn is_callable(&self, name: &str) -> bool {
        let registry = self.world.registry;
        self.file.functions.contains_key(name)
            || registry.primitives.contains_key(name)
            || registry.brackets.contains_key(name)
            || word(name).is_some()
            || Natives::all().named(name).is_some()
            // The name of a property's getter, or of an operator.
            || !name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            || name.contains(['$', ':'])
    }
}

/// Where an expression begins; Rhai tells of `a + b` where its sign stands.
fn begin(expr: &Expr) -> Position {
    match expr {
        Expr::FnCall(call, _) if call.is_operator_call() && call.args.len() > 1 => {
            begin(&call.args[0])
        }
        other => other.start_position(),
    }
}

pub(super) fn word(name: &str) -> Option<&'static Word> {
    WORDS
        .iter()
        .find(|word| word.name == name && !is_variable(word))
}

fn is_variable(word: &Word) -> bool {
    word.name == "target"
}

/// Whether a word runs closures.
pub(super) fn runs_closures(word: &Word) -> bool {
    word.takes
        .iter()
        .any(|takes| matches!(takes, Takes::Closure))
        || word.name == "parallel"
}

pub(super) fn arguments(count: usize) -> String {
    match count {
        0 => "no argument".into(),
        1 => "1 argument".into(),
        n => format!("{n} arguments"),
    }
}

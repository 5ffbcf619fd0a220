//! Goes through one file and keeps what it finds, and what holds where it stands.

use super::bodies::{Function, is_closure};
use super::file::{File, World};
use super::ids::Ids;
use super::shape::Shape;
use super::text::Token;
use super::variables::Variables;
use pb_core::code::Code;
use pb_core::finding::{Finding, Level};
use pb_core::{Failure, code, nearest};
use rhai::Position;

/// How many findings of a file get a name that was perhaps meant.
const MOST_HINTS: usize = 100;

/// The state of a walk through one file.
pub(super) struct Finder<'a> {
    pub(super) world: &'a World<'a>,
    pub(super) file: &'a File<'a>,
    pub(super) variables: Variables,
    /// The name of the function that it is in.
    pub(super) function: Option<&'a str>,
    /// Where a point of no return and `allow_destructive` reach.
    pub(super) committed: bool,
    pub(super) allowed: bool,
    /// Ids of steps that come before in the same scope for sure.
    pub(super) ids: Ids,
    /// The transaction that it stands in, when that is certain.
    pub(super) transaction: Option<Transaction>,
    /// For each loop around, whether it is left by `break`.
    pub(super) breaks: Vec<bool>,
    /// The words whose closures are around.
    pub(super) around: Vec<String>,
    pub(super) findings: Vec<Finding>,
    pub(super) calls: usize,
}

/// A transaction around calls.
#[derive(Clone)]
pub(super) struct Transaction {
    /// What its closure calls it.
    pub(super) name: Option<String>,
    /// How many variables were there before it.
    pub(super) mark: usize,
}

impl<'a> Finder<'a> {
    pub(super) fn new(world: &'a World<'a>, file: &'a File<'a>) -> Self {
        Self {
            world,
            file,
            variables: Variables::default(),
            function: None,
            committed: false,
            allowed: false,
            ids: Ids::default(),
            transaction: None,
            breaks: vec![],
            around: vec![],
            findings: vec![],
            calls: 0,
        }
    }

    /// The statements of the file, then its functions, each by itself.
    pub(super) fn file(&mut self) {
        self.imports();
        self.statements(self.file.parsed.ast.statements(), true);
        let functions = self
            .file
            .functions
            .iter()
            .filter(|(name, _)| !is_closure(name));
        for (name, overloads) in functions {
            for function in overloads {
                self.function(name, function);
            }
        }
    }

    /// A function sees its parameters alone. Where it is called from, nobody can tell.
    fn function(&mut self, name: &'a str, function: &'a Function) {
        let mut inner = Self::new(self.world, self.file);
        inner.function = Some(name);
        (inner.committed, inner.allowed) = (true, true);
        for param in &function.params {
            inner.variables.declare(param, Shape::Unknown);
        }
        inner.statements(&function.body, true);
        self.findings.append(&mut inner.findings);
        self.calls += inner.calls;
    }

    /// Adds a finding about the token at a position; what else there is to say is added to it.
    pub(super) fn find(
        &mut self,
        code: &Code,
        level: Level,
        message: impl Into<String>,
        at: Position,
    ) -> &mut Finding {
        let finding = self.finding(code.id, level, message.into(), self.file.text.token(at));
        self.findings.push(finding);
        let last = self.findings.len() - 1;
        &mut self.findings[last]
    }

    pub(super) fn error(
        &mut self,
        code: &Code,
        message: impl Into<String>,
        at: Position,
    ) -> &mut Finding {
        self.find(code, Level::Error, message, at)
    }

    pub(super) fn warning(
        &mut self,
        code: &Code,
        message: impl Into<String>,
        at: Position,
    ) -> &mut Finding {
        self.find(code, Level::Warning, message, at)
    }

    /// Rhai takes something in another way than it looks.
    pub(super) fn surprise(
        &mut self,
        message: impl Into<String>,
        hint: impl Into<String>,
        at: Position,
    ) {
        self.error(&code::SURPRISE, message, at).hint = Some(hint.into());
    }

    /// `did you mean …?`, when there is a name that could have been meant. A file full of mistakes gets no more of them:
    /// each is a look at every name.
    pub(super) fn did_you_mean<'n>(
        &self,
        name: &str,
        names: impl IntoIterator<Item = &'n str>,
    ) -> Option<String> {
        if self.findings.len() > MOST_HINTS {
            return None;
        }
        nearest(name, names).map(|near| format!("did you mean `{near}`?"))
    }

    /// What a run would fail with.
    pub(super) fn failure(&self, failure: Failure, at: Position) -> Finding {
        let token = self.file.text.token(at);
        let mut finding = self.finding(&failure.code, Level::Error, failure.message, token);
        finding.because = failure.because;
        finding.hint = failure.hint;
        finding
    }

    fn finding(&self, code: &str, level: Level, message: String, at: Token) -> Finding {
        Finding {
            code: code.to_owned(),
            level,
            message,
            because: vec![],
            hint: None,
            file: self.file.name.to_owned(),
            line: at.line,
            column: at.column,
            end_column: at.end,
        }
    }
}

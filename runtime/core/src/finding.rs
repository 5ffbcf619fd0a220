//! What is found in a playbook and its files before anything is touched.

use crate::code::{self, Code};
use crate::failure::Failure;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// How much a finding weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// It would fail, or it would do harm: nothing is run.
    Error,
    /// It is hardly what was meant.
    Warning,
    /// Worth knowing.
    Note,
}

/// One finding and its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Such as `PB0207`.
    pub code: String,
    /// How much it weighs.
    pub level: Level,
    /// What is wrong, with the names in backticks.
    pub message: String,
    /// Why, a line each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub because: Vec<String>,
    /// A command or an edit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// The file, as it was named.
    pub file: String,
    /// 1-based; 0 for the file as a whole.
    pub line: usize,
    /// 1-based, in characters.
    pub column: usize,
    /// The column behind the last character.
    pub end_column: usize,
}

/// Where a call stands, as far as that is known before it runs.
#[derive(Debug, Clone, Copy, Default)]
pub struct Standing<'a> {
    /// Behind a point of no return.
    pub committed: bool,
    /// Where `allow_destructive` reaches.
    pub allowed: bool,
    /// The folder of the project, when its files may be read: in a check, not while a call runs.
    pub base: Option<&'a Path>,
}

/// What speaks against a call.
#[derive(Debug, Clone)]
pub struct Complaint {
    /// Its kind.
    pub code: &'static Code,
    /// How much it weighs.
    pub level: Level,
    /// What is wrong.
    pub message: String,
    /// Why, a line each.
    pub because: Vec<String>,
    /// A command or an edit.
    pub hint: Option<String>,
    /// What it points at.
    pub at: At,
}

/// What a complaint points at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum At {
    /// The name of the call.
    Call,
    /// The value of an argument or an option, such as `image` or `health.path`.
    Argument(String),
    /// A place in another file, such as a migration.
    File {
        /// As it is named from the project's folder.
        file: String,
        /// 1-based.
        line: usize,
        /// 1-based, in characters.
        column: usize,
        /// The column behind the last character.
        end_column: usize,
    },
}

impl Complaint {
    /// An error about the call itself.
    pub fn error(code: &'static Code, message: impl Into<String>) -> Self {
        Self::new(code, Level::Error, message)
    }

    /// Something hardly meant.
    pub fn warning(code: &'static Code, message: impl Into<String>) -> Self {
        Self::new(code, Level::Warning, message)
    }

    /// Something worth knowing.
    pub fn note(code: &'static Code, message: impl Into<String>) -> Self {
        Self::new(code, Level::Note, message)
    }

    /// An error that the call would end with.
    pub fn of(failure: Failure) -> Self {
        let known = code::ALL.iter().find(|code| code.id == failure.code);
        let mut complaint = Self::error(known.unwrap_or(&&code::SCRIPT), failure.message);
        complaint.because = failure.because;
        complaint.hint = failure.hint;
        complaint
    }

    fn new(code: &'static Code, level: Level, message: impl Into<String>) -> Self {
        Self {
            code,
            level,
            message: message.into(),
            because: vec![],
            hint: None,
            at: At::Call,
        }
    }

    /// Points at something else than the call.
    pub fn at(mut self, at: At) -> Self {
        self.at = at;
        self
    }

    /// Adds a line that says why.
    pub fn because(mut self, line: impl Into<String>) -> Self {
        self.because.push(line.into());
        self
    }

    /// Sets the command or edit that helps.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl From<Complaint> for Failure {
    fn from(complaint: Complaint) -> Self {
        let mut failure = Self::new(complaint.code, complaint.message);
        failure.because = complaint.because;
        failure.hint = complaint.hint;
        failure
    }
}

//! What went wrong, as data: code, message, because, state, hint. Scripts catch it, journals keep it.

use crate::code::{self, Code};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Result of whatever can fail for a reason that a person should read.
pub type Result<T, E = Failure> = std::result::Result<T, E>;

/// An error in the four parts that people read, in this order: what, because, state, hint.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// Such as `PB0042`.
    pub code: String,
    /// What scripts compare, such as `unhealthy`.
    pub kind: String,
    /// What happened, with the values: lower case, past tense.
    pub message: String,
    /// Why, as observed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub because: Vec<String>,
    /// What is true now.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub state: Vec<String>,
    /// A command or an edit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// What a script may want to look at, such as `sqlstate`.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub data: Map<String, Value>,
    /// Key of the step that failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// Whether what the failed scope had done was undone; `None` while that is not settled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undone: Option<bool>,
    /// Where in the script, innermost first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub chain: Vec<Site>,
    /// Whether the same call may succeed when it is made again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub retryable: bool,
    /// Whether something was changed, or may have been, before it failed: a command that ran and ended with an error.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub partial: bool,
    /// Whether nobody knows if the effect happened.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub doubt: bool,
    /// Whether enclosing scopes leave everything as it is.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub frozen: bool,
}

/// A place in a script.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Site {
    /// The file as it was named on the command line, or the module.
    pub file: String,
    /// 1-based.
    pub line: usize,
    /// 1-based, in characters.
    pub column: usize,
    /// The function called there.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub call: String,
}

impl Failure {
    /// A failure of that code.
    pub fn new(code: &Code, message: impl Into<String>) -> Self {
        Self {
            code: code.id.into(),
            kind: code.kind.into(),
            message: message.into(),
            because: vec![],
            state: vec![],
            hint: None,
            data: Map::new(),
            step: None,
            undone: None,
            chain: vec![],
            retryable: false,
            partial: false,
            doubt: false,
            frozen: false,
        }
    }

    /// Adds a line that says why, as observed.
    pub fn because(mut self, line: impl Into<String>) -> Self {
        self.because.push(line.into());
        self
    }

    /// Adds a line that says what is true now.
    pub fn state(mut self, line: impl Into<String>) -> Self {
        self.state.push(line.into());
        self
    }

    /// Sets the command or edit that helps.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds something a script may look at.
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.data.insert(name.into(), value.into());
        self
    }

    /// Says that the same call may succeed when it is made again.
    pub fn retryable(mut self) -> Self {
        self.retryable = true;
        self
    }

    /// Says that something may have been changed before it failed.
    pub fn partial(mut self) -> Self {
        self.partial = true;
        self
    }

    /// Says that nobody knows whether the effect happened.
    pub fn in_doubt(mut self) -> Self {
        self.doubt = true;
        self
    }

    /// Whether it is of that code.
    pub fn is(&self, code: &Code) -> bool {
        self.code == code.id
    }

    /// A defect of pb itself, said as such.
    pub(crate) fn broken(what: &str, error: impl std::fmt::Display) -> Self {
        Self::new(
            &code::JOURNAL,
            format!("pb could not read its own {what}: {error}"),
        )
    }
}

/// Why a call gave no value.
#[derive(Debug, Clone)]
pub enum CallError {
    /// The script may catch it.
    Failed(Box<Failure>),
    /// The run was told to stop, or a sibling failed; no script can catch it.
    Stopped,
    /// The journal cannot be written; nothing new may start and no script can catch it.
    Fatal(Box<Failure>),
}

impl From<Failure> for CallError {
    fn from(failure: Failure) -> Self {
        // Nothing is caught and nothing is undone on a server that is another run's by now.
        match failure.is(&code::LEASE_LOST) {
            true => Self::Fatal(Box::new(failure)),
            false => Self::Failed(Box::new(failure)),
        }
    }
}

//! The one stream of what happens, from which everything that is shown is rendered.

use crate::Failure;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::sync::Arc;

/// Names the format. Raise it when a field changes its meaning or goes; new fields and kinds do not count.
pub const SCHEMA: &str = "pb.events/1";

/// Something that happened in a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Always `pb.events/1`.
    pub schema: String,
    /// Id of the run.
    pub run: String,
    /// Milliseconds since 1970.
    pub t: u64,
    /// What it is.
    #[serde(flatten)]
    pub what: What,
}

/// The kinds of events.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum What {
    /// A run begins.
    RunStarted {
        /// The playbook as it was named.
        playbook: String,
        /// The environment.
        env: String,
        /// Values of the playbook's parameters.
        params: Map<String, Value>,
    },
    /// A run is taken up by another process.
    RunResumed {
        /// The playbook as it was named.
        playbook: String,
        /// The environment.
        env: String,
        /// Values of the playbook's parameters.
        params: Map<String, Value>,
        /// Counts the processes that worked on it, from 1.
        epoch: u64,
    },
    /// A step begins.
    StepStarted(Step),
    /// A step has something to say while it works.
    StepProgress {
        /// Key of the step.
        key: String,
        /// Such as `waiting for web-1: 503`.
        text: String,
        /// How far it is, of how much.
        #[serde(skip_serializing_if = "Option::is_none")]
        done: Option<(u64, u64)>,
    },
    /// A step has its result.
    StepFinished {
        /// The step.
        #[serde(flatten)]
        step: Step,
        /// Whether it changed anything; `None` for what only reads.
        changed: Option<bool>,
        /// What it says about itself, such as the versions applied.
        summary: String,
        /// Milliseconds.
        took: u64,
    },
    /// A step failed; what it had done by halves is undone next.
    StepFailed {
        /// The step.
        #[serde(flatten)]
        step: Step,
        /// Why.
        failure: Failure,
        /// Milliseconds.
        took: u64,
    },
    /// A scope begins.
    ScopeStarted {
        /// Key of the scope.
        key: String,
        /// `savepoint`, `each` and the like.
        kind: String,
        /// The word in the script, such as the savepoint's name.
        name: String,
        /// How many branches it has; 0 for scopes without.
        branches: u64,
    },
    /// A scope ends.
    ScopeFinished {
        /// Key of the scope.
        key: String,
        /// `savepoint`, `each` and the like.
        kind: String,
        /// Whether it ended well.
        ok: bool,
    },
    /// What was done is being undone, newest first.
    UndoStarted {
        /// Key of the scope.
        scope: String,
        /// How many steps.
        steps: u64,
    },
    /// A step was undone, as observed.
    StepUndone {
        /// The step.
        #[serde(flatten)]
        step: Step,
        /// What undoing it said about itself.
        summary: String,
        /// Milliseconds.
        took: u64,
    },
    /// A step has no way back; its effect stays.
    StepKept {
        /// The step.
        #[serde(flatten)]
        step: Step,
        /// Why.
        why: String,
    },
    /// A step could not be undone; a person is needed.
    UndoFailed {
        /// The step.
        #[serde(flatten)]
        step: Step,
        /// Why.
        failure: Failure,
    },
    /// The script printed a line.
    Printed {
        /// The line.
        text: String,
    },
    /// Something worth knowing that is no error.
    Note {
        /// The sentence.
        text: String,
    },
    /// The run has ended.
    RunFinished {
        /// `done`, `undone`, `failed`, `stuck` or `interrupted`.
        state: String,
        /// Whether any step changed anything.
        changed: bool,
        /// How many steps ran.
        steps: u64,
        /// Milliseconds.
        took: u64,
        /// The error that ended it.
        #[serde(skip_serializing_if = "Option::is_none")]
        failure: Option<Failure>,
        /// The value of the script.
        #[serde(skip_serializing_if = "Value::is_null", default)]
        value: Value,
    },
}

/// Which step an event is about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Its key.
    pub key: String,
    /// Its ordinal in the run, from 1, in the order of beginning.
    pub n: u64,
    /// The primitive.
    pub name: String,
    /// What it touches, such as a container's name.
    #[serde(rename = "where")]
    pub place: String,
}

impl Step {
    /// Its key as people read it: `migrate#1`, `each#1[web-1]/run_once#1`.
    pub fn shown(&self) -> &str {
        self.key.trim_start_matches('/')
    }
}

/// Takes events as they happen. It must not block for long, and cannot fail.
pub type Sink = Arc<dyn Fn(&Event) + Send + Sync>;

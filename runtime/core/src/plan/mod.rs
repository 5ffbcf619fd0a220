//! A plan: what a playbook would do to the world as it is, and what only the run can tell.

mod moved;

use crate::failure::{Failure, Site};
use crate::primitive::Survey;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Version of a plan's own format; a new one for every change that an older pb would misread.
pub const SCHEMA: &str = "pb.plan/1";

/// What stands for the id of the run in what a plan says.
pub const RUN: &str = "RUN";

/// A plan as it is saved, with everything that it was made from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// `pb.plan/1`.
    pub schema: String,
    /// Tells it from other plans: a part of the hash over what it would do and has seen.
    pub id: String,
    /// Version of pb.
    pub pb: String,
    /// RFC 3339, UTC.
    pub made: String,
    /// The playbook as it was named.
    pub playbook: String,
    /// Texts of the playbook and its modules, by name.
    pub sources: BTreeMap<String, String>,
    /// Values of its parameters.
    pub params: Map<String, Value>,
    /// The environment's name.
    pub env: String,
    /// The environment; secrets are references.
    pub target: Value,
    /// Which servers were read, by the name of their handle.
    pub servers: BTreeMap<String, Value>,
    /// Whether it would change anything besides what runs every time.
    pub pending: bool,
    /// What happens, in order.
    pub nodes: Vec<Node>,
    /// The error that the playbook would end with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// The calls in `catch` blocks that the playbook may come to: what they do, they decide then.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub caught: Vec<Site>,
    /// What stays unknown until the run, a sentence each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unknown: Vec<String>,
}

/// One thing that happens, or a fork.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Node {
    /// A call of a primitive.
    Step(Box<Planned>),
    /// What a word of the language says or asks.
    Remark(Remark),
    /// Depends on what only the run can tell.
    Fork {
        /// What it depends on, such as `run_once#1.code == 0`.
        on: String,
        /// Where.
        site: Site,
        /// What follows, by the answer.
        arms: Vec<Arm>,
    },
}

/// One way out of a fork.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Arm {
    /// The answer, such as `true`.
    pub answer: String,
    /// What happens then.
    pub nodes: Vec<Node>,
    /// The error that it ends with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
}

/// A step as it is planned.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Planned {
    /// Its key.
    pub key: String,
    /// Its keys on other ways to the same place.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<String>,
    /// Its ordinal, from 1, in the order of beginning.
    pub n: u64,
    /// The primitive.
    pub name: String,
    /// What it touches, such as a container's name.
    #[serde(rename = "where")]
    pub place: String,
    /// Where in the script, innermost first.
    pub site: Vec<Site>,
    /// What it comes to.
    pub state: PlannedState,
    /// Whether it can change anything at all.
    pub changes: bool,
    /// What it would do, a line each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub actions: Vec<String>,
    /// How it would be undone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undo: Option<WayBack>,
    /// What its primitive adds.
    #[serde(flatten)]
    pub survey: Survey,
    /// Why it cannot be told, or what is waited for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// The step before it that changes what it looks at: then it is decided again after that one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<u64>,
    /// How long it may wait at most, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits: Option<f64>,
    /// Hash of its arguments.
    pub args: String,
    /// Hash of what it was decided by; empty where nothing was seen.
    pub seen: String,
}

/// What a step comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlannedState {
    /// It only reads, and has read.
    Read,
    /// A condition that holds now.
    Open,
    /// A condition that does not hold now, or comes after a change.
    Waits,
    /// The world is as it wants it.
    Nothing,
    /// It would change something.
    Change,
    /// It runs every time.
    Every,
    /// Only the run can tell.
    Unknown,
}

/// How a step would be undone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WayBack {
    /// By a call of this primitive.
    By(String),
    /// By the end of the transaction that it stands in, and after that by this primitive, where there is one.
    Transaction(Option<String>),
    /// Not at all: why.
    None(String),
}

/// What a word of the language says or asks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Remark {
    /// The word, such as `point_of_no_return`.
    pub word: String,
    /// What it says.
    pub text: String,
    /// Where.
    pub site: Site,
}

impl Plan {
    /// What tells it from other plans: a short hash over everything but the time and the version.
    pub fn print(&self) -> String {
        let plan = Self {
            id: String::new(),
            pb: String::new(),
            made: String::new(),
            ..self.clone()
        };
        let text = crate::erased::to_value(&plan).to_string();
        crate::journal::hash(text.as_bytes())[..8].to_owned()
    }

    /// Every step on every way.
    pub fn steps(&self) -> Vec<&Planned> {
        let mut steps = vec![];
        collect(&self.nodes, &mut steps);
        steps
    }
}

fn collect<'a>(nodes: &'a [Node], steps: &mut Vec<&'a Planned>) {
    for node in nodes {
        match node {
            Node::Step(step) => steps.push(&**step),
            Node::Remark(_) => {}
            Node::Fork { arms, .. } => arms.iter().for_each(|arm| collect(&arm.nodes, steps)),
        }
    }
}

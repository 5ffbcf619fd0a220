//! What is wrong with a playbook, found before anything is connected to. What is not certain is not found.

mod arguments;
mod bodies;
mod calls;
mod captured;
mod chain;
mod closures;
mod credentials;
mod expressions;
mod file;
mod finder;
mod fit;
mod ids;

mod imports;
mod known;
mod methods;
mod natives;
mod options;
mod primitives;
mod refused;
mod shape;
mod statements;
mod survey;
mod target;
mod text;
mod unused;
mod variables;
mod words;

pub use refused::refused;

use crate::Script;
use file::World;
use finder::Finder;
use pb_core::finding::Finding;
use pb_core::run::Registry;
use serde_json::Value;
use std::path::Path;

/// The environment that a playbook is checked for.
#[derive(Debug, Clone)]
pub struct Environment {
    /// Its name, such as `prod`.
    pub name: String,
    /// What `target` holds; handles as `Handle::to_value` makes them.
    pub target: Value,
}

/// What a check came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Checked {
    /// By file, line and column; those of the playbook itself come first.
    pub findings: Vec<Finding>,
    /// How many files were looked at.
    pub files: usize,
    /// How many calls of primitives, words and functions.
    pub calls: usize,
}

/// Looks through a playbook and what it imports; connects to nothing and runs nothing.
///
/// Without an environment nothing is said about `target`. `base` is the folder of the project, when its files may be
/// read.
pub fn check(
    script: &Script,
    registry: &Registry,
    environment: Option<&Environment>,
    base: Option<&Path>,
) -> Checked {
    let world = World::new(script, registry, environment, base);
    let mut checked = Checked {
        files: world.files.len(),
        ..Checked::default()
    };
    for file in world.files.values() {
        let mut finder = Finder::new(&world, file);
        finder.file();
        checked.calls += finder.calls;
        checked.findings.append(&mut finder.findings);
    }
    let order = |finding: &Finding| {
        let is_module = finding.file != script.name();
        let place = (finding.line, finding.column, finding.code.clone());
        (is_module, finding.file.clone(), place, finding.level)
    };
    checked.findings.sort_by_cached_key(order);
    // Of two that say the same of one token the heavier stays, which comes first.
    let same = |b: &mut Finding, a: &mut Finding| {
        let place = |finding: &Finding| (finding.line, finding.column, finding.end_column);
        a == b || (a.line > 0 && a.file == b.file && place(a) == place(b) && a.code == b.code)
    };
    checked.findings.dedup_by(same);
    checked
}

//! Plans a script: plays it over the world as it is, read only, once for each way that it may go.

use super::Runtime;
use super::taking_up::Nowhere;
use crate::host::SystemClock;
use crate::params;
use crate::planning::{Fork, Way, tree};
use crate::script::Script;
use crate::values::rfc3339;
use pb_core::clock::Clock;
use pb_core::plan::{Node, Plan, Planned, PlannedState, SCHEMA};
use pb_core::run::{Looks, Run, Setup};
use pb_core::{CallError, Failure, Holder, Result, code};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

/// So many ways are planned; what lies beyond is said to be unknown.
const MOST_WAYS: usize = 16;

impl Runtime {
    /// What a script would do to the world as it is, and what only the run can tell. It reads, and changes nothing.
    ///
    /// # Errors
    /// What keeps a run from beginning, such as a missing parameter or secret; `PB0020` to `PB0022` never. An error that the
    /// playbook itself would end with stands in the plan.
    pub fn plan(&self, script: &Script, given: &Map<String, Value>) -> Result<Plan> {
        let params = params::complete(script.params(), given)?;
        let vault = self.vault()?;
        self.fetch_secrets(script, &self.target, &vault)?;
        let woven = script.woven()?;
        let looks = Arc::new(Looks::default());
        let (mut ways, mut answers, mut more) = (vec![], vec![], false);
        let registry = &self.registry;
        let acts = |name: &str| {
            registry.primitives.contains_key(name) || registry.brackets.contains_key(name)
        };
        let (tries, mut caught) = (script.tries(&acts), BTreeMap::new());
        loop {
            let setup = Setup {
                sink: Arc::new(|_| ()),
                holder: None,
                approved: None,
                ..self.setup(String::new(), Box::new(Nowhere), &vault, Holder::default())
            };
            let run = Run::plan(setup, looks.clone());
            let environment = (self.env.clone(), self.target.clone());
            let fork = Fork::with(std::mem::take(&mut answers));
            let session = self.session(
                run,
                &woven,
                params.clone(),
                environment,
                vault.clone(),
                Some(fork),
            );
            let failure = match self.on_script_thread(&session) {
                Ok(_) => None,
                Err(CallError::Failed(failure)) => Some(*failure),
                Err(CallError::Fatal(failure)) => return Err(*failure),
                Err(CallError::Stopped) => {
                    return Err(Failure::new(&code::SCRIPT, "the plan was interrupted"));
                }
            };
            let met = session.run.way();
            let mut way = woven.written_way(Way { met, failure });
            for found in &tries {
                if found.tell(&mut way.met) {
                    let calls = found.calls.iter();
                    caught.extend(calls.map(|site| ((&site.file, site.line, site.column), site)));
                }
            }
            ways.push(way);
            match session.fork.as_ref().and_then(Fork::next) {
                None => break,
                Some(_) if ways.len() == MOST_WAYS => {
                    more = true;
                    break;
                }
                Some(next) => answers = next,
            }
        }
        let (nodes, failure) = without_secrets(tree(&ways), &vault);
        let mut plan = Plan {
            schema: SCHEMA.into(),
            id: String::new(),
            pb: self.version.clone(),
            made: rfc3339(SystemClock::new().now()),
            playbook: script.name().into(),
            sources: script.sources().clone(),
            params,
            env: self.env.clone(),
            target: self.target.clone(),
            servers: looks.servers(),
            pending: false,
            nodes,
            failure,
            caught: caught.into_values().cloned().collect(),
            unknown: vec![],
        };
        plan.unknown = unknown(&plan, more);
        plan.pending = plan.steps().iter().any(|step| is_pending(step));
        plan.id = plan.print();
        Ok(plan)
    }
}

/// Words of the script, too, may hold what it has read.
fn without_secrets(
    plan: (Vec<Node>, Option<Failure>),
    vault: &pb_core::Vault,
) -> (Vec<Node>, Option<Failure>) {
    let told = serde_json::to_value(&plan).expect("a saved plan is made in the same way");
    let told = vault.scrubber().value(told);
    serde_json::from_value(told).expect("texts alone are others than they were")
}

/// Whether a step changes something, or may, that is not done every time.
fn is_pending(step: &Planned) -> bool {
    match step.state {
        PlannedState::Change => true,
        PlannedState::Unknown => step.changes,
        PlannedState::Nothing
        | PlannedState::Every
        | PlannedState::Read
        | PlannedState::Open
        | PlannedState::Waits => false,
    }
}

fn unknown(plan: &Plan, more: bool) -> Vec<String> {
    let mut lines = vec![];
    for step in plan.steps() {
        let named = format!("step {} {} {}", step.n, step.name, step.place);
        let named = named.trim_end();
        if let (PlannedState::Unknown, Some(why)) = (step.state, &step.why) {
            lines.push(format!("{named}: {why}"));
        }
    }
    let mut ends: Vec<&Failure> = plan.failure.iter().collect();
    failures(&plan.nodes, &mut ends);
    for failure in ends
        .into_iter()
        .filter(|failure| failure.is(&code::ONLY_THE_RUN))
    {
        lines.push(failure.message.clone());
    }
    if more {
        lines.push(format!(
            "there are more than {MOST_WAYS} ways; the others are not planned"
        ));
    }
    lines
}

fn failures<'a>(nodes: &'a [Node], found: &mut Vec<&'a Failure>) {
    for node in nodes {
        if let Node::Fork { arms, .. } = node {
            for arm in arms {
                found.extend(&arm.failure);
                failures(&arm.nodes, found);
            }
        }
    }
}

//! Holds a run to the plan that was approved: it does exactly those actions.

use super::past::UNDO;
use super::setup::Run;
use crate::code;
use crate::erased::AnyAction;
use crate::event::Step;
use crate::failure::{Failure, Site};
use crate::plan::{Plan, Planned, PlannedState, RUN};
use serde_json::Value;
use std::collections::{BTreeMap, HashMap, HashSet};

/// What may be done, and to which servers.
#[derive(Debug, Default)]
pub struct Approved {
    /// By the keys of steps.
    steps: HashMap<String, Vec<Allowed>>,
    /// Who they are, by the name of their handle.
    servers: BTreeMap<String, Value>,
    /// Calls in `catch` blocks, by file, line and column: no plan comes to them.
    caught: HashSet<(String, usize, usize)>,
}

#[derive(Debug)]
enum Allowed {
    /// These actions.
    Actions(Vec<String>),
    /// What the step decides then: the plan says that only the run can tell.
    WhatItDecides,
}

impl Approved {
    /// What a plan allows, on any of its ways.
    pub fn by(plan: &Plan) -> Self {
        let mut steps: HashMap<String, Vec<Allowed>> = HashMap::new();
        for step in plan.steps() {
            for key in [&step.key].into_iter().chain(&step.also) {
                let here = steps.entry(key.clone()).or_default();
                here.push(Allowed::by(step));
            }
        }
        let servers = plan.servers.clone();
        let caught = plan.caught.iter().map(place).collect();
        Self {
            steps,
            servers,
            caught,
        }
    }
}

fn place(site: &Site) -> (String, usize, usize) {
    (site.file.clone(), site.line, site.column)
}

impl Allowed {
    fn by(step: &Planned) -> Self {
        match step.state {
            PlannedState::Unknown | PlannedState::Waits => Self::WhatItDecides,
            _ if step.after.is_some() => Self::WhatItDecides,
            PlannedState::Nothing
            | PlannedState::Change
            | PlannedState::Every
            | PlannedState::Read
            | PlannedState::Open => Self::Actions(step.actions.clone()),
        }
    }
}

impl Run {
    /// Whether a server is the one that the plan was made with.
    ///
    /// # Errors
    /// `PB0231` where it is not.
    pub(super) fn is_planned_server(&self, handle: &str, identity: &Value) -> Result<(), Failure> {
        let approved = self.0.approved.as_deref();
        let planned = approved.and_then(|approved| approved.servers.get(handle));
        match planned.filter(|planned| *planned != identity) {
            None => Ok(()),
            Some(planned) => {
                let message = format!("`{handle}` is not the server that the plan was made with");
                Err(Failure::new(&code::NOT_PLANNED, message)
                    .because(format!("it was {planned}, and it is {identity} now")))
            }
        }
    }

    /// Whether a step may do that.
    ///
    /// # Errors
    /// `PB0231` for what the approved plan does not say.
    pub(super) fn is_approved(
        &self,
        step: &Step,
        site: Option<&Site>,
        stages: &[Vec<Vec<AnyAction>>],
    ) -> Result<(), Failure> {
        let Some(approved) = self.0.approved.as_deref() else {
            return Ok(());
        };
        // Taking back what was planned needs nobody's leave.
        if step.key.ends_with(UNDO) {
            return Ok(());
        }
        if site.is_some_and(|site| approved.caught.contains(&place(site))) {
            return Ok(());
        }
        let actions: Vec<String> = stages
            .iter()
            .flatten()
            .flatten()
            .map(|action| self.clean(&action.text).replace(self.id(), RUN))
            .collect();
        let planned = approved.steps.get(&step.key).map_or(&[][..], Vec::as_slice);
        let fits = planned.iter().any(|allowed| match allowed {
            Allowed::WhatItDecides => true,
            Allowed::Actions(planned) => *planned == actions,
        });
        if fits {
            return Ok(());
        }
        let message = format!(
            "`{}` would do something else than the approved plan says",
            step.name
        );
        let failure = Failure::new(&code::NOT_PLANNED, message);
        let failure = match planned.first() {
            None => failure.because("the plan does not come to this step"),
            Some(Allowed::Actions(planned)) if !planned.is_empty() => {
                planned.iter().fold(failure, |failure, line| {
                    failure.because(format!("planned: {line}"))
                })
            }
            Some(_) => failure.because("planned: nothing to do"),
        };
        Err(actions
            .iter()
            .fold(failure, |failure, line| {
                failure.because(format!("now: {line}"))
            })
            .hint("plan again, and look at what has changed"))
    }
}

//! `pb plan`, and what a saved plan is held against before it is run.

use crate::arguments::{Arguments, PlanArguments};
use crate::check;
use crate::config::Project;
use crate::console::Console;
use crate::exit::Exit;
use crate::private_file;
use crate::refusal::Refusal;
use crate::render::{Output, Report, plan as rendered};
use pb_core::plan::{Plan, SCHEMA};
use pb_core::{Failure, code};
use pb_runtime::{Runtime, Script};
use serde_json::{Map, Value};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Plans a playbook and shows the plan.
///
/// # Errors
/// What keeps a run from beginning; a plan that cannot be saved.
pub(crate) fn plan(
    script: &Script,
    project: &Project,
    arguments: &Arguments,
    wanted: &PlanArguments,
    console: &Console,
) -> Result<Exit, Refusal> {
    let variable = |name: &str| std::env::var(name).ok();
    let registry = pb_stdlib::registry(&project.base, None);
    let drivers = registry.drivers.tables();
    let environment = project.environment(wanted.env.as_deref(), drivers, &variable)?;
    let (told, checked_for) = ((arguments, console), environment.checked_for());
    if let Some(exit) = check::first(script, &project.base, &registry, &checked_for, told) {
        return Ok(exit);
    }
    let plan = planner(project, arguments, (&environment.name, environment.target))
        .and_then(|runtime| runtime.plan(script, &wanted.params))
        .map_err(|failure| Refusal::from(failure).sources_of(script))?;
    if let Some(path) = &wanted.out {
        save(&plan, path)?;
    }
    show(&plan, arguments, console);
    let exit = match &plan.failure {
        Some(failure) => Exit::of_a_plan(failure),
        None if wanted.exit_code && plan.pending => Exit::Pending,
        None => Exit::Done,
    };
    if let (Some(failure), Output::Text) = (&plan.failure, arguments.output) {
        let report = Report {
            failure,
            sources: &plan.sources,
            exit: Some(exit.code()),
        };
        report
            .lines(console.stderr)
            .iter()
            .for_each(|line| console.story(line));
    }
    if let (Some(path), Output::Text) = (&wanted.out, arguments.output) {
        let line = format!(
            "plan {} saved; good while what it has read stands: pb run --plan {}",
            plan.id,
            path.display()
        );
        console.story(&console.stderr.sentence(&line));
    }
    Ok(exit)
}

/// A runtime that plans.
///
/// # Errors
/// A place for runs that cannot be used; no threads.
pub(crate) fn planner(
    project: &Project,
    arguments: &Arguments,
    (env, target): (&str, Value),
) -> Result<Runtime, Failure> {
    Runtime::builder(pb_stdlib::registry(&project.base, None))
        .base(&project.base)
        .runs(project.runs(arguments.state.as_ref())?)
        .target(env, target)
        .build()
}

/// Shows a plan: on stdout, for it is the result.
pub(crate) fn show(plan: &Plan, arguments: &Arguments, console: &Console) {
    match arguments.output {
        Output::Json | Output::Ndjson => console.result(&json(plan).to_string()),
        Output::Text => rendered::lines(plan, console.stdout)
            .iter()
            .for_each(|line| console.result(line)),
    }
}

fn json(plan: &Plan) -> Value {
    serde_json::to_value(plan).unwrap_or_default()
}

/// A plan that was saved.
pub(crate) struct Saved {
    pub(crate) plan: Plan,
    path: PathBuf,
}

impl Saved {
    /// Reads it.
    ///
    /// # Errors
    /// A file that is not there, or no plan, or one of another pb.
    pub(crate) fn read(path: &Path) -> Result<Self, Refusal> {
        let wrong = |because: String| {
            let message = format!("the plan `{}` could not be read", path.display());
            Failure::new(&code::USAGE, message).because(because)
        };
        let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
        let value: Value = serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        if value["schema"] != SCHEMA {
            let because = format!("it is not of the format {SCHEMA}");
            return Err(wrong(because).hint("pb plan FILE -o PLAN").into());
        }
        let plan: Plan = serde_json::from_value(value).map_err(|error| wrong(error.to_string()))?;
        if plan.print() != plan.id {
            return Err(wrong("it was changed after it had been saved".into()).into());
        }
        let path = path.to_owned();
        Ok(Self { plan, path })
    }

    /// Refuses when anything that it has read has moved; `now` is the same plan made anew.
    ///
    /// # Errors
    /// `PB0230` names what has moved.
    pub(crate) fn stands(&self, now: &Plan) -> Result<(), Failure> {
        let moved = self.plan.moved(now);
        if moved.is_empty() {
            return Ok(());
        }
        let message = format!("the plan {} is out of date", self.plan.id);
        let failure = Failure::new(&code::PLAN_MOVED, message);
        let path = self.path.display();
        Err(moved
            .into_iter()
            .fold(failure, Failure::because)
            .state("nothing was touched")
            .hint(format!(
                "pb plan {} -e {} -o {path}, and look at it again",
                self.plan.playbook, self.plan.env
            )))
    }

    /// Where it is.
    pub(crate) fn path(&self) -> std::path::Display<'_> {
        self.path.display()
    }

    /// The values of its parameters.
    pub(crate) fn params(&self) -> &Map<String, Value> {
        &self.plan.params
    }
}

/// Readable by nobody else: a plan tells what servers said.
fn save(plan: &Plan, path: &Path) -> Result<(), Refusal> {
    let write = || {
        let mut file = private_file::create(path)?;
        let text = serde_json::to_string_pretty(plan)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()
    };
    write().map_err(|error: std::io::Error| {
        let message = format!("the plan `{}` could not be saved", path.display());
        Failure::new(&code::USAGE, message)
            .because(error.to_string())
            .into()
    })
}

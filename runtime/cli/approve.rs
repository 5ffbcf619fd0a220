//! What is approved before a run begins: a saved plan that still stands, or in a protected environment one that was looked at.

use crate::arguments::{Arguments, RunArguments};
use crate::config::{Environment, Project};
use crate::console::Console;
use crate::plan::{self, Saved};
use crate::prompt;
use crate::refusal::Refusal;
use crate::render::plan as rendered;
use pb_core::plan::Plan;
use pb_core::{Failure, code};
use pb_runtime::Script;

/// The plan that the run is held to; `None` where it needs none.
///
/// # Errors
/// `PB0230` for a saved plan that has moved, `PB0232` in a protected environment for a run that nobody has approved.
pub(crate) fn approve(
    script: &Script,
    project: &Project,
    arguments: &Arguments,
    wanted: &RunArguments,
    (environment, saved): (&Environment, Option<&Saved>),
    console: &Console,
) -> Result<Option<Plan>, Refusal> {
    if saved.is_none() && !environment.protected {
        return Ok(None);
    }
    let asks = environment.protected && !wanted.yes;
    if environment.protected && (saved.is_none() && wanted.yes || asks && !prompt::has_terminal()) {
        return Err(nobody(script, environment, saved).into());
    }
    let target = (environment.name.as_str(), environment.target.clone());
    let runtime = plan::planner(project, arguments, target)?;
    let params = saved.map_or(&wanted.params, Saved::params);
    let now = runtime
        .plan(script, params)
        .map_err(|failure| Refusal::from(failure).sources_of(script))?;
    if let Some(saved) = saved {
        saved.stands(&now)?;
    }
    if asks {
        rendered::lines(&now, console.stderr)
            .iter()
            .for_each(|line| console.story(line));
        let name = &environment.name;
        let question =
            format!("`{name}` is protected. Its name runs this plan, anything else does not:");
        if prompt::typed(&question).as_deref() != Some(name) {
            let message = format!("the run on the protected environment `{name}` was not approved");
            let refused = Failure::new(&code::NOT_APPROVED, message);
            return Err(refused.state("nothing was touched").into());
        }
    }
    Ok(Some(now))
}

fn nobody(script: &Script, environment: &Environment, saved: Option<&Saved>) -> Failure {
    let name = &environment.name;
    let message = format!("`{name}` is a protected environment, and nobody has approved the run");
    let next = match saved {
        Some(saved) => format!(
            "look at the plan, then: pb run --plan {} --yes",
            saved.path()
        ),
        None => format!(
            "pb plan {} -e {name} -o PLAN, look at it, then: pb run --plan PLAN --yes",
            script.name()
        ),
    };
    Failure::new(&code::NOT_APPROVED, message)
        .because("without a terminal it is approved by a plan that somebody has looked at")
        .state("nothing was touched")
        .hint(next)
}

//! The `pb` command: the only part that prints, reads flags, environment and configuration, and picks exit codes.

mod approve;
mod arguments;
mod check;
mod config;
mod console;
mod exit;
mod explain;
mod help;
mod past;
mod plan;
mod private_file;
mod prompt;
mod refusal;
mod render;
mod resume;
mod run;
mod runs;
mod show;
mod signals;

use arguments::{Ahead, Arguments, Stop, Verb};
use config::Project;
use console::Console;
use exit::Exit;
use pb_core::{Failure, code};
use pb_runtime::Script;
use plan::Saved;
use refusal::Refusal;
use render::ink::When;
use resume::Way;
use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<OsString> = std::env::args_os().collect();
    if let [_, word, args @ ..] = &args[..]
        && word == pb_stdlib::host::CHILD
    {
        return pb_stdlib::host::child(args);
    }
    // What pb writes is for its owner: journals, events and backups hold what servers said.
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    // It fails only when a provider is there already.
    drop(rustls::crypto::ring::default_provider().install_default());
    let ahead = arguments::look_ahead(&args);
    match dispatch(&args, &ahead) {
        Ok(exit) => exit.into(),
        Err(Stop::Help(shown)) => {
            let console = Console::new(When::Auto);
            if shown.asked {
                console.help(&shown);
                Exit::Done.into()
            } else {
                console.story(shown.plain.trim_end());
                Exit::Usage.into()
            }
        }
        Err(Stop::Wrong(refusal)) => {
            let console = Console::new(ahead.colour());
            console.refuse(&refusal);
            if ahead.wants_json() {
                let failure = refusal.failure();
                let object = match ahead.checks() {
                    true => check::refused(failure),
                    false => run::object(None, Some(failure), refusal.exit()),
                };
                console.result(&object.to_string());
            }
            refusal.exit().into()
        }
    }
}

fn dispatch(args: &[OsString], ahead: &Ahead) -> Result<Exit, Stop> {
    let here = move_to(ahead.folder.as_deref())?;
    let columns = Console::new(When::Auto).stdout.columns();
    let saved = ahead.plan.as_deref().map(Saved::read).transpose()?;
    let named = saved.as_ref().map(|saved| Path::new(&saved.plan.playbook));
    let Some(playbook) = named.or(ahead.playbook()) else {
        let arguments = arguments::parse(args, None, columns)?;
        let console = Console::new(arguments.colour);
        return Ok(match &arguments.verb {
            Verb::Check(wanted) => check::check(&arguments, wanted, here, &console)?,
            Verb::Explain(code) => explain::explain(code.as_deref(), &console)?,
            _ => look(&arguments, &Project::find(Path::new("."))?, &console)?,
        });
    };
    let beside = playbook
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let project = Project::find(if here {
        Path::new(".")
    } else {
        beside.unwrap_or(Path::new("."))
    })?;
    let script = Script::load(playbook, &project.base, pb_stdlib::LIBRARY)
        .map_err(|failure| Refusal::from(failure).sources_on_disk())?;
    let arguments = arguments::parse(args, Some(&script), columns)?;
    let console = Console::new(arguments.colour);
    match &arguments.verb {
        Verb::Run(wanted) => {
            let saved = saved.as_ref();
            Ok(run::run(
                &script, &project, &arguments, wanted, saved, &console,
            )?)
        }
        Verb::Plan(wanted) => Ok(plan::plan(&script, &project, &arguments, wanted, &console)?),
        _ => Ok(look(&arguments, &project, &console)?),
    }
}

/// The verbs that need a project and no playbook.
fn look(arguments: &Arguments, project: &Project, console: &Console) -> Result<Exit, Refusal> {
    let registry = pb_stdlib::registry(&project.base, None);
    let told = arguments.state.as_ref();
    let (output, verbosity) = (arguments.output, arguments.verbosity);
    match &arguments.verb {
        Verb::Run(_) | Verb::Plan(_) => unreachable!("it names a playbook"),
        Verb::Check(_) | Verb::Explain(_) => unreachable!("they need no project"),
        Verb::Resume(wanted) => {
            return resume::take_up(Way::Resume, project, arguments, wanted, console);
        }
        Verb::Rollback(wanted) => {
            return resume::take_up(Way::RollBack, project, arguments, wanted, console);
        }
        Verb::Runs => runs::list(&*project.runs(told)?, &registry, output, verbosity, console)?,
        Verb::Show(run) => show::show(
            &*project.runs(told)?,
            &registry,
            run.as_deref(),
            output,
            console,
        )?,
        Verb::Help(None) => help::list(&registry, console),
        Verb::Help(Some(name)) => help::explain(name, &registry, console)?,
    }
    Ok(Exit::Done)
}

/// Goes where `-C` says; tells whether it said so.
fn move_to(folder: Option<&Path>) -> Result<bool, Refusal> {
    let Some(folder) = folder else {
        return Ok(false);
    };
    std::env::set_current_dir(folder).map_err(|error| {
        Failure::new(
            &code::USAGE,
            format!("the folder `{}` could not be entered", folder.display()),
        )
        .because(error.to_string())
    })?;
    Ok(true)
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Wrong(refusal)
    }
}

//! `pb run`: a playbook from its command line to its exit code.

use crate::arguments::{Arguments, RunArguments};
use crate::config::Project;
use crate::console::{self, Console};
use crate::exit::Exit;
use crate::refusal::Refusal;
use crate::render::{Options, Output, Report, Stage, Totals, Verbosity};
use crate::{prompt, signals};
use pb_core::cancel::Cancel;
use pb_core::run::Finished;
use pb_core::{Failure, code};
use pb_runtime::{Runtime, Script};
use serde_json::{Value, json};
use std::fs::{File, OpenOptions, Permissions};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// Runs it to its end and says how it ended.
///
/// # Errors
/// What keeps the run from beginning.
pub(crate) fn run(
    script: &Script,
    project: &Project,
    arguments: &Arguments,
    wanted: &RunArguments,
    console: &Console,
) -> Result<Exit, Refusal> {
    let variable = |name: &str| std::env::var(name).ok();
    let registry = pb_stdlib::registry(&project.base);
    let drivers = registry.drivers.tables();
    let environment = project.environment(wanted.env.as_deref(), drivers, &variable)?;
    let events = wanted.events.as_deref().map(events_file).transpose()?;
    let stage = Stage::start(Options {
        output: arguments.output,
        verbosity: arguments.verbosity,
        story: console.stderr,
        terminal: console.draws.then_some(console::stderr_size),
        printed: console.stdout_is_terminal.then_some(console.stdout.ink),
        events,
    });
    let cancel = Cancel::default();
    let watched = signals::watch(cancel.clone(), stage.voice());
    let (user, host) = (
        user(),
        rustix::system::uname()
            .nodename()
            .to_string_lossy()
            .into_owned(),
    );
    let begun = watched
        .map_err(|error| no_signals(&error))
        .and_then(|signals| {
            let runtime = Runtime::builder(registry)
                .target(&environment.name, environment.target)
                .base(&project.base)
                .state(project.state(arguments.state.clone()))
                .events(stage.sink())
                .cancel(cancel.clone())
                .prompt(prompt::prompt(&stage, cancel, user.clone(), wanted.yes))
                .by(user, host)
                .build()?;
            Ok((runtime.run(script, &wanted.params)?, signals))
        });
    let totals = stage.finish();
    let (finished, signals) = begun.map_err(|failure| {
        let exit = Exit::before_a_run(&failure);
        Refusal::new(failure, exit).sources_of(script)
    })?;
    let exit = Exit::of(&finished, signals.first());
    conclude(script, &finished, &totals, exit, arguments, console);
    Ok(exit)
}

/// What is said after the story.
fn conclude(
    script: &Script,
    finished: &Finished,
    totals: &Totals,
    exit: Exit,
    arguments: &Arguments,
    console: &Console,
) {
    let mut last = finished.failure.clone();
    if let Some(failure) = last.as_mut() {
        let next = || format!("pb show {}", totals.run);
        failure.hint.get_or_insert_with(next);
        let report = Report {
            failure,
            sources: script.sources(),
            exit: Some(exit.code()),
        };
        report
            .lines(console.stderr)
            .iter()
            .for_each(|line| console.story(line));
    } else if let (Exit::Signal(_), false) = (exit, arguments.verbosity == Verbosity::Quiet) {
        console.story("  state: what is done stays as it is");
        let hint = format!("  hint: pb show {}", totals.run);
        console.story(
            &console
                .stderr
                .right(&hint, &format!("exit {}", exit.code())),
        );
    }
    if arguments.output == Output::Json {
        console.result(&object(Some((finished, totals)), last.as_ref(), exit).to_string());
    }
}

/// The object of `--output json`; a run that never began has neither id nor state.
pub(crate) fn object(
    run: Option<(&Finished, &Totals)>,
    error: Option<&Failure>,
    exit: Exit,
) -> Value {
    let totals = run.map(|(_, totals)| totals);
    json!({
        "schema": "pb.run/1",
        "run": totals.map(|totals| &totals.run),
        "state": totals.map(|totals| &totals.state),
        "exit": exit.code(),
        "changed": run.is_some_and(|(finished, _)| finished.acted),
        "steps": totals.map_or(0, |totals| totals.steps),
        "took": totals.map_or(0.0, |totals| totals.took as f64 / 1000.0),
        "value": run.map(|(finished, _)| &finished.value),
        "error": error,
    })
}

/// Readable by nobody else: events hold what servers said.
fn events_file(path: &Path) -> Result<(File, String), Refusal> {
    let name = path.display().to_string();
    let open = || {
        let file = OpenOptions::new()
            .create(true)
            .truncate(true)
            .write(true)
            .mode(0o600)
            .open(path)?;
        // One that was there keeps its mode; a pipe or a device is not ours to change.
        if file.metadata()?.is_file() {
            file.set_permissions(Permissions::from_mode(0o600))?;
        }
        Ok(file)
    };
    let file = open().map_err(|error: std::io::Error| {
        Failure::new(
            &code::USAGE,
            format!("the file `{name}` for events could not be written"),
        )
        .because(error.to_string())
    })?;
    Ok((file, name))
}

fn no_signals(error: &std::io::Error) -> Failure {
    Failure::new(&code::SCRIPT, "pb could not listen for signals").because(error.to_string())
}

/// Who starts the run, as the journal names it. Services and containers often have no variable that tells.
fn user() -> String {
    let uid = rustix::process::getuid().as_raw();
    let named = |name| std::env::var(name).ok().filter(|name| !name.is_empty());
    let listed = || {
        let users = std::fs::read_to_string("/etc/passwd").ok()?;
        let mut users = users.lines().map(|line| line.split(':'));
        users.find_map(|mut user| {
            let name = user.next()?;
            (user.nth(1)?.parse() == Ok(uid)).then(|| name.to_owned())
        })
    };
    let name = named("USER").or_else(|| named("LOGNAME")).or_else(listed);
    name.unwrap_or_else(|| format!("uid {uid}"))
}

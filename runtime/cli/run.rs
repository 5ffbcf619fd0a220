//! `pb run`: a playbook from its command line to its exit code.

use crate::approve::approve;
use crate::arguments::{Arguments, RunArguments};
use crate::check;
use crate::config::Project;
use crate::console::{self, Console};
use crate::exit::Exit;
use crate::plan::Saved;
use crate::refusal::Refusal;
use crate::render::ink::Tone;
use crate::render::{Options, Output, Report, Stage, Totals, Verbosity};
use crate::{private_file, prompt, signals};
use pb_core::cancel::Cancel;
use pb_core::run::Finished;
use pb_core::{Failure, code};
use pb_runtime::{Builder, Runtime, Script};
use pb_stdlib::host::Supervisor;

use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs::File;
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
    saved: Option<&Saved>,
    console: &Console,
) -> Result<Exit, Refusal> {
    let variable = |name: &str| std::env::var(name).ok();
    let registry = pb_stdlib::registry(&project.base, None);
    let drivers = registry.drivers.tables();
    let env = saved
        .map(|saved| saved.plan.env.as_str())
        .or(wanted.env.as_deref());
    let environment = project.environment(env, drivers, &variable)?;
    let (told, checked_for) = ((arguments, console), environment.checked_for());
    if let Some(exit) = check::first(script, &project.base, &registry, &checked_for, told) {
        return Ok(exit);
    }
    let params = saved.map_or(&wanted.params, Saved::params);
    let approved = approve(
        script,
        project,
        arguments,
        wanted,
        (&environment, saved),
        console,
    )?;
    let shown = Shown {
        project,
        arguments,
        console,
        events: wanted.events.as_deref(),
        yes: wanted.yes,
    };
    let driven = shown.drive(
        |builder| {
            builder
                .target(&environment.name, environment.target)
                .approved(approved.as_ref())
                .wait(wanted.wait)
                .supersede(wanted.supersede.clone())
                .steal(wanted.steal.clone())
        },
        |runtime| runtime.run(script, params),
    )?;
    let driven = driven.map_err(|failure| {
        let exit = Exit::before_a_run(&failure);
        Refusal::new(failure, exit).sources_of(script)
    })?;
    let exit = Exit::of(&driven.finished, driven.signal);
    shown.conclude(script.sources(), &driven, exit);
    Ok(exit)
}

/// How a run is shown, and who is asked.
pub(crate) struct Shown<'a> {
    pub(crate) project: &'a Project,
    pub(crate) arguments: &'a Arguments,
    pub(crate) console: &'a Console,
    pub(crate) events: Option<&'a Path>,
    pub(crate) yes: bool,
}

/// A run that has ended.
pub(crate) struct Driven {
    pub(crate) finished: Finished,
    pub(crate) totals: Totals,
    /// What told it to stop.
    pub(crate) signal: Option<u8>,
}

impl Shown<'_> {
    /// Does the work of a runtime while its story is told.
    ///
    /// # Errors
    /// The file for events cannot be written; within, what keeps the run from beginning.
    pub(crate) fn drive(
        &self,
        build: impl FnOnce(Builder) -> Builder,
        work: impl FnOnce(&Runtime) -> Result<Finished, Failure>,
    ) -> Result<Result<Driven, Failure>, Refusal> {
        let (arguments, console) = (self.arguments, self.console);
        let events = self.events.map(events_file).transpose()?;
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
        let host = rustix::system::uname();
        let host = host.nodename().to_string_lossy().into_owned();
        let told = arguments.state.as_ref();
        let supervisor = Supervisor::of_this_program(&self.project.folder(told));
        let begun = watched
            .map_err(|error| no_signals(&error))
            .and_then(|signals| {
                let registry = pb_stdlib::registry(&self.project.base, supervisor.clone());
                let builder = Runtime::builder(registry)
                    .base(&self.project.base)
                    .runs(self.project.runs(told)?)
                    .events(stage.sink())
                    .cancel(cancel.clone())
                    .prompt(prompt::prompt(&stage, cancel, user(), self.yes))
                    .by(user(), host);
                let runtime = build(builder).build()?;
                Ok((work(&runtime)?, signals))
            });
        let totals = stage.finish();
        if let (Some(supervisor), Ok((Finished { state: Some(_), .. }, _))) = (&supervisor, &begun)
        {
            supervisor.forget(&totals.run);
        }
        Ok(begun.map(|(finished, signals)| Driven {
            finished,
            totals,
            signal: signals.first(),
        }))
    }

    /// What is said after the story.
    pub(crate) fn conclude(&self, sources: &BTreeMap<String, String>, driven: &Driven, exit: Exit) {
        let (arguments, console) = (self.arguments, self.console);
        let Driven {
            finished, totals, ..
        } = driven;
        let mut last = finished.failure.clone();
        let asked = |failure: &Failure| failure.is(&code::ROLLED_BACK);
        if exit == Exit::Done
            && let Some(undone) = last.take_if(|failure| asked(failure))
        {
            let page = console.stderr;
            console.story(&page.ink.paint(Tone::Good, "undone"));
            let states = undone.state.iter();
            states.for_each(|line| console.story(&page.sentence(&format!("  now: {line}"))));
        } else if let Some(failure) = last.as_mut() {
            let next = || format!("pb show {}", totals.run);
            if asked(failure) {
                failure.message = format!("run {} was not undone as a whole", totals.run);
                let again = format!(
                    "mend that, then: pb rollback {} (--skip KEY leaves a step)",
                    totals.run
                );
                failure.hint = Some(again);
            }
            failure.hint.get_or_insert_with(next);
            let report = Report {
                failure,
                sources,
                exit: Some(exit.code()),
            };
            report
                .lines(console.stderr)
                .iter()
                .for_each(|line| console.story(line));
        } else if let (Exit::Signal(_), false) = (exit, arguments.verbosity == Verbosity::Quiet) {
            console.story("  state: what is done stays as it is");
            let hint = format!("  hint: pb resume {0}, or: pb rollback {0}", totals.run);
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
    let file = private_file::create(path).map_err(|error| {
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

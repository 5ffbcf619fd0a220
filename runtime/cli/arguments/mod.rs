//! The command line: verbs, flags, and after `pb run FILE` the parameters that the playbook itself declares.

mod ahead;
mod check;
mod parameters;
mod plan;
mod state;
mod take_up;
mod usage;

pub(crate) use ahead::{Ahead, look_ahead};
pub(crate) use check::{CheckArguments, Format};
pub(crate) use plan::PlanArguments;
pub(crate) use state::State;
pub(crate) use usage::Shown;

use crate::refusal::Refusal;
use crate::render::ink::When;
use crate::render::{Output, Verbosity};
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use pb_core::{Failure, Span, code};
use pb_runtime::{Script, TakeUp};
use serde_json::{Map, Value};
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

/// What was asked for.
pub(crate) struct Arguments {
    pub(crate) verb: Verb,
    pub(crate) output: Output,
    pub(crate) verbosity: Verbosity,
    pub(crate) colour: When,
    /// Where runs are kept, when that was said.
    pub(crate) state: Option<State>,
}

/// The verbs.
pub(crate) enum Verb {
    /// Runs a playbook.
    Run(RunArguments),
    /// Finds what is wrong with playbooks, touching nothing.
    Check(CheckArguments),
    /// Shows what a playbook would do.
    Plan(PlanArguments),
    /// Takes up a run that died.
    Resume(TakeUpArguments),
    /// Undoes a run.
    Rollback(TakeUpArguments),
    /// Lists runs.
    Runs,
    /// Shows one run, the newest by default.
    Show(Option<String>),
    /// Explains a primitive, or lists them.
    Help(Option<String>),
    /// Explains the code of an error, or lists them.
    Explain(Option<String>),
}

/// `pb run`.
pub(crate) struct RunArguments {
    pub(crate) env: Option<String>,
    pub(crate) events: Option<PathBuf>,
    /// Whether every question is answered with yes.
    pub(crate) yes: bool,
    /// How long another run on the environment is waited for.
    pub(crate) wait: Duration,
    /// A run that nobody will finish.
    pub(crate) supersede: Option<String>,
    /// The same, even while its process lives.
    pub(crate) steal: Option<String>,
    /// Values of the playbook's parameters.
    pub(crate) params: Map<String, Value>,
}

/// `pb resume` and `pb rollback`.
pub(crate) struct TakeUpArguments {
    /// How the id of the run begins.
    pub(crate) run: Option<String>,
    pub(crate) events: Option<PathBuf>,
    /// Whether nobody is asked.
    pub(crate) yes: bool,
    /// How long another run on the environment is waited for.
    pub(crate) wait: Duration,
    /// The edited playbook that is gone on with.
    pub(crate) edited: Option<PathBuf>,
    /// What is said of steps in doubt, and which are not undone.
    pub(crate) wish: TakeUp,
}

/// Why nothing is done: help was asked for, or nothing was understood.
pub(crate) enum Stop {
    Help(Shown),
    Wrong(Refusal),
}

const PARAMETERS: &str = "Parameters";
const OPTIONS: &str = "Options";
/// What every verb takes stands behind what one of them takes.
const LAST: usize = 100;

/// Reads the command line. `script` is the playbook that it names, when it names one.
pub(crate) fn parse(
    args: &[OsString],
    script: Option<&Script>,
    columns: usize,
) -> Result<Arguments, Stop> {
    let command = command(script).term_width(columns);
    let matches = command
        .try_get_matches_from(args)
        .map_err(|error| usage::stop(error, args, script))?;
    let wrong = |failure: Failure| Stop::Wrong(failure.into());
    let verb = match (matches.subcommand(), script) {
        (Some(("run", run)), Some(script)) => Verb::Run(RunArguments {
            env: run.get_one("env").cloned(),
            events: run.get_one("events").cloned(),
            yes: run.get_flag("yes"),
            wait: wait(run.get_one::<String>("wait")).map_err(wrong)?,
            supersede: run.get_one("supersede").cloned(),
            steal: run.get_one("steal").cloned(),
            params: parameters::of_a_run(script, run).map_err(wrong)?,
        }),
        (Some(("check", check)), _) => Verb::Check(check::read(check).map_err(wrong)?),
        (Some(("plan", plan)), Some(script)) => {
            Verb::Plan(plan::read(script, plan).map_err(wrong)?)
        }
        (Some(("resume", resume)), _) => Verb::Resume(take_up::read_resume(resume).map_err(wrong)?),
        (Some(("rollback", back)), _) => {
            Verb::Rollback(take_up::read_rollback(back).map_err(wrong)?)
        }
        (Some(("runs", _)), _) => Verb::Runs,
        (Some(("show", show)), _) => Verb::Show(show.get_one("run").cloned()),
        (Some(("help", help)), _) => Verb::Help(help.get_one("name").cloned()),
        (Some(("explain", explain)), _) => Verb::Explain(explain.get_one("code").cloned()),
        // The first look found no playbook where clap found one.
        _ => {
            let failure = Failure::new(
                &code::USAGE,
                "the playbook could not be told from the options",
            );
            return Err(wrong(failure.hint("pb run FILE [OPTIONS]")));
        }
    };
    let innermost = matches.subcommand().map_or(&matches, |(_, inner)| inner);
    Ok(common(verb, innermost))
}

fn wait(text: Option<&String>) -> Result<Duration, Failure> {
    let Some(text) = text else {
        return Ok(Duration::ZERO);
    };
    match Span::parse(text) {
        Ok(span) => Ok(span.0),
        Err(error) => {
            let message = format!("`--wait` takes no `{text}`");
            Err(Failure::new(&code::USAGE, message).because(error))
        }
    }
}

fn common(verb: Verb, matches: &ArgMatches) -> Arguments {
    let word = |name: &str| matches.get_one::<String>(name).map(String::as_str);
    Arguments {
        verb,
        output: match word("output") {
            Some("ndjson") => Output::Ndjson,
            Some("json") => Output::Json,
            _ => Output::Text,
        },
        verbosity: match (matches.get_flag("quiet"), matches.get_flag("verbose")) {
            (true, _) => Verbosity::Quiet,
            (_, true) => Verbosity::Verbose,
            _ => Verbosity::Normal,
        },
        colour: when(word("color")),
        state: State::told(matches.get_one("state"), &|name| std::env::var_os(name)),
    }
}

fn when(word: Option<&str>) -> When {
    match word {
        Some("always") => When::Always,
        Some("never") => When::Never,
        _ => When::Auto,
    }
}

/// The whole command; with a playbook its `run` knows the playbook's parameters.
pub(crate) fn command(script: Option<&Script>) -> Command {
    Command::new("pb")
        .about("Runs deploy playbooks: what fails is undone, what was done is written down")
        .version(env!("CARGO_PKG_VERSION"))
        .disable_help_subcommand(true)
        .disable_help_flag(true)
        .disable_version_flag(true)
        .subcommand_required(true)
        .arg_required_else_help(true)
        .next_help_heading(OPTIONS)
        .args(everywhere())
        .arg(
            Arg::new("version")
                .short('V')
                .long("version")
                .action(ArgAction::Version)
                .help("Prints the version"),
        )
        .subcommand(run(script))
        .subcommand(check::check())
        .subcommand(plan::plan(script))
        .subcommand(take_up::resume())
        .subcommand(take_up::rollback())
        .subcommand(Command::new("runs").about("Lists the runs, newest first"))
        .subcommand(
            Command::new("show").about("Shows what a run did").arg(
                Arg::new("run")
                    .value_name("RUN")
                    .help("Id of the run, or how it begins; the newest when left out"),
            ),
        )
        .subcommand(
            Command::new("help")
                .about("Explains a primitive or a word of the language, or lists all of them")
                .arg(
                    Arg::new("name")
                        .value_name("NAME")
                        .help("Such as wait_db or rolling"),
                ),
        )
        .subcommand(
            Command::new("explain")
                .about("Explains the code of an error, or lists all of them")
                .arg(Arg::new("code").value_name("CODE").help("Such as PB0207")),
        )
}

fn run(script: Option<&Script>) -> Command {
    let run = Command::new("run")
        .about("Runs a playbook; an error that nobody catches undoes what was done")
        .after_help("`pb run FILE --help` lists the parameters of that playbook.")
        .arg(
            file()
                .required_unless_present("plan")
                .conflicts_with("plan"),
        );
    let run = match script {
        Some(script) => parameters::declare(run, script),
        None => run,
    };
    run.next_help_heading(OPTIONS)
        .arg(env().conflicts_with("plan"))
        .arg(set().conflicts_with("plan"))
        .arg(
            Arg::new("plan")
                .long("plan")
                .value_name("FILE")
                .value_parser(value_parser!(PathBuf))
                .help(
                    "Does exactly what a saved plan says; nothing when what it has read has moved",
                ),
        )
        .arg(
            Arg::new("yes")
                .long("yes")
                .action(ArgAction::SetTrue)
                .help("Answers every question of the playbook with yes"),
        )
        .arg(events())
        .arg(waiting())
        .arg(
            Arg::new("supersede")
                .long("supersede")
                .value_name("RUN")
                .help(
                    "Begins although that run has neither ended nor been undone, and never will be",
                ),
        )
        .arg(
            Arg::new("steal")
                .long("steal")
                .value_name("RUN")
                .conflicts_with("supersede")
                .help(
                    "The same, and takes databases away from its process on a machine that is lost",
                ),
        )
}

fn file() -> Arg {
    Arg::new("file")
        .value_name("FILE")
        .value_parser(value_parser!(PathBuf))
        .help("The playbook")
}

fn env() -> Arg {
    Arg::new("env")
        .short('e')
        .long("env")
        .value_name("ENV")
        .help("Environment of pb.toml; PB_ENV or `local` when left out")
}

fn set() -> Arg {
    Arg::new("set")
        .long("set")
        .value_name("NAME=VALUE")
        .action(ArgAction::Append)
        .help("Gives a parameter, also one that is called like an option of pb")
}

fn waiting() -> Arg {
    Arg::new("wait")
        .long("wait")
        .value_name("TIME")
        .help("Waits so long for another run on the environment to end, such as 30s")
}

fn events() -> Arg {
    Arg::new("events")
        .long("events")
        .value_name("FILE")
        .value_parser(value_parser!(PathBuf))
        .help("Writes every event to a file, one JSON object per line")
}

fn everywhere() -> [Arg; 7] {
    [
        Arg::new("output")
            .long("output")
            .value_name("FORMAT")
            .value_parser(["text", "ndjson", "json"])
            .hide_possible_values(true)
            .help("What goes to stdout: text, ndjson (every event) or json (one object) [default: text]"),
        Arg::new("quiet")
            .short('q')
            .long("quiet")
            .action(ArgAction::SetTrue)
            .conflicts_with("verbose")
            .help("Tells only what went wrong"),
        Arg::new("verbose")
            .short('v')
            .long("verbose")
            .action(ArgAction::SetTrue)
            .help("Tells what steps say while they work, and every branch of a large fan-out"),
        Arg::new("color")
            .long("color")
            .value_name("WHEN")
            .value_parser(["auto", "always", "never"])
            .hide_possible_values(true)
            .help("Colours: auto, always or never [default: auto]"),
        Arg::new("state")
            .long("state")
            .value_name("PLACE")
            .value_parser(value_parser!(OsString))
            .help("Where runs are kept: a folder or postgres://…; PB_STATE or `.pb` beside pb.toml when left out"),
        Arg::new("folder")
            .short('C')
            .value_name("DIR")
            .value_parser(value_parser!(PathBuf))
            .help("Works as if it had been started in that folder"),
        Arg::new("help")
            .short('h')
            .long("help")
            .action(ArgAction::Help)
            .help("Prints this"),
    ]
    .map(|arg| arg.global(true).display_order(LAST))
}

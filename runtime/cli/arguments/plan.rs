//! The command line of `pb plan`.

use super::parameters;
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use pb_core::Failure;
use pb_runtime::Script;
use serde_json::{Map, Value};
use std::path::PathBuf;

/// `pb plan`.
pub(crate) struct PlanArguments {
    pub(crate) env: Option<String>,
    /// Where the plan is saved.
    pub(crate) out: Option<PathBuf>,
    /// Whether pending changes are told by the exit code.
    pub(crate) exit_code: bool,
    /// Values of the playbook's parameters.
    pub(crate) params: Map<String, Value>,
}

pub(super) fn plan(script: Option<&Script>) -> Command {
    let plan = Command::new("plan")
        .about("Shows what a playbook would do to the world as it is; reads, and changes nothing")
        .after_help("`pb plan FILE --help` lists the parameters of that playbook.")
        .arg(super::file().required(true));
    let plan = match script {
        Some(script) => parameters::declare(plan, script),
        None => plan,
    };
    plan.next_help_heading(super::OPTIONS)
        .arg(super::env())
        .arg(super::set())
        .arg(
            Arg::new("out")
                .short('o')
                .value_name("FILE")
                .value_parser(value_parser!(PathBuf))
                .help("Saves the plan; `pb run --plan FILE` does exactly that, or nothing"),
        )
        .arg(
            Arg::new("exit-code")
                .long("exit-code")
                .action(ArgAction::SetTrue)
                .help("Ends with 4 when changes are pending"),
        )
}

pub(super) fn read(script: &Script, matches: &ArgMatches) -> Result<PlanArguments, Failure> {
    Ok(PlanArguments {
        env: matches.get_one("env").cloned(),
        out: matches.get_one("out").cloned(),
        exit_code: matches.get_flag("exit-code"),
        params: parameters::values(script, matches)?,
    })
}

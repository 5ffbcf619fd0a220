//! What `pb resume` and `pb rollback` take.

use super::{OPTIONS, TakeUpArguments, events, wait, waiting};
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use pb_core::{Failure, code};
use pb_runtime::TakeUp;
use std::path::PathBuf;

pub(super) fn resume() -> Command {
    let command = Command::new("resume")
        .about("Goes on with a run that was killed or interrupted; nothing is done twice");
    common(command, "the newest unfinished one when left out")
        .arg(
            Arg::new("undo")
                .long("undo")
                .action(ArgAction::SetTrue)
                .help("Undoes it instead of going on"),
        )
        .arg(
            Arg::new("edited")
                .long("with-edited")
                .value_name("FILE")
                .value_parser(value_parser!(PathBuf))
                .conflicts_with("undo")
                .help("Goes on with an edited playbook, when it goes the way that is recorded"),
        )
}

pub(super) fn rollback() -> Command {
    let command = Command::new("rollback").about(
        "Undoes what a run did, ended or not, newest first; killed, it goes on when called again",
    );
    common(command, "the newest one when left out").arg(
        Arg::new("skip")
            .long("skip")
            .value_name("KEY")
            .action(ArgAction::Append)
            .help("Leaves a step as it is, such as one that could not be undone"),
    )
}

fn common(command: Command, default: &str) -> Command {
    command
        .next_help_heading(OPTIONS)
        .arg(
            Arg::new("run")
                .value_name("RUN")
                .help(format!("Id of the run, or how it begins; {default}")),
        )
        .arg(
            Arg::new("yes")
                .long("yes")
                .action(ArgAction::SetTrue)
                .help("Asks nobody"),
        )
        .arg(
            Arg::new("settle")
                .long("settle")
                .value_name("KEY=WHAT")
                .action(ArgAction::Append)
                .help("Says of a step in doubt that it is `applied` or `not-applied`"),
        )
        .arg(events())
        .arg(waiting())
}

pub(super) fn read(matches: &ArgMatches) -> Result<TakeUpArguments, Failure> {
    let all = |name: &str| matches.get_many::<String>(name).into_iter().flatten();
    let words = all("settle")
        .map(|word| settled(word))
        .collect::<Result<_, _>>()?;
    let flag = |name: &str| matches.try_get_one::<bool>(name).ok().flatten() == Some(&true);
    let skip = match matches.try_contains_id("skip") {
        Ok(true) => all("skip").cloned().collect(),
        _ => Default::default(),
    };
    let edited = matches.try_get_one::<PathBuf>("edited").ok();
    Ok(TakeUpArguments {
        run: matches.get_one("run").cloned(),
        events: matches.get_one("events").cloned(),
        yes: matches.get_flag("yes"),
        wait: wait(matches.get_one::<String>("wait"))?,
        edited: edited.flatten().cloned(),
        wish: TakeUp {
            undo: flag("undo"),
            words,
            skip,
            edited: None,
        },
    })
}

fn settled(text: &str) -> Result<(String, bool), Failure> {
    let said = match text.rsplit_once('=') {
        Some((key, "applied")) => Some((key, true)),
        Some((key, "not-applied")) => Some((key, false)),
        _ => None,
    };
    let Some((key, applied)) = said.filter(|(key, _)| key.starts_with('/')) else {
        let message = format!("`--settle` takes no `{text}`");
        return Err(Failure::new(&code::USAGE, message)
            .because("it takes the key of a step, `=`, and `applied` or `not-applied`")
            .hint("pb show tells the keys with --output json"));
    };
    Ok((key.to_owned(), applied))
}

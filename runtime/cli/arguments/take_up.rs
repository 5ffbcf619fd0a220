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

pub(super) fn read_resume(matches: &ArgMatches) -> Result<TakeUpArguments, Failure> {
    let mut told = read(matches)?;
    told.edited = matches.get_one("edited").cloned();
    told.wish.undo = matches.get_flag("undo");
    Ok(told)
}

pub(super) fn read_rollback(matches: &ArgMatches) -> Result<TakeUpArguments, Failure> {
    let mut told = read(matches)?;
    told.wish.skip = all(matches, "skip").cloned().collect();
    Ok(told)
}

/// What both take.
fn read(matches: &ArgMatches) -> Result<TakeUpArguments, Failure> {
    let words = all(matches, "settle").map(|word| settled(word));
    Ok(TakeUpArguments {
        run: matches.get_one("run").cloned(),
        events: matches.get_one("events").cloned(),
        yes: matches.get_flag("yes"),
        wait: wait(matches.get_one::<String>("wait"))?,
        edited: None,
        wish: TakeUp {
            words: words.collect::<Result<_, _>>()?,
            ..TakeUp::default()
        },
    })
}

fn all<'a>(matches: &'a ArgMatches, name: &str) -> impl Iterator<Item = &'a String> {
    matches.get_many::<String>(name).into_iter().flatten()
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

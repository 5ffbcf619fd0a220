//! What clap says, as pb says it.

use super::Stop;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use pb_core::{Failure, code};
use pb_runtime::Script;
use std::ffi::OsString;

/// Help, in plain text and in colour.
pub(crate) struct Shown {
    pub(crate) plain: String,
    pub(crate) coloured: String,
    /// Whether somebody asked for it; a bare `pb` has to be told how to go on.
    pub(crate) asked: bool,
}

pub(super) fn stop(error: clap::Error, args: &[OsString], script: Option<&Script>) -> Stop {
    let asked = match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => true,
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => false,
        _ => return Stop::Wrong(failure(&error, args, script).into()),
    };
    let text = error.render();
    Stop::Help(Shown {
        plain: text.to_string(),
        coloured: text.ansi().to_string(),
        asked,
    })
}

fn failure(error: &clap::Error, args: &[OsString], script: Option<&Script>) -> Failure {
    let get = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        Some(ContextValue::Strings(texts)) => Some(texts.join(", ")),
        _ => None,
    };
    let argument = get(ContextKind::InvalidArg).unwrap_or_default();
    let value = get(ContextKind::InvalidValue).unwrap_or_default();
    let (code, message) = match (error.kind(), script) {
        (ErrorKind::UnknownArgument, Some(script)) if argument.starts_with("--") => (
            &code::PARAMETER,
            format!("`{}` has no parameter `{argument}`", script.name()),
        ),
        (ErrorKind::UnknownArgument, _) if argument.starts_with('-') => {
            (&code::USAGE, format!("there is no option `{argument}`"))
        }
        (ErrorKind::UnknownArgument, _) => {
            (&code::USAGE, format!("`{argument}` was not understood"))
        }
        (ErrorKind::InvalidSubcommand, _) => {
            let name = get(ContextKind::InvalidSubcommand).unwrap_or_default();
            (&code::USAGE, format!("there is no command `{name}`"))
        }
        (ErrorKind::InvalidValue, _) if value.is_empty() => {
            (&code::USAGE, format!("`{argument}` needs a value"))
        }
        (ErrorKind::InvalidValue, _) => (&code::USAGE, format!("`{argument}` takes no `{value}`")),
        (ErrorKind::MissingRequiredArgument, _) => (
            &code::USAGE,
            format!("{} is missing", argument.trim_matches(['<', '>'])),
        ),
        _ => (&code::USAGE, first_line(error)),
    };
    let failure = Failure::new(code, message);
    let failure = match get(ContextKind::ValidValue) {
        Some(words) if !value.is_empty() => failure.because(format!("it takes {words}")),
        _ => failure,
    };
    let near = get(ContextKind::SuggestedArg)
        .or_else(|| get(ContextKind::SuggestedSubcommand))
        .or_else(|| get(ContextKind::SuggestedValue));
    match (near, script) {
        (Some(near), _) => failure.hint(format!("did you mean `{near}`?")),
        (None, Some(script)) => {
            // Not every complaint of clap has a usage line: the verb is the first of the two that take a playbook.
            let verb = args.iter().find(|arg| *arg == "run" || *arg == "plan");
            let verb = verb.map_or("run".into(), |verb| verb.to_string_lossy());
            failure.hint(format!("pb {verb} {} --help", script.name()))
        }
        (None, None) => failure.hint(format!("{} --help", verb(error))),
    }
}

/// `pb run`, as the usage line begins that clap adds.
fn verb(error: &clap::Error) -> String {
    let text = error.to_string();
    let usage = text.lines().find_map(|line| line.strip_prefix("Usage: "));
    let words = usage.unwrap_or("pb").split(' ');
    let words = words.take_while(|word| word.chars().all(|c| c.is_ascii_lowercase()));
    words.collect::<Vec<_>>().join(" ")
}

/// What clap says in one line, for its rarer complaints.
fn first_line(error: &clap::Error) -> String {
    let text = error.to_string();
    let line = text.lines().next().unwrap_or_default();
    line.strip_prefix("error: ")
        .unwrap_or(line)
        .replace('\'', "`")
}

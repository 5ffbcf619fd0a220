//! The parameters of a playbook as options of `pb run`.

use clap::{Arg, ArgAction, ArgMatches, Command};
use pb_core::{Failure, Result, code};
use pb_runtime::{Param, ParamKind, Script};
use serde_json::{Map, Value};

/// Adds them; those that are called like an option of pb can be given with `--set` alone.
pub(super) fn declare(run: Command, script: &Script) -> Command {
    let usage = usage(run.get_name(), script);
    let run = run
        // It is named already.
        .mut_arg("file", |file| file.hide(true))
        .about(script.doc())
        .after_help("")
        .override_usage(usage)
        .next_help_heading(super::PARAMETERS);
    let own = super::command(None);
    let taken = |name: &str| {
        let run = own
            .find_subcommand("run")
            .into_iter()
            .flat_map(Command::get_arguments);
        let mut known = own.get_arguments().chain(run);
        matches!(name, "help" | "version") || known.any(|arg| arg.get_long() == Some(name))
    };
    let free = script.params().iter().filter(|param| !taken(&param.name));
    free.fold(run, |run, param| run.arg(option(param)))
}

/// Those of `pb run`: with a saved plan there are none to give.
pub(super) fn of_a_run(script: &Script, matches: &ArgMatches) -> Result<Map<String, Value>> {
    let values = values(script, matches)?;
    match values.keys().next().filter(|_| matches.contains_id("plan")) {
        None => Ok(values),
        Some(name) => {
            let message = format!("the parameter `{name}` was given beside a saved plan");
            Err(Failure::new(&code::USAGE, message).because("the plan has its value"))
        }
    }
}

/// The values that were given; which are missing is for the runtime to say.
pub(super) fn values(script: &Script, matches: &ArgMatches) -> Result<Map<String, Value>> {
    let mut values = Map::new();
    for param in script.params() {
        let id = id(param);
        let given = matches.try_get_many::<String>(&id).ok().flatten();
        if let Some(given) = given {
            let text = given.cloned().collect::<Vec<_>>().join(",");
            values.insert(param.name.clone(), param.parse(&text)?);
        }
    }
    for pair in matches.get_many::<String>("set").into_iter().flatten() {
        let Some((name, text)) = pair.split_once('=') else {
            let message = format!("`--set {pair}` was refused: it has no value");
            return Err(Failure::new(&code::USAGE, message).hint(format!("--set {pair}=VALUE")));
        };
        // The runtime says which parameters there are.
        let param = script.params().iter().find(|param| param.name == name);
        let value = param.map_or_else(|| Ok(Value::from(text)), |param| param.parse(text))?;
        if values.insert(name.to_owned(), value).is_some() {
            return Err(Failure::new(
                &code::PARAMETER,
                format!("the parameter `{name}` was given twice"),
            ));
        }
    }
    Ok(values)
}

fn option(param: &Param) -> Arg {
    let arg = Arg::new(id(param))
        .long(param.name.clone())
        .help(help(param))
        .value_name(match param.kind {
            ParamKind::Text => "TEXT",
            ParamKind::Int => "NUMBER",
            ParamKind::Bool => "true|false",
            ParamKind::Duration => "DURATION",
            ParamKind::List => "A,B,…",
        })
        .allow_hyphen_values(true);
    match param.kind {
        ParamKind::Bool => arg
            .num_args(0..=1)
            .require_equals(true)
            .default_missing_value("true"),
        ParamKind::List => arg.action(ArgAction::Append),
        _ => arg,
    }
}

fn help(param: &Param) -> String {
    let mut help = param.help.clone();
    let mut add = |text: String| {
        let space = if help.is_empty() { "" } else { " " };
        help += &format!("{space}[{text}]");
    };
    if !param.choices.is_empty() {
        add(format!("one of: {}", param.choices.join(", ")));
    }
    match &param.fallback {
        Some(fallback) => add(format!("default: {}", shown(fallback))),
        None => add("required".into()),
    }
    help
}

fn usage(verb: &str, script: &Script) -> String {
    let mut usage = format!("pb {verb} {}", script.name());
    for param in script
        .params()
        .iter()
        .filter(|param| param.fallback.is_none())
    {
        usage += &format!(" --{} VALUE", param.name);
    }
    usage + " [OPTIONS]"
}

/// A value as it would be typed.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(shown).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}

/// Apart from the ids of pb's own options.
fn id(param: &Param) -> String {
    format!("parameter {}", param.name)
}

//! `pb check`: what is wrong with playbooks and migrations, found before anything is touched.

mod checked;
mod first;
mod github;
mod inputs;
mod sarif;
mod text;

pub(crate) use first::first;

use crate::arguments::{Arguments, CheckArguments, Format};
use crate::console::Console;
use crate::exit::Exit;
use crate::refusal::Refusal;
use crate::render::Verbosity;
use checked::Checked;
use inputs::Input;
use pb_core::finding::Level;
use pb_core::{Failure, code};
use pb_runtime::Script;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::Path;
use std::time::Instant;
use text::{closing, findings, summary};

/// Looks through what was named and says what it found. `here` is set when a folder was entered for it.
///
/// # Errors
/// There is nothing to look through, or no such environment.
pub(crate) fn check(
    arguments: &Arguments,
    wanted: &CheckArguments,
    here: bool,
    console: &Console,
) -> Result<Exit, Refusal> {
    let began = Instant::now();
    let mut all = Checked::default();
    let mut each = vec![];
    for input in inputs::inputs(wanted, here)? {
        let checked = one(&input, wanted.env.as_deref())?;
        each.push((input, checked));
    }
    // What another one imports is a module, and has been looked through as one.
    let name = |input: &Input| input.path.display().to_string();
    let imports = each.iter().flat_map(|(input, checked)| {
        let own = name(input);
        checked.sources.keys().filter(move |file| **file != own)
    });
    let imported: BTreeSet<String> = imports.cloned().collect();
    each.retain(|(input, _)| !imported.contains(&name(input)));
    for (input, checked) in each {
        all.take(checked, &input.project.base);
    }
    if let Some(folder) = &wanted.migrations {
        all.take_migrations(folder)?;
    }
    all.settle();
    let exit = match all.worst() {
        Some(Level::Error) => Exit::Check,
        Some(Level::Warning) if wanted.strict => Exit::Check,
        _ => Exit::Done,
    };
    let summary = summary(&all, began.elapsed(), exit);
    match wanted.format {
        Format::Json => console.result(&object(&all).to_string()),
        Format::Sarif => console.result(&sarif::log(&all).to_string()),
        Format::Text | Format::Github => {
            let quiet = arguments.verbosity == Verbosity::Quiet;
            let shown = findings(&all, console.stdout, |level| {
                !quiet || level == Level::Error || (wanted.strict && level == Level::Warning)
            });
            shown.iter().for_each(|line| console.result(line));
            if wanted.format == Format::Github {
                let annotations = github::annotations(&all.findings);
                annotations.iter().for_each(|line| console.result(line));
            }
            if !quiet || exit == Exit::Check {
                let lines = closing(&summary, console.stdout);
                lines.iter().for_each(|line| console.result(line));
            }
        }
    }
    Ok(exit)
}

/// One playbook and what it imports.
fn one(input: &Input, env: Option<&str>) -> Result<Checked, Refusal> {
    let variable = |name: &str| std::env::var(name).ok();
    let registry = pb_stdlib::registry(&input.project.base, None);
    let chosen = env.map(str::to_owned);
    let chosen = chosen.or_else(|| variable("PB_ENV").filter(|name| !name.is_empty()));
    let drivers = registry.drivers.tables();
    let environment = chosen
        .map(|name| input.project.environment(Some(&name), drivers, &variable))
        .transpose()?
        .map(|chosen| chosen.checked_for());
    let base = &input.project.base;
    Ok(match Script::load(&input.path, base, pb_stdlib::LIBRARY) {
        Ok(script) => Checked::of_script(&script, base, &registry, environment.as_ref()),
        Err(failure) => Checked::of_failure(&input.path, &failure),
    })
}

fn object(all: &Checked) -> Value {
    json!({
        "schema": "pb.check/1",
        "files": all.files(),
        "calls": all.calls,
        "findings": all.findings,
    })
}

/// The object of `--output json` where nothing could be looked through.
pub(crate) fn refused(failure: &Failure) -> Value {
    let mut object = object(&Checked::default());
    object["error"] = json!(failure);
    object
}

/// No playbook was named and none was found.
fn nothing(base: &Path) -> Refusal {
    Failure::new(&code::USAGE, "there is no playbook to check")
        .because(format!(
            "looked for `*.rhai` in `{}` and below its `playbooks`",
            base.display()
        ))
        .hint("pb check FILE…")
        .into()
}

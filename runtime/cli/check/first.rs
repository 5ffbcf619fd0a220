//! The check that every run and every plan begins with.

use super::Checked;
use super::text::{closing, findings, summary};
use crate::arguments::Arguments;
use crate::console::Console;
use crate::exit::Exit;
use crate::render::{Output, Verbosity};
use crate::run;
use pb_core::finding::{Finding, Level};
use pb_core::run::Registry;
use pb_core::{Failure, Site, code};
use pb_runtime::{Environment, Script};
use serde_json::json;
use std::path::Path;
use std::time::Instant;

/// Says what is wrong with a playbook before it touches anything; then the run ends as that says. What is only worth knowing is
/// kept for `-v`: whoever wants to know it types `pb check`.
pub(crate) fn first(
    script: &Script,
    base: &Path,
    registry: &Registry,
    environment: &Environment,
    (arguments, console): (&Arguments, &Console),
) -> Option<Exit> {
    let began = Instant::now();
    let mut all = Checked::default();
    all.take(
        Checked::of_script(script, base, registry, Some(environment)),
        base,
    );
    all.settle();
    let fails = all.worst() == Some(Level::Error);
    let shown = findings(&all, console.stderr, |level| {
        level == Level::Error || arguments.verbosity == Verbosity::Verbose
    });
    shown.iter().for_each(|line| console.story(line));
    if !fails {
        return None;
    }
    // What is not shown is not counted.
    if arguments.verbosity != Verbosity::Verbose {
        all.findings.retain(|finding| finding.level == Level::Error);
    }
    let page = console.stderr;
    let mut lines = closing(&summary(&all, began.elapsed(), Exit::Check), page);
    let last = lines.pop().unwrap_or_default();
    lines.push(page.right(&last, &format!("exit {}", Exit::Check.code())));
    lines.iter().for_each(|line| console.story(line));
    if arguments.output == Output::Json {
        let failure = all.findings.first().map(|first| failure(first, &all));
        console.result(&run::object(None, failure.as_ref(), Exit::Check).to_string());
    }
    Some(Exit::Check)
}

/// The first finding as the error of the run; all of them are its data.
fn failure(first: &Finding, all: &Checked) -> Failure {
    let code = code::ALL.iter().find(|code| code.id == first.code);
    let mut failure = Failure::new(code.unwrap_or(&&code::SCRIPT), first.message.as_str());
    failure.because.clone_from(&first.because);
    failure.hint.clone_from(&first.hint);
    failure.chain.push(Site {
        file: first.file.clone(),
        line: first.line,
        column: first.column,
        call: String::new(),
    });
    failure
        .state("nothing was touched")
        .with("findings", json!(all.findings))
}

//! `pb show`: what a run did, from its journal.

use crate::console::Console;
use crate::past::{self, Past, PastStep, State, StepState};
use crate::refusal::Refusal;
use crate::render::fit::pad;
use crate::render::ink::Tone;
use crate::render::page::{Page, Row};
use crate::render::{Output, Report, counted, time};
use crate::runs;
use jiff::tz::TimeZone;
use pb_core::journal::RunStore;
use pb_core::run::Registry;
use pb_core::{Failure, code};
use serde_json::{Value, json};

/// Columns of the bars that show when each step ran.
const BARS: usize = 24;
/// From this width on there is room for them.
const WIDE: usize = 100;

pub(crate) fn show(
    store: &dyn RunStore,
    registry: &Registry,
    run: Option<&str>,
    output: Output,
    console: &Console,
) -> Result<(), Refusal> {
    let run = find(store, run)?;
    let past = Past::read(store, &run, registry)?;
    match output {
        Output::Json | Output::Ndjson => console.result(&object(&past, console.now()).to_string()),
        Output::Text => {
            let lines = lines(&past, console.now(), &TimeZone::system(), console.stdout);
            lines.iter().for_each(|line| console.result(line));
        }
    }
    Ok(())
}

/// The run whose id begins so; the newest when nothing is said.
pub(crate) fn find(store: &dyn RunStore, wanted: Option<&str>) -> Result<String, Refusal> {
    let (mut runs, place) = (past::all(store)?, store.place());
    let refuse = |failure: Failure| Err(failure.into());
    let Some(wanted) = wanted else {
        return match runs.is_empty() {
            true => refuse(
                Failure::new(&code::USAGE, format!("there are no runs in `{place}`"))
                    .hint("name another folder with `--state DIR` or `-C DIR`"),
            ),
            false => Ok(runs.swap_remove(0)),
        };
    };
    let ids = runs.clone();
    runs.retain(|run| run.starts_with(&wanted.to_uppercase()));
    match &runs[..] {
        [_] => Ok(runs.swap_remove(0)),
        [] => {
            let failure = Failure::new(
                &code::USAGE,
                format!("there is no run `{wanted}` in `{place}`"),
            );
            refuse(
                match pb_core::nearest(&wanted.to_uppercase(), ids.iter().map(String::as_str)) {
                    Some(near) => failure.hint(format!("did you mean `{near}`?")),
                    None => failure.hint("pb runs"),
                },
            )
        }
        several => {
            let failure = Failure::new(
                &code::USAGE,
                format!("`{wanted}` may be {} runs", several.len()),
            );
            let ids: Vec<_> = several.iter().take(8).map(String::as_str).collect();
            refuse(failure.because(ids.join(", ")))
        }
    }
}

pub(crate) fn lines(past: &Past, now: u64, zone: &TimeZone, page: Page) -> Vec<String> {
    let unknown = |text: &str| {
        if text.is_empty() {
            "–".to_owned()
        } else {
            text.to_owned()
        }
    };
    let started = past
        .started
        .map(|started| time::exact(started, zone))
        .unwrap_or_default();
    let who = format!("{}@{}", unknown(&past.by), unknown(&past.host));
    let head = [
        unknown(&past.env),
        unknown(&past.playbook),
        format!("run {}", past.run),
        who,
        unknown(&started),
    ];
    let mut lines = vec![page.sentence(&head.join(" · "))];
    if !past.params.is_empty() {
        let params = past.params.iter().map(|(name, value)| match value {
            Value::String(text) => format!("--{name} {text}"),
            other => format!("--{name} {other}"),
        });
        lines.push(page.ink.paint(
            Tone::Dim,
            &page.sentence(&format!(" {}", params.collect::<Vec<_>>().join(" "))),
        ));
    }
    lines.extend(steps(past, now, page));
    let changed = past
        .steps
        .iter()
        .filter(|step| step.changed == Some(true))
        .count();
    let took = past
        .took(now)
        .map(|took| format!(" · {}", time::took(took)))
        .unwrap_or_default();
    let count = counted(past.steps.len() as u64, "step");
    let verdict = format!("{} · {count}, {changed} changed{took}", runs::verdict(past));
    lines.push(
        page.ink
            .paint(runs::tone(past.state), &page.sentence(&verdict)),
    );
    let failure = past.failure.as_ref().filter(|_| !past.is_rolled_back());
    if let Some(failure) = failure {
        lines.extend(
            Report {
                failure,
                sources: &past.sources,
                exit: None,
            }
            .lines(page),
        );
    }
    lines.extend(unfinished(past, page));
    if past.state != State::Damaged && failure.is_none() {
        lines.extend(
            past.now
                .iter()
                .map(|(_, state)| page.sentence(&format!("  now: {state}"))),
        );
    }
    lines
}

pub(crate) fn steps(past: &Past, now: u64, page: Page) -> Vec<String> {
    // Where lines are not cut there is no column that they could stand in.
    let bars = page.cuts && page.columns() >= WIDE && past.steps.len() > 1;
    let narrow = Page {
        width: page.columns() - if bars { BARS + 2 } else { 0 },
        ..page
    };
    let end = past
        .steps
        .iter()
        .map(|step| step.began + step.took.unwrap_or(0))
        .max();
    let span = (past.started.unwrap_or(0), past.ended.or(end).unwrap_or(now));
    let line = |(at, step): (usize, &PastStep)| {
        let (sign, tone) = sign(step);
        let row = narrow.row(&Row {
            sign,
            tone,
            label: &format!("{} {}", at + 1, step.primitive),
            place: &step.place,
            text: &said(step, past.state),
            time: &step.took.map(time::took).unwrap_or_default(),
            ends: false,
        });
        if bars {
            page.right(&row, &page.ink.paint(Tone::Dim, &bar(step, span, page)))
        } else {
            row
        }
    };
    past.steps.iter().enumerate().map(line).collect()
}

/// When the step ran, within the whole run.
fn bar(step: &PastStep, (from, to): (u64, u64), page: Page) -> String {
    let column = |t: u64| {
        let part = t.saturating_sub(from) as f64 / to.saturating_sub(from).max(1) as f64;
        ((part * BARS as f64) as usize).min(BARS - 1)
    };
    let first = column(step.began);
    let last = column(step.began + step.took.unwrap_or(0)).max(first);
    let bar = format!("{}{}", "·".repeat(first), "█".repeat(last - first + 1));
    let bar = pad(&bar, BARS).replace(' ', "·");
    page.ink.spell(&bar).into_owned()
}

fn sign(step: &PastStep) -> (&'static str, Tone) {
    match (step.state, step.changed) {
        (StepState::Open, _) => ("?", Tone::Warn),
        (StepState::Done, Some(false)) => ("=", Tone::Dim),
        (StepState::Done, _) => ("✓", Tone::Good),
        (StepState::Failed | StepState::Stuck, _) => ("✗", Tone::Bad),
        (StepState::Undone, _) => ("↶", Tone::Warn),
        (StepState::Kept, _) => ("!", Tone::Warn),
    }
}

fn said(step: &PastStep, run: State) -> String {
    match (step.state, &step.error, &step.kept) {
        (StepState::Stuck, Some(error), _) => format!("not undone: {}", error.message),
        (_, Some(error), _) => error.message.clone(),
        (_, _, Some(why)) => format!("stays: {why}"),
        (StepState::Open, ..) if run == State::Running => "goes on".into(),
        (StepState::Open, ..) => step.open_end().into(),
        (StepState::Undone, ..) if step.summary.is_empty() => "undone".into(),
        (StepState::Undone, ..) => format!("undone: {}", step.summary),
        _ if step.summary.is_empty() && step.changed == Some(false) => "nothing to do".into(),
        _ => step.summary.clone(),
    }
}

/// What a person should know about a run that has no end.
fn unfinished(past: &Past, page: Page) -> Vec<String> {
    let told = match (past.state, &past.damage) {
        (State::Damaged, Some(damage)) => {
            let good = damage.seq - 1;
            format!("  read up to record {good}; what comes after it is not to be trusted")
        }
        (State::Interrupted, _) => "  what is done stays as it is".to_owned(),
        _ => return vec![],
    };
    vec![page.sentence(&told)]
}

fn object(past: &Past, now: u64) -> Value {
    let steps = past.steps.iter().map(|step| {
        json!({
            "key": step.key,
            "primitive": step.primitive,
            "where": step.place,
            "state": step.state.word(),
            "changed": step.changed,
            "began": time::rfc3339(step.began),
            "took": step.took.map(|took| took as f64 / 1000.0),
            "summary": step.summary,
            "site": step.site,
            "kept": step.kept,
            "error": step.error,
        })
    });
    let now_true = past
        .now
        .iter()
        .map(|(place, state)| json!({ "where": place, "state": state }));
    json!({
        "schema": "pb.show/1",
        "run": past.run,
        "state": past.state.word(),
        "playbook": past.playbook,
        "env": past.env,
        "params": past.params,
        "by": past.by,
        "host": past.host,
        "started": past.started.map(time::rfc3339),
        "ended": past.ended.map(time::rfc3339),
        "took": past.took(now).map(|took| took as f64 / 1000.0),
        "changed": past.changed,
        "steps": steps.collect::<Vec<_>>(),
        "error": past.failure,
        "now": now_true.collect::<Vec<_>>(),
        "damage": past.damage.as_ref().map(|damage| json!({ "record": damage.seq, "why": damage.why })),
    })
}

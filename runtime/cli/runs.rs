//! `pb runs`: the runs of a project, newest first.

use crate::console::Console;
use crate::past::{self, Past, State, StepState};
use crate::refusal::Refusal;
use crate::render::fit::{pad, width};
use crate::render::ink::Tone;
use crate::render::page::Page;
use crate::render::{Output, Verbosity, clean, counted, time};
use jiff::tz::TimeZone;
use pb_core::journal::RunStore;
use pb_core::run::Registry;
use serde_json::{Value, json};

/// So many are shown unless all are asked for.
const NEWEST: usize = 20;

pub(crate) fn list(
    store: &dyn RunStore,
    registry: &Registry,
    output: Output,
    verbosity: Verbosity,
    console: &Console,
) -> Result<(), Refusal> {
    let ids = past::all(store)?;
    let all = ids.len();
    let shown = match (output, verbosity) {
        (Output::Text, Verbosity::Quiet | Verbosity::Normal) => all.min(NEWEST),
        _ => all,
    };
    let runs = ids[..shown]
        .iter()
        .map(|run| Past::read(store, run, registry))
        .collect::<Result<Vec<_>, _>>()?;
    match output {
        Output::Json => {
            console.result(&json!({ "schema": "pb.runs/1", "runs": objects(&runs) }).to_string())
        }
        Output::Ndjson => objects(&runs)
            .iter()
            .for_each(|run| console.result(&run.to_string())),
        Output::Text if all == 0 => console.result(&format!("no runs in {}", store.place())),
        Output::Text => {
            let lines = table(&runs, console.now(), &TimeZone::system(), console.stdout);
            lines.iter().for_each(|line| console.result(line));
            if all > shown {
                console.result(&format!(
                    "and {} older: pb runs -v",
                    counted((all - shown) as u64, "run")
                ));
            }
        }
    }
    Ok(())
}

fn objects(runs: &[Past]) -> Vec<Value> {
    let object = |run: &Past| {
        json!({
            "run": run.run,
            "state": run.state.word(),
            "playbook": run.playbook,
            "env": run.env,
            "by": run.by,
            "started": run.started.map(time::rfc3339),
            "ended": run.ended.map(time::rfc3339),
            "steps": { "done": run.done(), "all": run.steps.len() },
        })
    };
    runs.iter().map(object).collect()
}

/// The columns, and how narrow those may become that can be long.
const HEAD: [(&str, usize); 8] = [
    ("run", usize::MAX),
    ("when", usize::MAX),
    ("playbook", 12),
    ("env", 8),
    ("by", 0),
    ("result", 16),
    ("steps", usize::MAX),
    ("time", usize::MAX),
];
/// In this order they give way: what is not shown here is shown by `pb show`.
const GIVE_WAY: [usize; 4] = [2, 4, 3, 5];

pub(crate) fn table(runs: &[Past], now: u64, zone: &TimeZone, page: Page) -> Vec<String> {
    let rows: Vec<[String; 8]> = runs.iter().map(|run| row(run, now, zone, page)).collect();
    let head = HEAD.map(|(name, _)| name.to_owned());
    let mut widths = [0; 8];
    for row in rows.iter().chain([&head]) {
        for (at, cell) in row.iter().enumerate() {
            widths[at] = widths[at].max(width(cell));
        }
    }
    for at in GIVE_WAY.into_iter().filter(|_| page.cuts) {
        let gaps = 2 * (widths.iter().filter(|width| **width > 0).count() - 1);
        let too_much = (widths.iter().sum::<usize>() + gaps).saturating_sub(page.columns());
        widths[at] -= too_much.min(widths[at].saturating_sub(HEAD[at].1));
        // A column of a letter or two tells nothing.
        if widths[at] < HEAD[at].0.len() {
            widths[at] = 0;
        }
    }
    let line = |row: &[String; 8]| {
        let cells: Vec<_> = row
            .iter()
            .zip(widths)
            .filter(|(_, width)| *width > 0)
            .map(|(cell, width)| pad(&page.cut(cell, width), width))
            .collect();
        cells.join("  ").trim_end().to_owned()
    };
    let mut lines = vec![page.ink.paint(Tone::Dim, &line(&head))];
    lines.extend(rows.iter().zip(runs).map(|(row, run)| {
        let sign = page.ink.spell(sign(run.state)).into_owned();
        line(row).replacen(
            &format!("  {sign} "),
            &format!("  {} ", page.ink.paint(tone(run.state), &sign)),
            1,
        )
    }));
    lines
}

fn row(run: &Past, now: u64, zone: &TimeZone, page: Page) -> [String; 8] {
    let unknown = |text: &str| {
        if text.is_empty() {
            "–".to_owned()
        } else {
            text.to_owned()
        }
    };
    let took = run.took(now).map(time::took);
    let cells = [
        run.run.clone(),
        unknown(
            &run.started
                .map(|started| time::when(started, now, zone))
                .unwrap_or_default(),
        ),
        unknown(&run.playbook),
        unknown(&run.env),
        unknown(&run.by),
        verdict(run),
        format!("{}/{}", run.done(), run.steps.len()),
        unknown(&took.unwrap_or_default().replace(' ', "")),
    ];
    cells.map(|cell| page.ink.spell(&clean::line(&cell)).into_owned())
}

/// The sign and the words for how a run stands.
pub(crate) fn verdict(run: &Past) -> String {
    // Readers and gates leave no record before their result: where no step is open, it stands behind the last one.
    let at = run.at().map(|(n, step)| {
        let at = if step.state == StepState::Open {
            "at"
        } else {
            "after"
        };
        format!(" {at} {n} {}", step.primitive)
    });
    let at = at.unwrap_or_default();
    let kept = run
        .steps
        .iter()
        .filter(|step| step.state == StepState::Kept)
        .count();
    let words = match (run.state, run.changed) {
        (State::Running, _) => format!("running{at}"),
        (State::Done, true) => "done".into(),
        (State::Done, false) => "nothing to do".into(),
        (State::Undone, _) if run.is_rolled_back() => "undone on request".into(),
        (State::Undone, true) if kept > 0 => format!("undone but for {kept}"),
        (State::Undone, true) => "failed, undone".into(),
        (State::Undone, false) => "failed".into(),
        (State::Failed, _) => "needs a person".into(),
        (State::Interrupted, _) if run.never_began() => "never began".into(),
        (State::Interrupted, _) => format!("interrupted{at}"),
        (State::Stuck, _) => "undo is stuck".into(),
        (State::Damaged, _) => match &run.damage {
            Some(damage) => format!("damaged at record {}: {}", damage.seq, damage.why),
            None => "damaged".into(),
        },
    };
    format!("{} {words}", sign(run.state))
}

/// The sign for how a run stands.
fn sign(state: State) -> &'static str {
    match state {
        State::Running => "●",
        State::Done => "✓",
        State::Undone | State::Failed | State::Stuck => "✗",
        State::Interrupted => "‖",
        State::Damaged => "!",
    }
}

/// The same as a colour.
pub(crate) fn tone(state: State) -> Tone {
    match state {
        State::Running => Tone::Code,
        State::Done => Tone::Good,
        State::Undone | State::Interrupted => Tone::Warn,
        State::Failed | State::Stuck | State::Damaged => Tone::Bad,
    }
}

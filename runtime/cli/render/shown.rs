//! What there is to show: lines that stay, and what goes on below them.

use super::ink::Tone;
use super::page::{Page, Row};
use super::time;
use pb_core::event::Step;

/// How much is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verbosity {
    /// Only what went wrong.
    Quiet,
    /// Every step; large fan-outs in one line.
    Normal,
    /// Every step of every branch, and what steps say while they work.
    Verbose,
}

/// Something to show for good.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Shown {
    /// The first line.
    Head {
        /// Environment, playbook, run.
        text: String,
    },
    /// A step began; only where nothing shows it while it runs.
    Begun(Line),
    /// Something about a step.
    Step(Line),
    /// A sentence.
    Text(Tone, String),
    /// The script printed it.
    Printed(String),
    /// The last line of a run that did not fail.
    End(Tone, String),
}

/// A row that owns its texts.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Line {
    pub(crate) sign: &'static str,
    pub(crate) tone: Tone,
    pub(crate) label: String,
    pub(crate) place: String,
    pub(crate) text: String,
    /// Milliseconds.
    pub(crate) took: Option<u64>,
}

impl Line {
    /// The line on a page.
    pub(crate) fn on(&self, page: Page) -> String {
        let took = self.took.map(time::took).unwrap_or_default();
        page.row(&Row {
            time: &took,
            ..self.row()
        })
    }

    /// Its texts, without time.
    pub(crate) fn row(&self) -> Row<'_> {
        Row {
            sign: self.sign,
            tone: self.tone,
            label: &self.label,
            place: &self.place,
            text: &self.text,
            time: "",
            ends: false,
        }
    }
}

/// What goes on.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Live {
    /// Milliseconds since 1970.
    pub(crate) since: u64,
    /// Whether it is one step, whose last words are the latest.
    pub(crate) is_step: bool,
    /// What it says now.
    pub(crate) line: Line,
}

/// `1 step`, `3 steps`.
pub(crate) fn counted(n: u64, thing: &str) -> String {
    let plural = if n == 1 { "" } else { "s" };
    format!("{n} {thing}{plural}")
}

/// A line about a step.
pub(super) fn line(sign: &'static str, tone: Tone, step: &Step, text: &str) -> Line {
    Line {
        sign,
        tone,
        label: format!("{} {}", step.n, step.name),
        place: step.place.clone(),
        text: text.to_owned(),
        took: None,
    }
}

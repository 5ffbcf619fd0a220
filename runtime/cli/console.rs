//! The two outputs of the command, as they are: how wide, how coloured, in which characters.

use crate::arguments::Shown;
use crate::refusal::Refusal;
use crate::render::ink::{Ink, When, is_utf8};
use crate::render::page::{Page, USUAL_WIDTH};
use crate::render::{Report, quietly};
use std::io::{self, IsTerminal, Write};
use std::time::SystemTime;

/// Where the command speaks.
pub(crate) struct Console {
    /// The result.
    pub(crate) stdout: Page,
    /// The story.
    pub(crate) stderr: Page,
    /// Whether lines can be drawn on stderr.
    pub(crate) draws: bool,
    /// Whether eyes read stdout.
    pub(crate) stdout_is_terminal: bool,
}

impl Console {
    /// What the process was started with; `colour` is what the flags say.
    pub(crate) fn new(colour: When) -> Self {
        let env = |name: &str| std::env::var(name).ok();
        let (out, err) = (io::stdout().is_terminal(), io::stderr().is_terminal());
        let unicode = is_utf8(env);
        let usual = env("COLUMNS")
            .and_then(|columns| columns.parse().ok())
            .unwrap_or(USUAL_WIDTH);
        let page = |terminal: bool, size: Option<(u16, u16)>| Page {
            width: size.map_or(usual, |(columns, _)| usize::from(columns)),
            cuts: terminal,
            ink: Ink {
                colour: colour.decide(terminal, env),
                unicode,
            },
        };
        Self {
            stdout: page(out, size_of(io::stdout())),
            stderr: page(err, stderr_size()),
            draws: err && env("TERM").is_some_and(|term| !term.is_empty() && term != "dumb"),
            stdout_is_terminal: out,
        }
    }

    /// Milliseconds since 1970.
    pub(crate) fn now(&self) -> u64 {
        SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .map_or(0, |since| since.as_millis() as u64)
    }

    /// A line of the result.
    pub(crate) fn result(&self, line: &str) {
        quietly(writeln!(io::stdout(), "{line}"));
    }

    /// Help that was asked for.
    pub(crate) fn help(&self, shown: &Shown) {
        let text = if self.stdout.ink.colour {
            &shown.coloured
        } else {
            &shown.plain
        };
        self.result(self.stdout.ink.spell(text).trim_end());
    }

    /// A line of the story.
    pub(crate) fn story(&self, line: &str) {
        quietly(writeln!(io::stderr(), "{line}"));
    }

    /// The error that ends the command.
    pub(crate) fn refuse(&self, refusal: &Refusal) {
        let exit = Some(refusal.exit().code());
        let report = Report {
            failure: refusal.failure(),
            sources: refusal.sources(),
            exit,
        };
        report
            .lines(self.stderr)
            .iter()
            .for_each(|line| self.story(line));
    }
}

/// Columns and lines of stderr, when it is a terminal.
pub(crate) fn stderr_size() -> Option<(u16, u16)> {
    size_of(io::stderr())
}

fn size_of(output: impl rustix::fd::AsFd) -> Option<(u16, u16)> {
    let size = rustix::termios::tcgetwinsize(output).ok()?;
    (size.ws_col > 0).then_some((size.ws_col, size.ws_row))
}

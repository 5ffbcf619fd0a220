//! What people and programs see of a run: one stream of events, several renderings. Nothing else in pb writes to a terminal.

pub(crate) mod clean;
mod fan;
pub(crate) mod finding;
pub(crate) mod fit;
pub(crate) mod ink;
pub(crate) mod key;
pub(crate) mod page;
mod plain;
pub(crate) mod plan;
mod records;
pub(crate) mod report;
mod screen;
mod shown;
mod snippet;
mod stage;
pub(crate) mod story;
mod terminal;
pub(crate) mod time;

pub(crate) use report::{Report, Sources};
pub(crate) use shown::{Verbosity, counted};
pub(crate) use stage::{Options, Output, Stage, Totals};

use page::Page;
use pb_core::event::Event;
use shown::Shown;
use std::io::{self, Write};
use std::time::Duration;

/// Shows a run. Each lives on a thread of its own, so that an output that is stuck holds up neither the run nor the others.
trait Rendering: Send {
    /// Something happened.
    fn event(&mut self, event: &Event);
    /// Time has passed; milliseconds since 1970.
    fn tick(&mut self, now: u64);
    /// How often time is to be told.
    fn pause(&self) -> Option<Duration>;
    /// A sentence of the command itself.
    fn say(&mut self, text: &str);
    /// Lets someone else have the screen.
    fn aside(&mut self, work: &mut dyn FnMut());
    /// Nothing more will happen.
    fn close(&mut self);
}

/// Where the lines go that a script prints: stdout, or the story when stdout holds JSON.
struct Printed {
    out: Box<dyn Write + Send>,
    /// For eyes, and so in their locale's characters; a file gets the text as it is.
    ink: Option<ink::Ink>,
}

impl Printed {
    fn write(&mut self, text: &str) {
        let text = clean::lines(text);
        let text = self
            .ink
            .map_or(std::borrow::Cow::Borrowed(text.as_str()), |ink| {
                ink.spell(&text)
            });
        let written = text
            .split('\n')
            .try_for_each(|line| writeln!(self.out, "{}", clean::neutral(line)));
        quietly(written.and_then(|()| self.out.flush()));
    }
}

/// The lines of what is shown for good.
fn say(shown: &Shown, page: Page) -> Vec<String> {
    match shown {
        Shown::Head { text } => vec![page.sentence(text)],
        Shown::Begun(line) | Shown::Step(line) => vec![line.on(page)],
        Shown::Text(tone, text) => {
            let text = page.ink.spell(&clean::line(text)).into_owned();
            let columns = if page.cuts {
                page.columns() - 4
            } else {
                usize::MAX
            };
            let lines = fit::wrap(&text, columns).into_iter().enumerate();
            let lines =
                lines.map(|(at, line)| format!("{}{line}", if at == 0 { " " } else { "   " }));
            lines.map(|line| page.ink.paint(*tone, &line)).collect()
        }
        Shown::End(tone, text) => vec![page.ink.paint(*tone, &page.sentence(text))],
        Shown::Printed(text) => text.lines().map(Into::into).collect(),
    }
}

/// A write error on an output never ends a run: who listened has left, and the journal tells the story.
pub(crate) fn quietly(result: io::Result<()>) {
    drop(result);
}

#[cfg(test)]
pub(crate) mod tests;

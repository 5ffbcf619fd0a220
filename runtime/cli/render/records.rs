//! Every event as a line of JSON, for programs.

use super::{Rendering, quietly};
use pb_core::event::Event;
use std::io::{self, Write};
use std::time::Duration;

pub(crate) struct Records<W> {
    out: W,
    /// Where they go, for people; `None` for stdout, whose reader may leave when it likes.
    name: Option<String>,
    broken: Option<io::Error>,
}

impl<W: Write + Send> Records<W> {
    pub(crate) fn new(out: W, name: Option<String>) -> Self {
        Self {
            out,
            name,
            broken: None,
        }
    }
}

impl<W: Write + Send> Rendering for Records<W> {
    fn event(&mut self, event: &Event) {
        let line = serde_json::to_string(event).expect("events have text keys and finite numbers");
        // After a line that was written by halves no reader could make sense of the next one.
        if self.broken.is_none() {
            self.broken = writeln!(self.out, "{line}")
                .and_then(|()| self.out.flush())
                .err();
        }
    }

    fn tick(&mut self, _now: u64) {}

    fn pause(&self) -> Option<Duration> {
        None
    }

    fn say(&mut self, _text: &str) {}

    fn aside(&mut self, _work: &mut dyn FnMut()) {}

    fn close(&mut self) {
        if let (Some(name), Some(error)) = (&self.name, &self.broken) {
            quietly(writeln!(
                io::stderr(),
                "note: events could not be written to `{name}`: {error}"
            ));
        }
    }
}

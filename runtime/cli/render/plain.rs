//! A run where nothing can be drawn: a line when a step begins, one when it ends, and one every 15 seconds while it goes on.

use super::page::Page;
use super::shown::{Live, Shown};
use super::story::Story;
use super::{Printed, Rendering, clean, quietly, say, time};
use pb_core::event::Event;
use std::collections::HashMap;
use std::io::Write;
use std::time::Duration;

/// How often what goes on is told, in milliseconds.
const REMIND: u64 = 15_000;
const LOOK: Duration = Duration::from_secs(1);

pub(crate) struct Plain<W> {
    story: Story,
    page: Page,
    printed: Printed,
    out: W,
    /// When something that goes on was last told, by when it began and its label.
    told: HashMap<(u64, String), u64>,
}

impl<W: Write + Send> Plain<W> {
    pub(crate) fn new(story: Story, page: Page, printed: Printed, out: W) -> Self {
        Self {
            story,
            page,
            printed,
            out,
            told: HashMap::new(),
        }
    }

    fn write(&mut self, line: &str) {
        let line = clean::neutral(line);
        quietly(writeln!(self.out, "{line}").and_then(|()| self.out.flush()));
    }

    fn remind(&mut self, live: &Live, now: u64) {
        let began = (live.since, live.line.label.clone());
        let last = self.told.entry(began).or_insert(live.since);
        if now.saturating_sub(*last) < REMIND {
            return;
        }
        *last = now;
        let so_far = time::so_far(now.saturating_sub(live.since));
        let row = live.line.row();
        let text = match row.text {
            "" => format!("{so_far} so far"),
            text => format!("{so_far} so far: {text}"),
        };
        let line = self.page.row(&super::page::Row {
            sign: "·",
            text: &text,
            ..row
        });
        self.write(&line);
    }
}

impl<W: Write + Send> Rendering for Plain<W> {
    fn event(&mut self, event: &Event) {
        for shown in self.story.told(event) {
            match &shown {
                Shown::Printed(text) => self.printed.write(text),
                _ => say(&shown, self.page)
                    .iter()
                    .for_each(|line| self.write(line)),
            }
        }
    }

    fn tick(&mut self, now: u64) {
        let live = self.story.live(now);
        self.told.retain(|(since, label), _| {
            live.iter()
                .any(|l| l.since == *since && l.line.label == *label)
        });
        for live in &live {
            self.remind(live, now);
        }
    }

    fn pause(&self) -> Option<Duration> {
        Some(LOOK)
    }

    fn say(&mut self, text: &str) {
        let line = self.page.sentence(text);
        self.write(&line);
    }

    fn aside(&mut self, work: &mut dyn FnMut()) {
        work();
    }

    fn close(&mut self) {}
}

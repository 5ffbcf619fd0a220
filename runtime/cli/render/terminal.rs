//! A run on a terminal: what has ended stays as lines, what is running is drawn below them.

use super::page::{Page, Row};
use super::screen::{Screen, Size};
use super::shown::{Live, Shown};
use super::story::Story;
use super::{Printed, Rendering, say, time};
use pb_core::event::Event;
use std::io::Write;
use std::time::Duration;

const TICK: Duration = Duration::from_millis(120);
const SPINNER: [&str; 10] = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
const ASCII_SPINNER: [&str; 4] = ["|", "/", "-", "\\"];
/// At most so many running steps are drawn.
const LIVE_LINES: usize = 12;

pub(crate) struct Terminal<W> {
    story: Story,
    page: Page,
    printed: Printed,
    screen: Screen<W>,
    frame: usize,
    now: u64,
}

impl<W: Write + Send> Terminal<W> {
    pub(crate) fn new(story: Story, page: Page, size: Size, printed: Printed, out: W) -> Self {
        let screen = Screen::new(out, size);
        Self {
            story,
            page,
            printed,
            screen,
            frame: 0,
            now: 0,
        }
    }

    fn shown(&mut self, shown: &Shown) {
        match shown {
            Shown::Head { text } => {
                let head = self.page.right(&self.page.sentence(text), "Ctrl-C to stop");
                self.add(&[head]);
            }
            // It is drawn below.
            Shown::Begun(_) => {}
            Shown::Printed(text) => {
                self.screen.show(&[], &[]);
                self.printed.write(text);
                self.add(&[]);
            }
            Shown::Step(_) | Shown::Text(..) | Shown::End(..) => self.add(&say(shown, self.page)),
        }
    }

    fn add(&mut self, lines: &[String]) {
        let live = self.story.live(self.now);
        let (_, height) = self.screen.size();
        let room = height.saturating_sub(4).clamp(2, LIVE_LINES);
        let drawn = if live.len() > room {
            &live[..room - 1]
        } else {
            &live[..]
        };
        let mut below: Vec<String> = drawn.iter().map(|live| self.live_line(live)).collect();
        if live.len() > drawn.len() {
            below.push(
                self.page
                    .sentence(&format!("   and {} more", live.len() - drawn.len())),
            );
        }
        self.screen.show(lines, &below);
    }

    fn live_line(&self, live: &Live) -> String {
        let spinner: &[&str] = if self.page.ink.unicode {
            &SPINNER
        } else {
            &ASCII_SPINNER
        };
        let row = live.line.row();
        let sign = if row.sign == "▸" {
            spinner[self.frame % spinner.len()]
        } else {
            row.sign
        };
        let so_far = time::so_far(self.now.saturating_sub(live.since));
        self.page.row(&Row {
            sign,
            time: &so_far,
            ends: live.is_step,
            ..row
        })
    }
}

impl<W: Write + Send> Rendering for Terminal<W> {
    fn event(&mut self, event: &Event) {
        self.now = event.t;
        self.page.width = self.screen.size().0;
        for shown in self.story.told(event) {
            self.shown(&shown);
        }
    }

    fn tick(&mut self, now: u64) {
        self.now = now;
        self.page.width = self.screen.size().0;
        self.frame += 1;
        self.add(&[]);
    }

    fn pause(&self) -> Option<Duration> {
        Some(TICK)
    }

    fn say(&mut self, text: &str) {
        let line = self.page.sentence(text);
        self.add(&[line]);
    }

    fn aside(&mut self, work: &mut dyn FnMut()) {
        self.screen.show(&[], &[]);
        work();
        self.add(&[]);
    }

    fn close(&mut self) {
        self.screen.show(&[], &[]);
    }
}

//! What stands on the screen, after everything that was drawn and wiped.

use super::*;
use crate::render::screen::Size;
use crate::render::shown::Verbosity;
use crate::render::story::Story;
use crate::render::terminal::Terminal;
use crate::render::{Printed, Rendering};

/// Applies what is drawn to a screen, and gives its lines.
fn screen(drawn: &str) -> String {
    let (mut lines, mut row, mut column) = (vec![String::new()], 0usize, 0usize);
    let mut chars = drawn.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\n' => {
                // As terminals are set up: a line end goes back to the first column too.
                column = 0;
                row += 1;
                if row == lines.len() {
                    lines.push(String::new());
                }
            }
            '\r' => column = 0,
            '\u{1b}' => {
                chars.next();
                let mut number = String::new();
                while let Some(digit) = chars.next_if(char::is_ascii_digit) {
                    number.push(digit);
                }
                let n = number.parse().unwrap_or(1);
                match chars.next() {
                    Some('A') => row = row.saturating_sub(n),
                    Some('K') => lines[row] = lines[row].chars().take(column).collect(),
                    Some('J') => {
                        lines[row] = lines[row].chars().take(column).collect();
                        lines.truncate(row + 1);
                    }
                    other => panic!("the screen does not know {other:?}"),
                }
            }
            c => {
                let mut line: Vec<char> = lines[row].chars().collect();
                line.resize(line.len().max(column + 1), ' ');
                line[column] = c;
                lines[row] = line.into_iter().collect();
                column += 1;
            }
        }
    }
    let lines: Vec<_> = lines.iter().map(|line| line.trim_end()).collect();
    lines.join("\n").trim_end().to_owned() + "\n"
}

fn narrow() -> Option<(u16, u16)> {
    Some((80, 24))
}

fn wide() -> Option<(u16, u16)> {
    Some((200, 50))
}

#[track_caller]
fn check(events: &[Event], size: Size, now: u64, name: &str) {
    let out = Shared::default();
    let printed = Printed {
        out: Box::new(out.clone()),
        ink: None,
    };
    let story = Story::new(Verbosity::Normal);
    let mut terminal = Terminal::new(story, page(80), size, printed, out.clone());
    let mut last = START;
    for event in events {
        while last + 120 < event.t {
            last += 120;
            terminal.tick(last);
        }
        terminal.event(event);
    }
    if now > 0 {
        terminal.tick(START + now);
    } else {
        terminal.close();
    }
    matches(name, &screen(&out.text()));
}

#[test]
fn while_it_runs() {
    check(&rolling()[..13], narrow, 34_500, "terminal_running");
}

#[test]
fn while_it_is_undone() {
    check(&rolling()[..17], narrow, 85_000, "terminal_undoing");
}

#[test]
fn at_the_end_nothing_is_left_below() {
    check(&rolling(), narrow, 0, "terminal_end");
}

#[test]
fn at_200_columns() {
    check(&rolling()[..17], wide, 85_000, "terminal_200");
}

#[test]
fn a_fan_out_is_one_line_with_counts_and_rate() {
    check(&tenants(), narrow, 12_000, "terminal_fan_out");
}

#[test]
fn more_steps_than_lines() {
    let mut events = vec![started(0)];
    for n in 1..=30 {
        events.push(begun(
            n,
            &step(n, &format!("/parallel#1[{n}]/sql#1"), "sql", "shop"),
        ));
    }
    check(&events, narrow, 1_000, "terminal_many");
}

#[test]
fn what_is_printed_stands_above_what_runs() {
    let migrate = step(1, "/migrate#1", "migrate", "shop");
    let printed = event(
        500,
        What::Printed {
            text: "one\ntwo".into(),
        },
    );
    let note = event(
        501,
        What::Note {
            text: "optional `static files` failed: the bucket `assets` refused a file, because it is larger than allowed".into(),
        },
    );
    check(
        &[started(0), begun(1, &migrate), printed, note],
        narrow,
        600,
        "terminal_printed",
    );
}

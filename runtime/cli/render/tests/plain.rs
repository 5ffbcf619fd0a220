//! Lines, as a log of a CI system keeps them.

use super::*;
use crate::render::plain::Plain;
use crate::render::shown::Verbosity;
use crate::render::story::Story;
use crate::render::{Printed, Rendering};

fn shown(events: &[Event], page: Page, verbosity: Verbosity, ticks: bool) -> (String, String) {
    let (out, printed) = (Shared::default(), Shared::default());
    let ink = None;
    let mut plain = Plain::new(
        Story::new(verbosity),
        page,
        Printed {
            out: Box::new(printed.clone()),
            ink,
        },
        out.clone(),
    );
    let mut last = START;
    for event in events {
        while ticks && last + 1000 < event.t {
            last += 1000;
            plain.tick(last);
        }
        plain.event(event);
    }
    plain.close();
    (out.text(), printed.text())
}

#[track_caller]
fn check(events: &[Event], page: Page, verbosity: Verbosity, name: &str) {
    let (out, _) = shown(events, page, verbosity, true);
    matches(name, &out);
}

fn log(width: usize) -> Page {
    Page {
        cuts: false,
        ..page(width)
    }
}

#[test]
fn a_failed_release() {
    check(&rolling(), log(80), Verbosity::Normal, "plain_failed_80");
}

#[test]
fn a_failed_release_at_200_columns() {
    check(&rolling(), log(200), Verbosity::Normal, "plain_failed_200");
}

#[test]
fn a_failed_release_in_ascii() {
    let ink = Ink {
        colour: false,
        unicode: false,
    };
    check(
        &rolling(),
        Page { ink, ..log(80) },
        Verbosity::Normal,
        "plain_failed_ascii",
    );
}

#[test]
fn quiet_tells_what_went_wrong() {
    check(&rolling(), log(80), Verbosity::Quiet, "plain_failed_quiet");
}

#[test]
fn verbose_tells_what_steps_say() {
    check(
        &rolling()[..10],
        log(80),
        Verbosity::Verbose,
        "plain_failed_verbose",
    );
}

#[test]
fn a_large_fan_out_is_told_in_one_line() {
    let mut events = tenants();
    events.push(begun(
        30_000,
        &step(401, "/each#1[t401]/migrate#1", "migrate", "t401"),
    ));
    let (key, kind) = ("/each#1".to_owned(), "each".to_owned());
    events.push(event(
        31_000,
        What::ScopeFinished {
            key,
            kind,
            ok: false,
        },
    ));
    events.push(event(
        31_001,
        What::UndoStarted {
            scope: String::new(),
            steps: 200,
        },
    ));
    for n in (1..=400).rev().filter(|n| n % 2 == 0) {
        let step = step(
            n,
            &format!("/each#1[t{n}]/migrate#1"),
            "migrate",
            &format!("t{n}"),
        );
        events.push(event(
            33_000 - n,
            What::StepUndone {
                step,
                summary: "0042".into(),
                took: 1,
            },
        ));
    }
    events.push(ended(34_000, "undone", 401));
    check(&events, log(80), Verbosity::Normal, "plain_fan_out");
}

#[test]
fn nothing_to_do_and_done() {
    let migrate = step(1, "/migrate#1", "migrate", "shop");
    let check = |changed, name: &str| {
        let mut events = vec![
            started(0),
            begun(1, &migrate),
            finished(305, &migrate, changed, "", 304),
        ];
        events.push(event(
            306,
            What::Printed {
                text: "web runs \u{1b}[31mshop:2.0\n::error::no".into(),
            },
        ));
        events.push(event(
            307,
            What::Note {
                text: "what was kept: 2 backups of the database, one log, and the container that served before it was replaced".into(),
            },
        ));
        events.push(ended(310, "done", 1));
        let (out, said) = shown(&events, log(80), Verbosity::Normal, false);
        assert_eq!(said, "web runs shop:2.0\n: :error::no\n");
        matches(name, &out);
    };
    check(Some(false), "plain_nothing_to_do");
    check(Some(true), "plain_done");
    check(None, "plain_only_read");
}

#[test]
fn what_was_interrupted_says_so() {
    let migrate = step(1, "/migrate#1", "migrate", "shop");
    let events = [started(0), begun(1, &migrate), ended(310, "interrupted", 1)];
    check(&events, log(80), Verbosity::Normal, "plain_interrupted");
}

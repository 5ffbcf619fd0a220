//! Whole outputs for whole runs, told event by event.

mod plain;
mod terminal;

use super::ink::Ink;
use super::page::Page;
use pb_core::event::{Event, SCHEMA, Step, What};
use pb_core::{Failure, code};
use serde_json::Value;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};

/// Compares with `<name>.txt` beside this file, which `UPDATE_EXPECT=1` writes.
#[track_caller]
pub(crate) fn matches(name: &str, found: &str) {
    let file = format!(
        "{}/runtime/cli/render/tests/{name}.txt",
        env!("CARGO_MANIFEST_DIR")
    );
    if std::env::var("UPDATE_EXPECT").is_ok_and(|update| update == "1") {
        std::fs::write(&file, found).expect("the sources can be written");
    }
    let expected = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        found == expected,
        "{name}.txt differs; UPDATE_EXPECT=1 writes what was found:\n{found}"
    );
}

/// 2026-11-23 14:00 UTC.
pub(super) const START: u64 = 1_795_442_400_000;

pub(super) fn page(width: usize) -> Page {
    Page {
        width,
        cuts: true,
        ink: Ink {
            colour: false,
            unicode: true,
        },
    }
}

pub(super) fn event(t: u64, what: What) -> Event {
    Event {
        schema: SCHEMA.into(),
        run: "01JD5K2M9Q".into(),
        t: START + t,
        what,
    }
}

pub(super) fn step(n: u64, key: &str, name: &str, place: &str) -> Step {
    Step {
        key: key.into(),
        n,
        name: name.into(),
        place: place.into(),
    }
}

pub(super) fn started(t: u64) -> Event {
    let (playbook, env) = ("rolling.rhai".into(), "prod".into());
    event(
        t,
        What::RunStarted {
            playbook,
            env,
            params: Default::default(),
        },
    )
}

pub(super) fn begun(t: u64, step: &Step) -> Event {
    event(t, What::StepStarted(step.clone()))
}

pub(super) fn says(t: u64, key: &str, text: &str) -> Event {
    event(
        t,
        What::StepProgress {
            key: key.into(),
            text: text.into(),
            done: None,
        },
    )
}

pub(super) fn finished(
    t: u64,
    step: &Step,
    changed: Option<bool>,
    summary: &str,
    took: u64,
) -> Event {
    event(
        t,
        What::StepFinished {
            step: step.clone(),
            changed,
            summary: summary.into(),
            took,
        },
    )
}

pub(super) fn ended(t: u64, state: &str, steps: u64) -> Event {
    let what = What::RunFinished {
        state: state.into(),
        changed: true,
        steps,
        took: t,
        failure: None,
        value: Value::Null,
    };
    event(t, what)
}

/// A release whose second container does not become healthy.
pub(super) fn rolling() -> Vec<Event> {
    let migrate = step(2, "/savepoint:release#1/migrate#1", "migrate", "shop");
    let wait = step(1, "/wait_db#1", "wait_db", "shop");
    let web = |n: u64| {
        let key = format!("/savepoint:release#1/rolling#1[web-{n}]/swap_container#1");
        step(n + 2, &key, "swap_container", &format!("web-{n}"))
    };
    let failure = Failure::new(
        &code::UNHEALTHY,
        "`web-2` did not become healthy within 60 s",
    );
    let scope = |kind: &str, key: &str, name: &str, branches| What::ScopeStarted {
        kind: kind.into(),
        key: key.into(),
        name: name.into(),
        branches,
    };
    let undone = |t, step: &Step, summary: &str, took| {
        event(
            t,
            What::StepUndone {
                step: step.clone(),
                summary: summary.into(),
                took,
            },
        )
    };
    vec![
        started(0),
        begun(1, &wait),
        finished(300, &wait, None, "PostgreSQL 15.8, primary", 299),
        event(
            301,
            scope("savepoint", "/savepoint:release#1", "release", 0),
        ),
        begun(302, &migrate),
        says(310, &migrate.key, "apply 0042"),
        finished(10_100, &migrate, Some(true), "0042 0043 0044", 9_798),
        event(
            10_101,
            scope("rolling", "/savepoint:release#1/rolling#1", "", 2),
        ),
        begun(10_102, &web(1)),
        finished(
            22_102,
            &web(1),
            Some(true),
            "shop:1.9 → shop:2.0, healthy",
            12_000,
        ),
        begun(22_103, &web(2)),
        says(22_200, &web(2).key, "start shop:2.0"),
        says(23_000, &web(2).key, "GET /health/ answered 503"),
        event(
            82_103,
            What::StepFailed {
                step: web(2),
                failure: failure.clone(),
                took: 60_000,
            },
        ),
        undone(82_500, &web(2), "shop:1.9", 300),
        event(
            82_501,
            What::UndoStarted {
                scope: "/savepoint:release#1".into(),
                steps: 2,
            },
        ),
        says(82_502, &format!("{}~undo", web(1).key), "start shop:1.9"),
        undone(91_800, &web(1), "shop:2.0 → shop:1.9, healthy", 9_300),
        says(91_801, &format!("{}~undo", migrate.key), "revert 0044"),
        undone(93_200, &migrate, "0044 0043 0042", 1_400),
        ended(93_300, "undone", 4),
    ]
}

/// Migrations of 1,000 tenants, of which some were made before and one fails.
pub(super) fn tenants() -> Vec<Event> {
    let each = "/each#1".to_owned();
    let scope = |key: &str, kind: &str, branches| What::ScopeStarted {
        key: key.into(),
        kind: kind.into(),
        name: String::new(),
        branches,
    };
    let mut events = vec![started(0), event(1, scope(&each, "each", 1000))];
    for n in 1..=400 {
        let branch = format!("{each}[t{n}]");
        let migrate = step(
            n,
            &format!("{branch}/migrate#1"),
            "migrate",
            &format!("t{n}"),
        );
        events.push(event(n * 10, scope(&branch, "branch", 0)));
        events.push(begun(n * 10, &migrate));
        match n {
            390 => {}
            7 => {
                let failure =
                    Failure::new(&code::LOCK_TIMEOUT, "`orders` stayed locked for 500 ms");
                events.push(event(
                    n * 10 + 5,
                    What::StepFailed {
                        step: migrate,
                        failure,
                        took: 5,
                    },
                ));
            }
            _ => events.push(finished(n * 10 + 5, &migrate, Some(n % 2 == 0), "0042", 5)),
        }
        if n != 390 {
            let (key, kind, ok) = (branch, "branch".into(), n != 7);
            events.push(event(n * 10 + 6, What::ScopeFinished { key, kind, ok }));
        }
    }
    events
}

/// Bytes that a test reads while they are written.
#[derive(Clone, Default)]
pub(super) struct Shared(Arc<Mutex<Vec<u8>>>);

impl Shared {
    pub(super) fn text(&self) -> String {
        String::from_utf8(
            self.0
                .lock()
                .expect("no test panics while it writes")
                .clone(),
        )
        .expect("UTF-8")
    }
}

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0
            .lock()
            .expect("no test panics while it writes")
            .extend(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

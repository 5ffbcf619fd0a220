//! What `pb show` and `pb runs` make of journals: every state of a run and of a step.

use super::*;
use crate::render::ink::Ink;
use crate::render::page::Page;
use crate::{runs, show};
use jiff::tz::TimeZone;
use pb_core::journal::{Recorded, TransactionStep};
use pb_core::run::Registry;
use pb_core::{Class, Effect, Site, Undo, code};
use serde_json::json;

/// 2026-11-23 14:00 UTC.
const START: u64 = 1_795_442_400_000;

struct Journal(Vec<Recorded>);

impl Journal {
    fn new() -> Self {
        let source = "//! Rolls.\nmigrate(db, \"m\");\nswap_container(name);\n";
        let sources = Sources::from([("rolling.rhai".to_owned(), source.to_owned())]);
        let open = Body::RunOpen {
            pb: "0.1.0".into(),
            playbook: "rolling.rhai".into(),
            sources,
            params: Map::from_iter([("image".into(), json!("shop:2.0"))]),
            env: "prod".into(),
            target: Value::Null,
            by: "dana".into(),
            host: "ops-1".into(),
            pid: 1,
            supersedes: None,
        };
        Self(vec![]).add(0, "", open)
    }

    fn add(mut self, t: u64, key: &str, body: Body) -> Self {
        self.0.push(Recorded {
            v: 1,
            seq: self.0.len() as u64 + 1,
            prev: String::new(),
            run: "1NG20HCY3M".into(),
            epoch: 1,
            t: START + t,
            key: key.into(),
            generation: 1,
            body,
        });
        self
    }

    fn begun(self, t: u64, key: &str, primitive: &str) -> Self {
        let undo = Undo::none("x");
        let (args, before, plan) = (Value::Null, Value::Null, vec!["act".into()]);
        let primitive = primitive.to_owned();
        let step = Body::Step {
            n: 0,
            primitive,
            args,
            before,
            undo,
            plan,
        };
        let intent = Body::Intent {
            action: 0,
            what: Value::Null,
            effect: Effect::Ensure,
        };
        self.add(t, key, step).add(t, key, intent)
    }

    fn ended(
        self,
        (began, t): (u64, u64),
        key: &str,
        place: &str,
        said: Result<&str, Failure>,
    ) -> Self {
        let primitive = key
            .rsplit('/')
            .next()
            .and_then(|last| last.split('#').next());
        let primitive = primitive.unwrap_or_default().to_owned();
        let class = if primitive == "wait_db" {
            Class::Gate
        } else {
            Class::Ensure
        };
        let summary = said.clone().unwrap_or_default();
        let result = Body::Result {
            stopped: false,
            primitive,
            class,
            args: String::new(),
            place: place.into(),
            site: vec![],
            changed: !summary.is_empty(),
            value: Value::Null,
            failure: said.clone().err(),
            summary: summary.into(),
            state: said.ok().map(|said| format!("{place} has {said}")),
            took: t - began,
        };
        self.add(t, key, result)
    }

    fn undone(self, t: u64, key: &str, kept: Option<&str>, failure: Option<Failure>) -> Self {
        let kept = kept.map(str::to_owned);
        let state = (kept.is_none() && failure.is_none()).then(|| "web-1 runs shop:1.9".to_owned());
        self.add(
            t,
            key,
            Body::UndoResult {
                kept,
                failure,
                state,
            },
        )
    }

    fn closed(self, t: u64, state: Ended, failure: Option<Failure>) -> Self {
        self.add(
            t,
            "",
            Body::RunClose {
                state,
                failure,
                changed: true,
            },
        )
    }

    fn read(&self, running: bool) -> Past {
        let history = History {
            records: self.0.clone(),
            head: String::new(),
            torn: 0,
            unwitnessed: false,
            damage: None,
        };
        Past::of("1NG20HCY3M", &history, running, &Registry::default())
    }
}

fn unhealthy() -> Failure {
    let mut failure = Failure::new(
        &code::UNHEALTHY,
        "`web-2` did not become healthy within 60 s",
    )
    .because("GET /health/ answered 503 (12 times)")
    .state("web-1 runs shop:1.9");
    let (file, call) = ("rolling.rhai".into(), "swap_container".into());
    failure.chain = vec![Site {
        file,
        line: 3,
        column: 1,
        call,
    }];
    failure
}

/// A release whose second container did not become healthy.
fn failed() -> Journal {
    Journal::new()
        .ended((10, 40), "/wait_db#1", "shop", Ok(""))
        .begun(50, "/migrate#1", "migrate")
        .ended((50, 9_850), "/migrate#1", "shop", Ok("0042 0043"))
        .begun(
            9_900,
            "/rolling#1[web-1]/swap_container#1",
            "swap_container",
        )
        .ended(
            (9_900, 21_900),
            "/rolling#1[web-1]/swap_container#1",
            "web-1",
            Ok("shop:2.0"),
        )
        .begun(
            22_000,
            "/rolling#1[web-2]/swap_container#1",
            "swap_container",
        )
        .ended(
            (22_000, 82_000),
            "/rolling#1[web-2]/swap_container#1",
            "web-2",
            Err(unhealthy()),
        )
}

fn undone() -> Journal {
    failed()
        .undone(90_000, "/rolling#1[web-1]/swap_container#1", None, None)
        .undone(
            91_000,
            "/migrate#1",
            Some("a migration has no down file"),
            None,
        )
        .closed(91_100, Ended::Undone, Some(unhealthy()))
}

#[track_caller]
fn check(name: &str, past: &Past, width: usize) {
    let page = Page {
        width,
        cuts: true,
        ink: Ink {
            colour: false,
            unicode: true,
        },
    };
    let lines = show::lines(past, START + 100_000, &TimeZone::UTC, page);
    matches(name, &(lines.join("\n") + "\n"));
}

#[track_caller]
fn matches(name: &str, found: &str) {
    crate::render::tests::matches(&format!("../../past/{name}"), found);
}

#[test]
fn a_run_that_was_undone() {
    check("undone_80", &undone().read(false), 80);
    check("undone_120", &undone().read(false), 120);
}

#[test]
fn a_run_whose_undo_is_stuck() {
    let stuck = Failure::new(&code::DOCKER, "the engine refused to start `web-1`");
    let journal = failed()
        .undone(
            90_000,
            "/rolling#1[web-1]/swap_container#1",
            None,
            Some(stuck),
        )
        .closed(91_100, Ended::Stuck, Some(unhealthy()));
    check("stuck", &journal.read(false), 80);
}

#[test]
fn a_run_that_was_killed_while_it_acted() {
    let journal = failed().begun(83_000, "/notify#1", "notify");
    check("interrupted", &journal.read(false), 80);
    check("running", &journal.read(true), 80);
}

#[test]
fn a_transaction_holds_its_steps() {
    let inner = |key: &str, failure| TransactionStep {
        key: key.into(),
        n: 0,
        primitive: "sql".into(),
        args: String::new(),
        value: Value::Null,
        failure,
        undo: Undo::none("x"),
    };
    let key = "/transaction#1";
    let what = json!({ "db": pb_core::Handle { driver: "postgres".into(), name: "database".into(), config: Map::new(), transaction: None }.to_value() });
    let refused = Failure::new(&code::DUPLICATE, "a row is there already");
    let steps = vec![
        inner("/transaction#1/sql#1", None),
        inner("/transaction#1/sql#2", Some(refused)),
    ];
    let journal = Journal::new()
        .add(
            10,
            key,
            Body::Intent {
                action: 0,
                what,
                effect: Effect::Transaction,
            },
        )
        .add(
            500,
            key,
            Body::TxResult {
                entered: Value::Null,
                steps,
                value: Value::Null,
                evidence: Value::Null,
            },
        )
        .add(
            700,
            key,
            Body::Outcome {
                action: 0,
                value: Value::Null,
                failure: None,
            },
        )
        .closed(710, Ended::Done, None);
    check("transaction", &journal.read(false), 80);
}

#[test]
fn a_table_fits_its_terminal() {
    let mut damaged = Journal::new().read(false);
    damaged.state = State::Damaged;
    let why = "its hash does not fit its text".into();
    damaged.damage = Some(Damage { seq: 17, why });
    let mut long = undone().read(false);
    long.playbook = "deploy/playbooks/production/rolling.rhai".into();
    long.started = Some(START - 86_400_000);
    let empty = Past::of(
        "1NG20HCY3N",
        &History {
            records: vec![],
            head: String::new(),
            torn: 5,
            unwitnessed: false,
            damage: None,
        },
        false,
        &Registry::default(),
    );
    let past = [
        failed().read(true),
        failed().begun(83_000, "/notify#1", "notify").read(false),
        failed().closed(90_000, Ended::Failed, None).read(false),
        failed().closed(90_000, Ended::Done, None).read(false),
        damaged,
        long,
        empty,
    ];
    for width in [80, 140] {
        let page = Page {
            width,
            cuts: true,
            ink: Ink {
                colour: false,
                unicode: true,
            },
        };
        let table = runs::table(&past, START + 100_000, &TimeZone::UTC, page);
        matches(&format!("table_{width}"), &(table.join("\n") + "\n"));
    }
}

//! What a durable journal costs: trivial steps one by one and side by side, beside a bare fdatasync loop on the same disk.

use crate::figures::{Times, line, micros, ratio};
use pb_core::run::Registry;
use pb_core::{
    Class, Decision, Driver, Drivers, Effect, Permit, Primitive, Readers, Result, Subject, Undo,
    World, erase, spec,
};
use pb_runtime::{Runtime, Script};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const STEPS: usize = 10_000;

/// Begin and end of every action.
#[derive(Clone, Default)]
struct Marks(Arc<Mutex<Vec<(Instant, Instant)>>>);

impl Driver for Marks {
    type Reader = ();
    type Writer = Self;
    const KEY: &'static str = "";
    fn reader(&self) -> &() {
        &()
    }
    fn writer(&self) -> &Self {
        self
    }
}

/// Does nothing, every time: what is measured is all that stands around it.
struct Tick;

#[derive(Serialize, Deserialize, JsonSchema)]
struct TickArgs {
    #[schemars(transform = spec::position::<0>)]
    n: i64,
}

#[derive(Serialize, Deserialize)]
struct Once;

impl std::fmt::Display for Once {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("tick")
    }
}

#[derive(Serialize, JsonSchema)]
struct Ticked {}

impl Primitive for Tick {
    type Args = TickArgs;
    type Facts = ();
    type Action = Once;
    type Out = Ticked;
    const NAME: &'static str = "tick";
    const CLASS: Class = Class::Every;
    const DOC: &'static str = "Does nothing.";
    const EXAMPLE: &'static str = "tick(1);";

    async fn observe(&self, _: &Readers, _: &TickArgs) -> Result<()> {
        Ok(())
    }
    fn decide(&self, _: &TickArgs, (): &()) -> Result<Decision<Once>> {
        Ok(Decision::in_order(vec![Once]))
    }
    fn effect(&self, _: &TickArgs, _: &Once) -> Effect {
        Effect::Opaque
    }
    async fn act(&self, world: &World, permit: &Permit, _: &TickArgs, _: &Once) -> Result<Value> {
        let now = Instant::now();
        world
            .of::<Marks>(permit)
            .0
            .lock()
            .unwrap()
            .push((now, Instant::now()));
        Ok(Value::Null)
    }
    fn result(&self, _: &TickArgs, (): &(), (): &(), _: &[Value]) -> Result<Ticked> {
        Ok(Ticked {})
    }
    fn undo(&self, _: &TickArgs, (): &()) -> Undo {
        Undo::none("a tick is gone")
    }
    fn subjects(&self, _: &TickArgs) -> Vec<Subject> {
        vec![]
    }
}

pub(crate) fn run() {
    // Beside the build, so that it is the disk of the checkout and not a memory disk.
    let folder =
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    println!("journal ({STEPS} trivial steps, two durable records each)");

    let bare = bare_loop(&folder.join("bare"));
    line(
        "bare append + fdatasync, 300 bytes",
        &micros(bare.p50()),
        &format!("p50; p99 {}", micros(bare.percentile(99))),
    );

    let (whole, marks) = ticks(
        &folder.join("alone"),
        &format!("for n in 0..{STEPS} {{ tick(n); }}"),
    );
    // From the end of one action to the beginning of the next: an outcome and an intent are made durable.
    let gaps = Times::new(marks.windows(2).map(|pair| pair[1].0 - pair[0].1).collect());
    line(
        "step, alone",
        &micros(whole / STEPS as u32),
        &format!("{:.0} steps/s", STEPS as f64 / whole.as_secs_f64()),
    );
    let record = gaps.p50() / 2;
    let against = format!("p50; {:.2}× bare (goal ≤ 2×)", ratio(record, bare.p50()));
    line("durable record, alone", &micros(record), &against);

    let (whole, marks) = ticks(
        &folder.join("grouped"),
        &format!(
            "let all = []; for n in 0..{STEPS} {{ all.push(n); }} each(all, #{{ max: 32 }}, |n| tick(n));"
        ),
    );
    assert_eq!(marks.len(), STEPS);
    let records = (2 * STEPS) as f64 / whole.as_secs_f64();
    let bare_per_second = 1.0 / bare.p50().as_secs_f64();
    line(
        "durable records/s, 32 branches",
        &format!("{records:.0}"),
        &format!(
            "{:.1}× what the bare loop makes durable",
            records / bare_per_second
        ),
    );
    let bytes = std::fs::read_dir(folder.join("alone/runs"))
        .unwrap()
        .map(|e| e.unwrap().metadata().unwrap().len())
        .max()
        .unwrap();
    line(
        "journal",
        &format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20)),
        &format!("{} bytes a step", bytes / STEPS as u64),
    );
    std::fs::remove_dir_all(folder).unwrap();
}

fn bare_loop(path: &Path) -> Times {
    let mut file: File = OpenOptions::new()
        .create_new(true)
        .append(true)
        .open(path)
        .unwrap();
    let record = [b'x'; 300];
    let one = |file: &mut File| {
        let began = Instant::now();
        file.write_all(&record).unwrap();
        file.sync_data().unwrap();
        began.elapsed()
    };
    Times::new((0..2000).map(|_| one(&mut file)).collect())
}

fn ticks(state: &Path, playbook: &str) -> (Duration, Vec<(Instant, Instant)>) {
    let marks = Marks::default();
    let mut drivers = Drivers::default();
    drivers.add(marks.clone());
    let mut registry = Registry {
        drivers: Arc::new(drivers),
        ..Registry::default()
    };
    registry.add(erase(Tick));
    let runtime = Runtime::builder(registry).state(state).build().unwrap();
    let script = Script::from_text("ticks.rhai", playbook, &[]).unwrap();
    let began = Instant::now();
    let finished = runtime.run(&script, &Map::new()).unwrap();
    assert!(finished.failure.is_none(), "{:?}", finished.failure);
    let marks = marks.0.lock().unwrap().clone();
    (began.elapsed(), marks)
}

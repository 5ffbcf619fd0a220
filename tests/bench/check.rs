//! How long it takes to read and check a playbook of 10,000 lines: 2,000 functions, 4,000 calls of primitives.

use crate::figures::{Times, line, millis};
use pb_runtime::{Checked, Script, check};
use std::path::Path;
use std::time::{Duration, Instant};

pub(crate) fn run() {
    println!("\ncheck (10,000 lines, 2,000 functions, 4,000 calls of primitives)");
    let text = playbook();
    assert_eq!(text.lines().count(), 10_000);
    let registry = pb_stdlib::registry(Path::new("."), None);
    let (mut reading, mut checking, mut both) = (vec![], vec![], vec![]);
    for _ in 0..20 {
        let began = Instant::now();
        let script = Script::from_text("long.rhai", &text, pb_stdlib::LIBRARY).unwrap();
        let read = began.elapsed();
        let checked = check(&script, &registry, None, None);
        let took = began.elapsed();
        right(&checked);
        reading.push(read);
        checking.push(took - read);
        both.push(took);
    }
    show("read and parsed", reading, "");
    show("checked", checking, "");
    show("together", both, " (goal ≤ 150 ms)");
}

fn show(what: &str, times: Vec<Duration>, goal: &str) {
    let times = Times::new(times);
    let note = format!("p50; p99 {}{goal}", millis(times.percentile(99)));
    line(what, &millis(times.p50()), &note);
}

/// A function of five lines, 2,000 times; none of it is wrong.
fn playbook() -> String {
    let functions = (0..2_000).map(|i| {
        format!(
            "fn step_{i}(db, name) {{\n    \
             let done = sql(db, \"UPDATE orders SET status = $1 WHERE id = {i}\", [`new ${{name}}`]);\n    \
             wait_db(db, #{{ state: \"writable\", deadline: \"30s\", interval: \"250ms\", id: \"wait-{i}\" }});\n    \
             if done.changed {{ print(`${{name}}: ${{done.rows}} rows, step {i}`.to_upper()); }}\n}}\n"
        )
    });
    functions.collect()
}

fn right(checked: &Checked) {
    assert_eq!(checked.findings, []);
    assert!(checked.calls >= 8_000, "{} calls", checked.calls);
}

//! How long a playbook takes that has nothing to do, and how much memory.

use crate::figures::{Times, line, millis};
use crate::support::pb::Pb;
use std::process::Stdio;
use std::time::{Duration, Instant};

pub(crate) fn run() {
    println!("\nstart (a playbook of one step that only reads)");
    let pb = Pb::new()
        .playbook("noop.rhai", "require_env([\"PATH\"]);")
        .with(["run", "noop.rhai", "-q"]);
    let times = (0..50).map(|_| once(&pb)).collect();
    let times = Times::new(times);
    line(
        "process start to its end",
        &millis(times.p50()),
        &format!("p50; p99 {} (goal ≤ 20 ms)", millis(times.percentile(99))),
    );
    line(
        "peak memory",
        &format!("{:.1} MiB", peak(&pb)),
        "resident, of the whole process",
    );
}

fn once(pb: &Pb) -> Duration {
    let began = Instant::now();
    let outcome = pb.run();
    let took = began.elapsed();
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    took
}

/// The largest resident size that was seen, in MiB.
pub(crate) fn peak(pb: &Pb) -> f64 {
    let mut child = pb.command().stdout(Stdio::null()).spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    while child.try_wait().unwrap().is_none() {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
        peak = peak.max(kib.unwrap_or(0));
    }
    peak as f64 / 1024.0
}

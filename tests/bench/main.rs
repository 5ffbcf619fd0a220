//! `make bench`: prints figures and ratios; it asserts nothing. Run it on a quiet machine. `REPS` is how often each swap is made.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench prints, and may panic"
)]

mod check;
mod figures;
mod journal;
mod lint;
mod plan;
mod start;
#[path = "../support/mod.rs"]
mod support;
mod swap;

fn main() {
    // `cargo bench -- swap` runs one part; cargo itself adds `--bench`.
    let asked: Vec<String> = std::env::args()
        .skip(1)
        .filter(|arg| !arg.starts_with('-'))
        .collect();
    let parts: [(&str, fn()); 6] = [
        ("check", check::run),
        ("journal", journal::run),
        ("lint", lint::run),
        ("plan", plan::run),
        ("start", start::run),
        ("swap", swap::run),
    ];
    for (name, run) in parts {
        if asked.is_empty() || asked.iter().any(|arg| arg == name) {
            run();
        }
    }
}

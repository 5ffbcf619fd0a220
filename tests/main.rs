//! The one integration test binary: what only the whole `pb`, live servers or the whole repository can show.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test that panics has done its job, and libtest captures what it prints"
)]

mod check;
mod commands;
mod docs;
mod harness;
#[path = "../stdlib/tests/host/mod.rs"]
mod host;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod killed;
mod planned;
mod primitives;
mod rules;
#[path = "../stdlib/tests/stage/mod.rs"]
mod stage;
mod stores;
mod support;

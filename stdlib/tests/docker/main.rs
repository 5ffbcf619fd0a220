//! The primitives on real servers, without scripts: what only Docker, HAProxy and a load beside them can show.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test that panics has done its job, and libtest captures what it prints"
)]

mod job;
mod kernel;
mod killed;
#[path = "../../../tests/support/mod.rs"]
mod support;
mod swap;
mod tier;
mod trouble;
mod undo;

//! What tests, the demo and benches need around the `pb` binary: servers, images, load, and the command itself.
//!
//! Everything here ends when the process that made it ends, even by SIGKILL: see `keeper`.

#![allow(
    dead_code,
    reason = "the demo and each test take the part that they need"
)]

pub(crate) mod checkout;
pub(crate) mod docker;
pub(crate) mod haproxy;
pub(crate) mod http;
pub(crate) mod image;
pub(crate) mod keeper;
pub(crate) mod leave;
pub(crate) mod load;
pub(crate) mod need;
pub(crate) mod outcome;
pub(crate) mod pb;
pub(crate) mod port;
pub(crate) mod postgres;
pub(crate) mod program;
pub(crate) mod redact;
pub(crate) mod stage;
pub(crate) mod wait;

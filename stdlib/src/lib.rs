//! Every primitive that touches the world, one file each, by area. Knows no Rhai and no terminal.

pub mod chat;
mod destruction;
pub mod docker;
pub mod files;
pub mod haproxy;
pub mod host;
pub mod http;
mod known;
mod opaque;
pub mod outside_text;
pub mod postgres;

use host::Supervisor;
use pb_core::Drivers;
use pb_core::run::Registry;
use std::path::Path;
use std::sync::Arc;

/// Modules written as playbook code: name and text.
pub const LIBRARY: &[(&str, &str)] = &[("std/rollout", include_str!("../rhai/rollout.rhai"))];

/// Every primitive and every driver. Paths in playbooks are relative to `base`.
///
/// With a `supervisor` the programs that `command` starts outlive this one when it is killed, and can be found again.
pub fn registry(base: &Path, supervisor: Option<Supervisor>) -> Registry {
    let (mut registry, mut drivers) = (Registry::default(), Drivers::default());
    files::register(&mut drivers, base);
    host::register(&mut registry, &mut drivers, base, supervisor);
    http::register(&mut registry, &mut drivers);
    chat::register(&mut registry, &mut drivers);
    postgres::register(&mut registry, &mut drivers);
    haproxy::register(&mut registry, &mut drivers);
    docker::register(&mut registry, &mut drivers);
    registry.drivers = Arc::new(drivers);
    registry
}

//! The load generator of `examples/demo/load.rs`, started and stopped.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::time::Duration;

use serde::Deserialize;

use super::image;
use super::keeper::{self, Keeper};

pub(crate) struct Load {
    keeper: Keeper,
}

/// What came of all requests. A second try is one that a client repeats by itself, on a kept connection that closed.
#[derive(Debug, Deserialize)]
pub(crate) struct Summary {
    pub(crate) total: u64,
    pub(crate) failed: u64,
    pub(crate) second_try: u64,
    pub(crate) kinds: BTreeMap<String, u64>,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) max_ms: f64,
    pub(crate) versions: BTreeMap<String, u64>,
}

impl Load {
    /// `rate` is requests per second; one in two hundred takes as long as `long` says.
    pub(crate) fn start(address: SocketAddr, rate: u32, long: Option<Duration>) -> Load {
        let load = keeper::quote(image::program("load"));
        let long = long
            .map(|long| format!("--long {}", long.as_millis()))
            .unwrap_or_default();
        let keeper = Keeper::new("kill -KILL $load 2>/dev/null");
        keeper
            .run(&format!(
                "{load} {address} --rate {rate} {long} >summary 2>log & load=$!"
            ))
            .expect("the load generator starts");
        Load { keeper }
    }

    /// Returns the sum of all requests, those in flight now too.
    pub(crate) fn stop(self) -> Summary {
        let stopped = self
            .keeper
            .run("kill -TERM $load; wait $load || { cat log; false; }");
        stopped.unwrap_or_else(|error| panic!("the load generator ends well: {error}"));
        let summary = fs::read(self.keeper.folder().join("summary")).expect("it was written");
        serde_json::from_slice(&summary).expect("the summary is one line of JSON")
    }
}

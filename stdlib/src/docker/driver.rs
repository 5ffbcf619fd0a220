//! The driver `docker`: what primitives read from an engine, and what they may change on it.

use super::config::Endpoint;
use super::engine::Engines;
use super::reader::Reader;
use super::writer::Writer;
use futures_util::future::BoxFuture;
use pb_core::{Driver, Handle, HandleKind, Readers, Result};
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// An argument that takes an engine.
#[derive(Debug)]
pub struct Docker;

impl HandleKind for Docker {
    const DRIVERS: &'static [&'static str] = &[DockerDriver::KEY];
    const DEFAULT: Option<&'static str> = Some("docker");
}

/// Reaches Docker engines, and what speaks their API from version 1.41 on.
pub struct DockerDriver {
    reader: Reader,
    writer: Writer,
}

impl Default for DockerDriver {
    fn default() -> Self {
        let engines = Arc::new(Engines::default());
        Self {
            reader: Reader::new(engines.clone()),
            writer: Writer::new(engines),
        }
    }
}

impl Driver for DockerDriver {
    type Reader = Reader;
    type Writer = Writer;
    const KEY: &'static str = "docker";

    fn config() -> Vec<pb_core::spec::Field> {
        pb_core::spec::Field::all_of::<super::config::DockerConfig>()
    }

    fn check(config: &Map<String, Value>) -> Result<()> {
        let address = config.get("docker").and_then(Value::as_str);
        Endpoint::parse(address.unwrap_or_default()).map(drop)
    }

    fn reader(&self) -> &Reader {
        &self.reader
    }

    fn writer(&self) -> &Writer {
        &self.writer
    }

    /// The engine's own id: it stays the same when the daemon or its machine is restarted.
    fn identity<'a>(
        &'a self,
        read: &'a Readers,
        handle: &'a Handle,
    ) -> BoxFuture<'a, Result<Option<Value>>> {
        Box::pin(async move {
            let engine = read.of::<Self>().engine_id(handle).await?;
            Ok(engine.map(|id| json!({ "engine": id })))
        })
    }
}

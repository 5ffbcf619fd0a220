//! Connections to engines: one client per address, an own deadline around every call.

use super::config::{DockerConfig, Endpoint};
use super::refusal::{self, Doing};
use bollard::ClientVersion;
use bollard::errors::Error;
use pb_core::{Failure, Handle, Result, code};
use serde::Deserialize;
use serde_json::Value;
use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::OnceCell;

/// Every read answers within this, also on a machine that is busy swapping.
pub(crate) const READ: Duration = Duration::from_secs(30);
/// Creating or starting may have to wait for a slow disk.
pub(crate) const CHANGE: Duration = Duration::from_secs(120);

/// What bollard itself would give up after; ours are shorter, or as long as a stop's grace asks for.
const NEVER: u64 = 7 * 86_400;

/// Engine API 1.44 is the oldest that Docker 29 speaks, 1.41 the newest of Docker 20.10.
const VERSIONS: [ClientVersion; 2] = [version(44), version(41)];

const fn version(minor_version: usize) -> ClientVersion {
    ClientVersion {
        major_version: 1,
        minor_version,
    }
}

/// The engines that were spoken to, by address.
#[derive(Default)]
pub(crate) struct Engines {
    known: Mutex<HashMap<String, Arc<OnceCell<Engine>>>>,
}

/// One engine.
#[derive(Clone)]
pub(crate) struct Engine {
    pub(crate) endpoint: Endpoint,
    pub(crate) api: bollard::Docker,
}

impl Engines {
    /// The engine that a handle names; the first time it is asked which API it speaks.
    pub(crate) async fn of(&self, handle: &Handle) -> Result<Engine> {
        let config = DockerConfig::deserialize(Value::Object(handle.config.clone()));
        let config = config.map_err(|error| {
            let message = format!(
                "the table `{}` of pb.toml was refused: {error}",
                handle.name
            );
            Failure::new(&code::WRONG_TYPE, message)
        })?;
        let cell = {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            known.entry(config.docker.clone()).or_default().clone()
        };
        let engine = cell
            .get_or_try_init(|| Engine::connect(&config.docker))
            .await?;
        Ok(engine.clone())
    }
}

impl Engine {
    async fn connect(address: &str) -> Result<Self> {
        let endpoint = Endpoint::parse(address)?;
        let doing = Doing::read("tell its version");
        let mut last = None;
        for version in &VERSIONS {
            let api = match &endpoint {
                Endpoint::Unix(path) => bollard::Docker::connect_with_unix(path, NEVER, version),
                Endpoint::Tcp(host) => bollard::Docker::connect_with_http(host, NEVER, version),
            };
            let api = api.map_err(|error| refusal::failure(&endpoint, &doing, error))?;
            let engine = Self {
                endpoint: endpoint.clone(),
                api,
            };
            match engine.call(&doing, READ, engine.api.version()).await {
                Ok(_) => return Ok(engine),
                // "client version 1.44 is too new": the next one is older.
                Err(failure) if failure.data.get("status") == Some(&400.into()) => {
                    last = Some(failure);
                }
                Err(failure) => return Err(failure),
            }
        }
        let message = format!("the engine at `{endpoint}` is too old: pb needs API 1.41 or later");
        let failure = Failure::new(&code::DOCKER, message);
        Err(last
            .into_iter()
            .flat_map(|f| f.because)
            .fold(failure, Failure::because))
    }

    /// One call, given up after `limit`.
    pub(crate) async fn call<T>(
        &self,
        doing: &Doing,
        limit: Duration,
        call: impl Future<Output = Result<T, Error>>,
    ) -> Result<T> {
        match tokio::time::timeout(limit, call).await {
            Ok(result) => result.map_err(|error| refusal::failure(&self.endpoint, doing, error)),
            Err(_) => Err(refusal::late(&self.endpoint, doing, limit)),
        }
    }

    /// One call whose subject may be missing.
    pub(crate) async fn find<T>(
        &self,
        doing: &Doing,
        call: impl Future<Output = Result<T, Error>>,
    ) -> Result<Option<T>> {
        let found = async {
            match call.await {
                Ok(found) => Ok(Some(found)),
                Err(error) if refusal::is_missing(&error) => Ok(None),
                Err(error) => Err(error),
            }
        };
        self.call(doing, READ, found).await
    }
}

//! What can be changed on an engine. Whoever holds this was given it with a permit.

use super::engine::{CHANGE, Engines};
use super::pull;
use super::refusal::{self, Doing};
use super::restart::Restart;
use bollard::errors::Error;
use bollard::models::{ContainerCreateBody, ContainerUpdateBody};
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, RemoveContainerOptionsBuilder, RenameContainerOptionsBuilder,
    StopContainerOptionsBuilder, WaitContainerOptionsBuilder,
};
use futures_util::StreamExt;
use pb_core::{Failure, Handle, Result, code};
use std::sync::Arc;
use std::time::Duration;

/// Docker's own grace between SIGTERM and SIGKILL.
pub(crate) const USUAL_GRACE: u64 = 10;
/// Between two looks at what another call is doing.
const POLL: Duration = Duration::from_millis(50);
/// The half of the driver that changes things.
pub struct Writer {
    engines: Arc<Engines>,
}

impl Writer {
    pub(crate) fn new(engines: Arc<Engines>) -> Self {
        Self { engines }
    }

    /// Makes a container. The name is the test-and-set: two cannot have it.
    ///
    /// # Errors
    /// `PB0405` when the name is taken, once whoever has it can be looked at: a call of a process that was killed may
    /// have the name before it has the container.
    pub(crate) async fn create(
        &self,
        handle: &Handle,
        name: &str,
        body: ContainerCreateBody,
    ) -> Result<()> {
        let engine = self.engines.of(handle).await?;
        let options = CreateContainerOptionsBuilder::new().name(name).build();
        let doing = Doing::change(format!("create `{name}`"));
        let made = async {
            loop {
                let call = engine
                    .api
                    .create_container(Some(options.clone()), body.clone());
                let error = match call.await {
                    Ok(_) => return Ok(()),
                    Err(error) if refusal::status(&error) == Some(409) => error,
                    Err(error) => return Err(error),
                };
                match engine.api.inspect_container(name, None).await {
                    Err(missing) if refusal::is_missing(&missing) => {
                        tokio::time::sleep(POLL).await;
                    }
                    _ => return Err(error),
                }
            }
        };
        engine.call(&doing, CHANGE, made).await
    }

    /// Starts a container; one that runs is left as it is.
    pub(crate) async fn start(&self, handle: &Handle, name: &str) -> Result<()> {
        let engine = self.engines.of(handle).await?;
        let doing = Doing::change(format!("start `{name}`"));
        engine
            .call(&doing, CHANGE, engine.api.start_container(name, None))
            .await
    }

    /// Ends a container: SIGTERM, and SIGKILL after `grace` seconds. One that ended is left as it is.
    pub(crate) async fn stop(&self, handle: &Handle, name: &str, grace: u64) -> Result<()> {
        let engine = self.engines.of(handle).await?;
        let seconds = i32::try_from(grace).unwrap_or(i32::MAX);
        let options = StopContainerOptionsBuilder::new().t(seconds).build();
        let doing = Doing::change(format!("stop `{name}`"));
        let limit = Duration::from_secs(grace) + CHANGE;
        engine
            .call(
                &doing,
                limit,
                engine.api.stop_container(name, Some(options)),
            )
            .await
    }

    /// Ends a container at once.
    pub(crate) async fn kill(&self, handle: &Handle, name: &str) -> Result<()> {
        let engine = self.engines.of(handle).await?;
        let doing = Doing::change(format!("kill `{name}`"));
        let ended = async {
            match engine.api.kill_container(name, None).await {
                // It does not run: as wanted.
                Err(error) if refusal::status(&error) == Some(409) => Ok(()),
                other => other,
            }
        };
        engine.call(&doing, CHANGE, ended).await
    }

    /// Gives a container another name; one that has it is left as it is.
    pub(crate) async fn rename(&self, handle: &Handle, name: &str, new: &str) -> Result<()> {
        let engine = self.engines.of(handle).await?;
        let options = RenameContainerOptionsBuilder::new().name(new).build();
        let doing = Doing::change(format!("rename `{name}` to `{new}`"));
        let renamed = async {
            let Err(error) = engine.api.rename_container(name, options).await else {
                return Ok(());
            };
            // A call of a process that was killed may have come through meanwhile.
            let now = engine.api.inspect_container(name, None).await?;
            match now
                .name
                .is_some_and(|now| now.trim_start_matches('/') == new)
            {
                true => Ok(()),
                false => Err(error),
            }
        };
        engine.call(&doing, CHANGE, renamed).await
    }

    /// Removes a stopped container with the volumes that are its alone; one that is gone is as wanted.
    pub(crate) async fn remove(&self, handle: &Handle, name: &str) -> Result<()> {
        let engine = self.engines.of(handle).await?;
        let doing = Doing::change(format!("remove `{name}`"));
        let gone = async {
            loop {
                let options = RemoveContainerOptionsBuilder::new().v(true).build();
                match engine.api.remove_container(name, Some(options)).await {
                    Err(error) if refusal::is_missing(&error) => return Ok(()),
                    // Somebody else is at it: a call of a process that was killed, as a rule.
                    Err(error) if refusal::is_being_removed(&error) => {
                        tokio::time::sleep(POLL).await;
                    }
                    other => return other,
                }
            }
        };
        engine.call(&doing, CHANGE, gone).await
    }

    /// Sets when the engine starts a container again by itself.
    pub(crate) async fn set_restart(
        &self,
        handle: &Handle,
        name: &str,
        restart: &Restart,
    ) -> Result<()> {
        let engine = self.engines.of(handle).await?;
        let body = ContainerUpdateBody {
            restart_policy: Some(restart.policy()),
            ..ContainerUpdateBody::default()
        };
        let doing = Doing::change(format!("set the restart policy of `{name}`"));
        engine
            .call(&doing, CHANGE, engine.api.update_container(name, body))
            .await
    }

    /// Waits until a container has ended; gives its exit code.
    pub(crate) async fn wait(&self, handle: &Handle, name: &str) -> Result<i64> {
        let engine = self.engines.of(handle).await?;
        let options = WaitContainerOptionsBuilder::new()
            .condition("not-running")
            .build();
        let mut answers = Box::pin(engine.api.wait_container(name, Some(options)));
        match answers.next().await {
            Some(Ok(answer)) => Ok(answer.status_code),
            // To bollard every code but 0 is an error.
            Some(Err(Error::DockerContainerWaitError { code, .. })) => Ok(code),
            Some(Err(error)) => {
                let doing = Doing::change(format!("wait for `{name}`"));
                Err(refusal::failure(&engine.endpoint, &doing, error))
            }
            None => {
                let message = format!("Docker gave no exit code of `{name}`");
                Err(Failure::new(&code::DOCKER, message).retryable())
            }
        }
    }

    /// Pulls an image; `say` hears how many of how many bytes are here.
    pub(crate) async fn pull(
        &self,
        handle: &Handle,
        reference: &str,
        say: impl Fn(u64, u64),
    ) -> Result<()> {
        let engine = self.engines.of(handle).await?;
        let refused = |failure: Failure| pull::refused(reference, failure);
        pull::follow(&engine, reference, say).await.map_err(refused)
    }
}

//! What can be read from an engine: GET calls alone.

use super::container::Container;
use super::engine::{Engines, READ};
use super::image::Image;
use super::network::Network;
use super::refusal::Doing;
use crate::outside_text::last_lines;
use bollard::container::LogOutput;
use bollard::query_parameters::{
    EventsOptionsBuilder, InspectNetworkOptions, ListContainersOptionsBuilder, LogsOptionsBuilder,
};
use futures_util::stream::BoxStream;
use futures_util::{StreamExt, TryStreamExt};
use pb_core::{Handle, Result, Vault};
use std::collections::HashMap;
use std::sync::Arc;

/// So many of a container's last lines are shown, each up to so many characters.
const TAIL: (usize, usize) = (10, 400);

/// So many lines of a job's output are looked at.
const OUTPUT: &str = "5000";

/// The half of the driver that cannot change anything.
pub struct Reader {
    engines: Arc<Engines>,
}

/// A row of the list of containers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listed {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) state: String,
}

/// What a container wrote, both streams apart.
#[derive(Debug, Default)]
pub(crate) struct Output {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Reader {
    pub(crate) fn new(engines: Arc<Engines>) -> Self {
        Self { engines }
    }

    /// The engine's id.
    pub(crate) async fn engine_id(&self, handle: &Handle) -> Result<Option<String>> {
        let engine = self.engines.of(handle).await?;
        let doing = Doing::read("tell its id");
        Ok(engine.call(&doing, READ, engine.api.info()).await?.id)
    }

    /// A container by name or id; `None` when there is none.
    pub(crate) async fn container(
        &self,
        handle: &Handle,
        vault: &Vault,
        name: &str,
    ) -> Result<Option<Container>> {
        let engine = self.engines.of(handle).await?;
        let doing = Doing::read(format!("look at `{name}`"));
        let found = engine
            .find(&doing, engine.api.inspect_container(name, None))
            .await?;
        found
            .map(|inspected| Container::read(inspected, vault))
            .transpose()
    }

    /// Every container, stopped ones too, that such a filter finds, such as `label` and `pb.run=01JD5K`.
    pub(crate) async fn list(
        &self,
        handle: &Handle,
        filter: &str,
        values: Vec<String>,
    ) -> Result<Vec<Listed>> {
        let engine = self.engines.of(handle).await?;
        let filters = HashMap::from([(filter, values)]);
        let options = ListContainersOptionsBuilder::new()
            .all(true)
            .filters(&filters)
            .build();
        let doing = Doing::read("list containers");
        let listed = engine
            .call(&doing, READ, engine.api.list_containers(Some(options)))
            .await?;
        let row = |summary: bollard::models::ContainerSummary| {
            let names = summary.names.unwrap_or_default();
            Listed {
                id: summary.id.unwrap_or_default(),
                name: names
                    .first()
                    .map(|n| n.trim_start_matches('/').into())
                    .unwrap_or_default(),
                state: summary.state.map(|s| s.to_string()).unwrap_or_default(),
            }
        };
        Ok(listed.into_iter().map(row).collect())
    }

    /// The image that a reference resolves to on the engine; `None` when it is not there.
    pub(crate) async fn image(&self, handle: &Handle, reference: &str) -> Result<Option<Image>> {
        let engine = self.engines.of(handle).await?;
        let doing = Doing::read(format!("look at image `{reference}`"));
        let found = engine
            .find(&doing, engine.api.inspect_image(reference))
            .await?;
        Ok(found.map(Image::read))
    }

    /// The digest that the registry has for a reference.
    pub(crate) async fn registry_digest(&self, handle: &Handle, reference: &str) -> Result<String> {
        let engine = self.engines.of(handle).await?;
        let doing = Doing::read(format!("ask the registry for `{reference}`"));
        let call = engine.api.inspect_registry_image(reference, None);
        let found = engine.call(&doing, READ, call).await?;
        Ok(found.descriptor.digest.unwrap_or_default())
    }

    /// A network and the addresses in use on it; `None` when there is none.
    pub(crate) async fn network(&self, handle: &Handle, name: &str) -> Result<Option<Network>> {
        let engine = self.engines.of(handle).await?;
        let doing = Doing::read(format!("look at network `{name}`"));
        let call = engine
            .api
            .inspect_network(name, None::<InspectNetworkOptions>);
        Ok(engine.find(&doing, call).await?.map(Network::read))
    }

    /// The last lines that a container wrote, in their order and plain; none when it is gone.
    pub(crate) async fn log_tail(&self, handle: &Handle, name: &str) -> Vec<String> {
        // A log is shown beside an error; when it cannot be read, the error still stands.
        let pieces = self.pieces(handle, name, &TAIL.0.to_string()).await;
        let text: String = pieces.unwrap_or_default().iter().map(text).collect();
        last_lines(&text, TAIL.0, TAIL.1)
    }

    /// The end of what a container wrote.
    pub(crate) async fn output(&self, handle: &Handle, name: &str) -> Result<Output> {
        let mut output = Output::default();
        for piece in self.pieces(handle, name, OUTPUT).await? {
            match &piece {
                LogOutput::StdErr { .. } => output.stderr.push_str(&text(&piece)),
                _ => output.stdout.push_str(&text(&piece)),
            }
        }
        Ok(output)
    }

    async fn pieces(&self, handle: &Handle, name: &str, tail: &str) -> Result<Vec<LogOutput>> {
        let engine = self.engines.of(handle).await?;
        let options = LogsOptionsBuilder::new()
            .stdout(true)
            .stderr(true)
            .tail(tail)
            .build();
        let doing = Doing::read(format!("read the log of `{name}`"));
        let pieces = engine.api.logs(name, Some(options)).try_collect();
        engine.call(&doing, READ, pieces).await
    }

    /// Yields whenever the container ends, from now on; it never ends by itself.
    pub(crate) async fn deaths(&self, handle: &Handle, id: &str) -> Result<BoxStream<'static, ()>> {
        let engine = self.engines.of(handle).await?;
        let filters = HashMap::from([
            ("container", vec![id.to_owned()]),
            ("event", vec!["die".to_owned()]),
        ]);
        let options = EventsOptionsBuilder::new().filters(&filters).build();
        // Without events the state is still polled: a broken stream is silent, not an error.
        let events = engine
            .api
            .events(Some(options))
            .filter_map(|event| async { event.ok() });
        let silence = futures_util::stream::pending();
        Ok(events.map(drop).chain(silence).boxed())
    }
}

fn text(piece: &LogOutput) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(piece.as_ref())
}

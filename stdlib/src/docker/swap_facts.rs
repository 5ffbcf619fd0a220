//! What `swap_container` sees: what is there, and what is wanted.

use super::container::label;
use super::image::Image;
use super::network;
use super::swap::{Scene, Seen};
use super::swap_args::Args;
use super::wanted::Wanted;
use pb_core::run::BlobRef;
use pb_core::{Failure, code};
use serde::{Deserialize, Serialize};

/// What is there, and what is wanted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    pub(crate) scene: Scene,
    /// `None` while the image is not on the engine.
    pub(crate) image: Option<FoundImage>,
    /// The recipe, once the image is there.
    pub(crate) wanted: Option<Wanted>,
    /// Whether the registry has another image under that tag.
    pub(crate) stale: bool,
    /// Whether the network is there.
    pub(crate) network_there: bool,
    pub(crate) env_file: Option<BlobRef>,
}

/// Of an image what is worth telling.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct FoundImage {
    pub(crate) digest: String,
    pub(crate) exposed: Vec<u16>,
    pub(crate) has_healthcheck: bool,
}

impl Facts {
    /// The container that is as wanted, serving or about to.
    pub(super) fn goal(&self) -> Option<&Seen> {
        let wanted = self.wanted.as_ref().filter(|_| !self.stale)?;
        let fits = |seen: &&Seen| {
            let container = &seen.container;
            let label = container.labels.get(label::SPEC);
            // The engine may write a recipe down in other words than it was given: the label settles that.
            let same = label == Some(&wanted.hash)
                || wanted
                    .recipe
                    .differences(&container.recipe)
                    .iter()
                    .all(|what| what == "restart");
            let attached = !container.is_running() || container.is_attached();
            same && attached
        };
        let scene = &self.scene;
        scene
            .current()
            .filter(fits)
            .or_else(|| scene.next().filter(fits))
    }

    /// The first reason why nothing can be done.
    pub(super) fn obstacle(&self, args: &Args) -> Option<Failure> {
        if !self.network_there {
            let name = args.network.as_deref().unwrap_or_default();
            return Some(network::missing(name));
        }
        let serving = args.serving();
        if let Some(image) = self.image.as_ref().filter(|_| serving.needs_port())
            && serving.port_of(&image.exposed).is_none()
        {
            return Some(serving.no_port(&args.image, &image.exposed));
        }
        let next = self.scene.next().filter(|_| self.goal().is_none())?;
        (!next.is_ours(&args.name)).then(|| {
            let name = &next.container.name;
            let message = format!("a container `{name}` is in the way");
            Failure::new(&code::NAME_TAKEN, message)
                .because("it was not made by pb, which names a new container so until it serves")
                .hint(format!("docker rename {name} another-name"))
        })
    }
}

impl FoundImage {
    pub(super) fn of(image: Image) -> Self {
        Self {
            digest: image.digest().into(),
            has_healthcheck: image.has_healthcheck,
            exposed: image.ports,
        }
    }
}

//! When the registry is asked for an image, and whether it has to be.

use super::driver::DockerDriver;
use super::engine::Engine;
use super::image::{Image, split_reference};
use super::refusal::Doing;
use bollard::query_parameters::CreateImageOptionsBuilder;
use futures_util::{FutureExt, StreamExt};
use pb_core::{Failure, Handle, Readers, Result, code};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::time::Duration;

/// A pull that tells nothing for so long has died.
const SILENCE: Duration = Duration::from_secs(300);

/// When the registry is asked for an image.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Pull {
    /// When the engine does not have it.
    #[default]
    Missing,
    /// Every time, in case the tag moved.
    Always,
}

/// The image on the engine, and whether the registry has another one under that tag.
pub(crate) async fn find_image(
    read: &Readers,
    engine: &Handle,
    reference: &str,
    pull: Pull,
) -> Result<(Option<Image>, bool)> {
    let docker = read.of::<DockerDriver>();
    let image = docker.image(engine, reference).await?;
    let stale = match (&image, pull) {
        (Some(image), Pull::Always) => {
            let digest = docker.registry_digest(engine, reference).await?;
            !image.digests.iter().any(|known| known.ends_with(&digest))
        }
        (Some(_), Pull::Missing) | (None, _) => false,
    };
    Ok((image, stale))
}

/// Pulls an image; `say` hears how many of how many bytes are here.
pub(super) async fn follow(engine: &Engine, reference: &str, say: impl Fn(u64, u64)) -> Result<()> {
    let (repository, tag) = split_reference(reference);
    let options = CreateImageOptionsBuilder::new()
        .from_image(repository)
        .tag(tag)
        .build();
    let doing = Doing::change(format!("pull `{reference}`"));
    let mut layers = HashMap::new();
    let mut events = Box::pin(engine.api.create_image(Some(options), None, None));
    // A status of 200 says nothing: a truncated layer is an error within the stream.
    while let Some(event) = engine
        .call(&doing, SILENCE, events.next().map(Option::transpose))
        .await?
    {
        let detail = event.progress_detail.unwrap_or_default();
        if let (Some(id), Some(here), Some(all)) = (event.id, detail.current, detail.total) {
            layers.insert(id, (here.max(0) as u64, all.max(0) as u64));
            let sum = layers
                .values()
                .fold((0, 0), |sum, l| (sum.0 + l.0, sum.1 + l.1));
            say(sum.0, sum.1);
        }
    }
    Ok(())
}

/// Whatever kept an image from being pulled, the image is not here; the reason says what to do.
pub(super) fn refused(reference: &str, failure: Failure) -> Failure {
    if failure.is(&code::UNREACHABLE) {
        return failure;
    }
    let text = failure.because.join(" ");
    let has = |part: &str| text.contains(part);
    let (repository, _) = split_reference(reference);
    let hint = if has("unauthorized") || has("denied") || has("no basic auth") {
        Some(format!(
            "docker pull {reference}, after docker login where it is private"
        ))
    } else if has("manifest unknown") || has("not found") {
        Some(format!("docker push {reference}, or correct the tag"))
    } else if has("no such host") || has("connection refused") || has("server misbehaving") {
        Some(format!(
            "docker pull {repository}, to see whether the engine reaches the registry"
        ))
    } else if has("no space left") {
        Some("docker system df".into())
    } else {
        None
    };
    let refused = Failure::new(
        &code::NO_SUCH_IMAGE,
        format!("`{reference}` could not be pulled"),
    );
    let refused = failure.because.into_iter().fold(refused, Failure::because);
    match hint {
        Some(hint) => refused.hint(hint),
        // What has no known reason may be the network's mood.
        None => refused.retryable(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, hint: Option<&str>) {
        let refused = Failure::new(&code::DOCKER, "Docker refused to pull `r.io/web:2.0`");
        let failure = super::refused("r.io/web:2.0", refused.because(text));
        assert_eq!(failure.message, "`r.io/web:2.0` could not be pulled");
        assert_eq!(
            (failure.because, failure.hint.as_deref()),
            (vec![text.to_owned()], hint)
        );
        assert_eq!(
            (failure.code.as_str(), failure.retryable),
            ("PB0402", hint.is_none())
        );
    }

    #[test]
    fn reasons_of_a_refused_pull_are_told_apart() {
        check(
            "manifest for r.io/web:2.0 not found: manifest unknown: manifest unknown",
            Some("docker push r.io/web:2.0, or correct the tag"),
        );
        check(
            "Get \"https://r.io/v2/web/manifests/2.0\": unauthorized: authentication required",
            Some("docker pull r.io/web:2.0, after docker login where it is private"),
        );
        check(
            "Get \"https://r.io/v2/\": dial tcp: lookup r.io: no such host",
            Some("docker pull r.io/web, to see whether the engine reaches the registry"),
        );
        check(
            "write /var/lib/docker/tmp/x: no space left on device",
            Some("docker system df"),
        );
        check(
            "filesystem layer verification failed for digest sha256:3f",
            None,
        );
    }
}

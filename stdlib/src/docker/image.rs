//! An image on the engine: what a container made of it begins with.

use bollard::models::ImageInspect;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// An image as the engine tells it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Image {
    /// Hash of its configuration.
    pub(crate) id: String,
    /// Digests under which registries know it, such as `shop@sha256:…`.
    pub(crate) digests: Vec<String>,
    /// `NAME=value`.
    pub(crate) env: Vec<String>,
    pub(crate) labels: BTreeMap<String, String>,
    /// TCP ports that it exposes, rising.
    pub(crate) ports: Vec<u16>,
    pub(crate) entrypoint: Vec<String>,
    pub(crate) command: Vec<String>,
    /// Whether it tells its health to the engine.
    pub(crate) has_healthcheck: bool,
}

impl Image {
    pub(crate) fn read(inspected: ImageInspect) -> Self {
        let config = inspected.config.unwrap_or_default();
        let exposed = config.exposed_ports.unwrap_or_default();
        let mut ports: Vec<u16> = exposed
            .iter()
            .filter_map(|port| port.strip_suffix("/tcp").unwrap_or(port).parse().ok())
            .collect();
        ports.sort_unstable();
        let test = config
            .healthcheck
            .and_then(|check| check.test)
            .unwrap_or_default();
        Self {
            id: inspected.id.unwrap_or_default(),
            digests: inspected.repo_digests.unwrap_or_default(),
            env: config.env.unwrap_or_default(),
            labels: config.labels.unwrap_or_default().into_iter().collect(),
            ports,
            entrypoint: config.entrypoint.unwrap_or_default(),
            command: config.cmd.unwrap_or_default(),
            has_healthcheck: test.first().is_some_and(|word| word != "NONE"),
        }
    }

    /// The digest by which it can be pulled again; its id where no registry knows it.
    pub(crate) fn digest(&self) -> &str {
        let known = self
            .digests
            .first()
            .and_then(|digest| digest.split_once('@'));
        known.map_or(&self.id, |(_, digest)| digest)
    }
}

/// A reference apart: repository and tag or digest. Without a tag Docker would pull all of them.
pub(crate) fn split_reference(reference: &str) -> (&str, &str) {
    if let Some((repository, digest)) = reference.split_once('@') {
        // With a digest a tag is for people alone.
        return (split_reference(repository).0, digest);
    }
    match reference.rsplit_once(':') {
        // A colon before a slash is that of a registry's port.
        Some((repository, tag)) if !tag.contains('/') => (repository, tag),
        _ => (reference, "latest"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_split_where_docker_does() {
        let check = |reference, repository, tag| {
            assert_eq!(split_reference(reference), (repository, tag), "{reference}");
        };
        check("web", "web", "latest");
        check("web:2.0", "web", "2.0");
        check(
            "127.0.0.1:5000/team/web",
            "127.0.0.1:5000/team/web",
            "latest",
        );
        check(
            "127.0.0.1:5000/team/web:2.0",
            "127.0.0.1:5000/team/web",
            "2.0",
        );
        check("r.io/web@sha256:3f2a", "r.io/web", "sha256:3f2a");
        check("r.io/web:2.0@sha256:3f2a", "r.io/web", "sha256:3f2a");
    }

    #[test]
    fn the_digest_of_the_registry_goes_before_the_id() {
        let mut image = Image {
            id: "sha256:id".into(),
            ..Image::default()
        };
        assert_eq!(image.digest(), "sha256:id");
        image.digests = vec!["r.io/web@sha256:repo".into()];
        assert_eq!(image.digest(), "sha256:repo");
    }
}

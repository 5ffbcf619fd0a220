//! What a container is made of. Two containers of the same recipe are the same to whoever deploys them.

use super::port::PublishedPort;
use super::restart::Restart;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};

/// Begins the labels that pb itself sets; they are no part of a recipe.
pub(crate) const LABELS: &str = "pb.";

/// What a container is made of, with the defaults of its image filled in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Recipe {
    pub(crate) image_id: String,
    /// Keyed fingerprints of the values: they may be secret, in one's own container as in one made by hand.
    pub(crate) env: BTreeMap<String, String>,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) ports: BTreeSet<PublishedPort>,
    /// `source:target` or `source:target:ro`.
    pub(crate) volumes: BTreeSet<String>,
    pub(crate) network: String,
    pub(crate) entrypoint: Vec<String>,
    pub(crate) command: Vec<String>,
    pub(crate) restart: Restart,
    /// Seconds; `None` leaves it to the engine.
    pub(crate) stop_grace: Option<u64>,
}

impl Recipe {
    /// A short hash of all of it, for a label.
    pub(crate) fn hash(&self) -> String {
        let json = serde_json::to_vec(self).expect("a recipe has text keys");
        hex::encode(&Sha256::digest(json)[..8])
    }

    /// What is otherwise in another one, in words; empty when they are equal.
    pub(crate) fn differences(&self, other: &Self) -> Vec<String> {
        let mut found = vec![];
        let mut note = |differs: bool, what: &str| {
            if differs {
                found.push(what.to_owned());
            }
        };
        note(self.image_id != other.image_id, "image");
        for name in changed(&self.env, &other.env) {
            note(true, &format!("env {name}"));
        }
        for name in changed(&self.labels, &other.labels) {
            note(true, &format!("label {name}"));
        }
        note(self.ports != other.ports, "ports");
        note(self.volumes != other.volumes, "volumes");
        note(self.network != other.network, "network");
        note(self.entrypoint != other.entrypoint, "entrypoint");
        note(self.command != other.command, "command");
        note(self.restart != other.restart, "restart");
        note(self.stop_grace != other.stop_grace, "stop_grace");
        found
    }
}

fn changed<'a>(
    one: &'a BTreeMap<String, String>,
    other: &'a BTreeMap<String, String>,
) -> BTreeSet<&'a String> {
    let names = one.keys().chain(other.keys());
    names
        .filter(|name| one.get(*name) != other.get(*name))
        .collect()
}

/// A volume as Docker takes it, without the `rw` that it has anyway.
pub(crate) fn volume(text: &str) -> String {
    text.strip_suffix(":rw").unwrap_or(text).to_owned()
}

/// `default` and nothing are other names of the default bridge.
pub(crate) fn network(text: &str) -> String {
    match text {
        "" | "default" => "bridge".into(),
        other => other.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::docker::port::port;

    fn recipe() -> Recipe {
        Recipe {
            image_id: "sha256:1".into(),
            env: [("A".into(), "f1".into()), ("B".into(), "f2".into())].into(),
            network: "bridge".into(),
            ..Recipe::default()
        }
    }

    #[test]
    fn every_part_counts() {
        let check = |what: &[&str], change: fn(Recipe) -> Recipe| {
            let other = change(recipe());
            assert_eq!(recipe().differences(&other), what);
            assert_eq!(other.differences(&recipe()), what);
            assert_eq!(recipe().hash() == other.hash(), what.is_empty(), "{what:?}");
        };
        check(&[], |r| r);
        check(&["image"], |r| Recipe {
            image_id: "sha256:2".into(),
            ..r
        });
        check(&["env A"], |r| Recipe {
            env: [("A".into(), "f3".into()), ("B".into(), "f2".into())].into(),
            ..r
        });
        check(&["env A", "env C"], |r| Recipe {
            env: [("B".into(), "f2".into()), ("C".into(), "f1".into())].into(),
            ..r
        });
        check(&["label team"], |r| Recipe {
            labels: [("team".into(), "a".into())].into(),
            ..r
        });
        check(&["ports"], |r| Recipe {
            ports: [port("80:8000")].into(),
            ..r
        });
        check(&["volumes"], |r| Recipe {
            volumes: ["data:/data".into()].into(),
            ..r
        });
        check(&["network"], |r| Recipe {
            network: "shop".into(),
            ..r
        });
        check(&["entrypoint"], |r| Recipe {
            entrypoint: vec!["/web".into()],
            ..r
        });
        check(&["command"], |r| Recipe {
            command: vec!["serve".into()],
            ..r
        });
        check(&["restart"], |r| Recipe {
            restart: Restart::Always,
            ..r
        });
        check(&["stop_grace"], |r| Recipe {
            stop_grace: Some(30),
            ..r
        });
    }

    #[test]
    fn other_names_of_the_same_are_the_same() {
        assert_eq!(volume("data:/data:rw"), volume("data:/data"));
        assert_ne!(volume("data:/data:ro"), volume("data:/data"));
        assert_eq!(network("default"), network("bridge"));
        assert_ne!(network("host"), network("bridge"));
    }
}

//! The containers, networks and volumes of one test: gone at its end.

use super::docker::{Container, Docker};

pub(crate) struct Stage<'a> {
    docker: &'a Docker,
    prefix: String,
}

impl<'a> Stage<'a> {
    /// `name` is the test's own: no other test of the process may have it. A dash ends it, so that a stage `undo` does not
    /// take the things of a stage `undo_first` for its own.
    pub(crate) fn new(docker: &'a Docker, name: &str) -> Stage<'a> {
        assert!(!name.contains('-'), "{name}: words are joined by `_`");
        Stage {
            docker,
            prefix: format!("{}-{name}", docker.prefix()),
        }
    }

    /// Returns the full name for a thing of this stage, such as `web-1`. Whoever makes it, the stage removes it.
    pub(crate) fn name(&self, short: &str) -> String {
        format!("{}-{short}", self.prefix)
    }

    /// Every container of the stage, with its short name.
    pub(crate) fn containers(&self) -> Vec<Container> {
        let mut containers = self.docker.containers(&self.name(""));
        for container in &mut containers {
            container.name = container.name.replace(&self.name(""), "");
        }
        containers
    }
}

impl Drop for Stage<'_> {
    fn drop(&mut self) {
        self.docker.remove(&self.prefix);
    }
}

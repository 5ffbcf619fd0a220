//! `target`: the root playbook sees it, and what it takes from it has to be there.

use super::chain::Link;
use super::finder::Finder;
use pb_core::{Handle, code};
use rhai::Expr;
use serde_json::Value;

const TARGET: &str = "target";

impl Finder<'_> {
    /// Whether a name stands for the environment.
    pub(super) fn sees_target(&self, name: &str) -> bool {
        name == TARGET && self.file.is_root && self.variables.find(name).is_none()
    }

    pub(super) fn target_name(&self) -> Option<&'static str> {
        self.file.is_root.then_some(TARGET)
    }

    /// Holds what a chain takes from `target` to the environment.
    pub(super) fn taken_from_target(&mut self, links: &[Link<'_>]) {
        let Some(environment) = self.world.environment else {
            return;
        };
        let (mut value, mut path) = (&environment.target, TARGET.to_owned());
        for link in links {
            let (name, at) = match link {
                Link::Property(name, at) => (*name, *at),
                Link::Index(Expr::StringConstant(name, at)) => (name.as_str(), *at),
                Link::Index(_) | Link::Method(..) => return,
            };
            let Value::Object(map) = value else {
                return;
            };
            if Handle::of_value(value).is_some() {
                return;
            }
            let Some(inner) = map.get(name) else {
                let message = format!(
                    "the environment `{}` has no `{path}.{name}`",
                    environment.name
                );
                let hint = self
                    .did_you_mean(name, map.keys().map(String::as_str))
                    .unwrap_or_else(|| {
                        format!(
                            "add `{name}` to [env.{}] in pb.toml",
                            environment.name.clone() + &path[TARGET.len()..]
                        )
                    });
                self.error(&code::NO_TARGET, message, at).hint = Some(hint);
                return;
            };
            value = inner;
            path = format!("{path}.{name}");
        }
    }
}

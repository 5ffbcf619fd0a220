//! What speaks against a call is asked before anything of it is touched.

use super::scope::Scope;
use super::setup::Run;
use super::step::Request;
use crate::erased::DynPrimitive;
use crate::failure::Failure;
use crate::finding::{Level, Standing};
use crate::journal::Body;
use serde_json::Map;

impl Run {
    /// From now on, to the end of the scope, what is done in it may destroy data.
    pub fn allow_destructive(&self, scope: &Scope, why: &str) {
        // Not waited for: it is durable before the first intent that builds on it, which stands after it.
        if scope.permissions() >= self.0.past.permissions(scope.path()) {
            let why = self.clean(why);
            self.0.journal.write(scope.path(), 1, Body::Allowed { why });
        }
        scope.allow_destruction();
    }

    /// Whether a call of that key would begin now. What an earlier process did, or is in the middle of, was asked about
    /// then; a rehearsal begins nothing.
    pub(super) fn begins(&self, scope: &Scope, key: &str) -> bool {
        let past = &self.0.past;
        let begun = past.result(key).is_some() || past.is_under_way(key);
        !begun && scope.recalled().is_none() && self.rehearsal().is_none()
    }

    /// Refuses a call that its primitive has an objection to.
    ///
    /// # Errors
    /// The first complaint that is an error.
    pub(super) fn unobjectionable(
        &self,
        scope: &Scope,
        primitive: &dyn DynPrimitive,
        request: &Request,
    ) -> Result<(), Failure> {
        let stands = Standing {
            committed: scope.is_committed(),
            allowed: scope.may_destroy(),
            base: None,
        };
        let none = Map::new();
        let known = request.args.as_object().unwrap_or(&none);
        let complaints = primitive.inspect(known, &stands);
        let error = complaints
            .into_iter()
            .find(|complaint| complaint.level == Level::Error);
        error.map_or(Ok(()), |complaint| Err(complaint.into()))
    }
}

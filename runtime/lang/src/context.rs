//! The context of a native call, stored so that a closure can be run later or on another thread.
#![expect(
    deprecated,
    reason = "rhai marks its volatile calls so; the version is pinned"
)]

use crate::session::Tag;
use pb_core::run::Scope;
use rhai::{Dynamic, Engine, EvalAltResult, FnPtr, NativeCallContext, NativeCallContextStore};

/// A stored context. A closure of a module works with the context that it was given in, and with no other.
#[derive(Clone)]
pub(crate) struct Stored(NativeCallContextStore);

impl Stored {
    pub(crate) fn of(context: &NativeCallContext<'_>) -> Self {
        Self(context.store_data())
    }

    /// The same context within a scope, which its calls find in the tag.
    pub(crate) fn within(&self, scope: &Scope) -> Self {
        let mut store = self.0.clone();
        store.global.tag = Dynamic::from(Tag(scope.clone()));
        Self(store)
    }

    /// The file that the context stands in; `None` for a script without a name.
    pub(crate) fn file(&self) -> Option<&str> {
        self.0.global.source()
    }

    /// Runs a closure.
    pub(crate) fn call(
        &self,
        engine: &Engine,
        closure: &FnPtr,
        args: Vec<Dynamic>,
    ) -> Result<Dynamic, Box<EvalAltResult>> {
        closure.call_raw(&self.0.create_context(engine), None, args)
    }
}

//! What the functions of a running script share.

use crate::context::Stored;
use crate::planning::Fork;
use crate::runtime::Prompt;
use crate::script::Script;
use crate::thrown::{self, Fatal};
use pb_core::plan::Remark;
use pb_core::run::{Met, Run, Scope};
use pb_core::{CallError, Failure, Site};
use rhai::{Dynamic, Engine, EvalAltResult, FnPtr, NativeCallContext};
use serde_json::{Map, Value};
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::runtime::Handle as Tokio;

/// A run and its script.
pub(crate) struct Session {
    pub(crate) run: Run,
    pub(crate) script: Arc<Script>,
    pub(crate) params: Map<String, Value>,
    /// The environment, as scripts see it.
    pub(crate) target: Dynamic,
    /// The same as the kernel keeps it.
    pub(crate) environment: Value,
    /// Its name.
    pub(crate) env: String,
    pub(crate) vault: Arc<pb_core::Vault>,
    pub(crate) prompt: Prompt,
    pub(crate) random: Arc<dyn pb_core::clock::Random>,
    pub(crate) fatal: Fatal,
    /// The answers of the way that is planned.
    pub(crate) fork: Option<Fork>,
    pub(crate) tokio: Tokio,
    /// The limit that the script ran into.
    pub(crate) limit: Mutex<Option<Failure>>,
}

/// The scope that a call stands in; it travels in the tag of the engine's state.
#[derive(Clone)]
pub(crate) struct Tag(pub(crate) Scope);

/// Result of a native function.
pub(crate) type Native<T = Dynamic> = Result<T, Box<EvalAltResult>>;

impl Session {
    /// Runs a future on this thread.
    pub(crate) fn wait<F: Future>(&self, future: F) -> F::Output {
        self.tokio.block_on(future)
    }

    /// Gives the error of a call to the script.
    pub(crate) fn raised<T>(
        &self,
        result: Result<T, CallError>,
        context: &NativeCallContext<'_>,
    ) -> Native<T> {
        result.map_err(|error| {
            thrown::raise(
                self.located(error, context),
                &self.fatal,
                context.call_position(),
            )
        })
    }

    fn located(&self, mut error: CallError, context: &NativeCallContext<'_>) -> CallError {
        if let CallError::Failed(failure) = &mut error
            && failure.chain.is_empty()
        {
            failure.chain.push(self.site(context));
        }
        error
    }

    /// Where a function was called.
    pub(crate) fn site(&self, context: &NativeCallContext<'_>) -> Site {
        let (line, column) = crate::walk::place(context.call_position());
        Site {
            file: self.file(context).to_owned(),
            line,
            column,
            call: context.fn_name().to_owned(),
        }
    }

    /// Adds to a plan what a word says or asks; nothing where nothing is planned.
    pub(crate) fn remark(&self, context: &NativeCallContext<'_>, text: impl Into<String>) {
        let (word, text) = (context.fn_name().to_owned(), text.into());
        let site = self.site(context);
        self.run.met(Met::Remark(Remark { word, text, site }));
    }

    /// The file that a function was called in.
    pub(crate) fn file<'a>(&'a self, context: &'a NativeCallContext<'_>) -> &'a str {
        context.call_source().unwrap_or_else(|| self.script.name())
    }

    /// Whether a function was called by the playbook itself, not by a library.
    pub(crate) fn in_playbook(&self, context: &NativeCallContext<'_>) -> bool {
        self.file(context) == self.script.name()
    }

    /// The scope that a function was called in.
    pub(crate) fn scope(&self, context: &NativeCallContext<'_>) -> Scope {
        let tag = context
            .tag()
            .and_then(|tag| tag.read_lock::<Tag>().map(|tag| tag.0.clone()));
        tag.unwrap_or_else(|| self.run.root().clone())
    }

    /// Runs a closure within a scope.
    pub(crate) fn closure(
        &self,
        context: &NativeCallContext<'_>,
        closure: &FnPtr,
        scope: &Scope,
        args: Vec<Dynamic>,
    ) -> Result<Dynamic, CallError> {
        self.stored(&Stored::of(context), context.engine(), closure, scope, args)
    }

    /// The same, on another thread, from a context that was stored.
    pub(crate) fn stored(
        &self,
        context: &Stored,
        engine: &Engine,
        closure: &FnPtr,
        scope: &Scope,
        args: Vec<Dynamic>,
    ) -> Result<Dynamic, CallError> {
        let context = context.within(scope);
        let result = context.call(engine, closure, args);
        if let Some(failure) = self.limit_hit() {
            return Err(failure.into());
        }
        let file = context.file().unwrap_or_else(|| self.script.name());
        result.map_err(|error| thrown::caught(*error, &self.fatal, file))
    }

    /// Ends the script because of a limit: no script may swallow that, but what was done is undone.
    pub(crate) fn over_limit(&self, failure: Failure) {
        self.limit
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get_or_insert(failure);
    }

    pub(crate) fn limit_hit(&self) -> Option<Failure> {
        self.limit
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

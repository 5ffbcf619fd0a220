//! What a script needs to be planned: values that nobody knows yet, and the ways that it may go.

mod caught;
mod fork;
mod scan;
mod tree;
mod unknown;
mod weave;

pub(crate) use caught::{Try, tries};
pub(crate) use fork::Fork;
pub(crate) use tree::{Way, tree};
pub(crate) use unknown::{Unknown, awake, is_cause};
pub(crate) use weave::Shifts;

use crate::session::Session;
use rhai::{AST, Engine};
use std::sync::Arc;

/// Registers what unknown values can be asked, and what decides over them. Rhai's own functions must be there already.
pub(crate) fn register(engine: &mut Engine, session: &Arc<Session>) {
    unknown::register(engine);
    fork::register(engine, session);
}

/// The text of a script with calls woven in where it decides, and the way back to the places that were written.
pub(crate) fn weave(text: &str, ast: &AST) -> (String, Shifts) {
    weave::weave(text, ast).into_parts()
}

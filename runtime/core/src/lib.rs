//! The kernel: observe, decide, act, journal, undo. Knows no Rhai, no Docker, no PostgreSQL, no terminal.

pub mod cancel;
pub mod clock;
pub mod code;
mod driver;
mod duration;
mod effect;
mod erased;
pub mod event;
mod failure;
pub mod finding;
mod handle;
pub mod journal;
mod lease;
mod nearest;
pub mod plan;
mod primitive;
pub mod run;
mod scrub;
mod secret;
pub mod spec;
mod subject;
pub mod unknown;
pub mod wait;

pub use driver::{Driver, Drivers, Permit, Readers, Table, World};
pub use duration::Span;
pub use effect::{Class, Effect};
pub use erased::{AnyAction, DynPrimitive, Spec, erase};
pub use failure::{CallError, Failure, Result, Site};
pub use handle::{HANDLE_KEY, Handle, HandleKind, HandleOf};
pub use lease::Holder;
pub use nearest::nearest;
pub use primitive::{Decision, NoAction, Primitive, Settled, Survey, Undo};
pub use scrub::{SHORTEST_SECRET, Scrubber};
pub use secret::{SecretSource, SecretText, Vault, holds_secret};
pub use subject::Subject;

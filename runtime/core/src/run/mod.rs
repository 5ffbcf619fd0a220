//! A run: keys, journal, steps, scopes, undo. The one place that lets anything act.

mod act;
mod attempts;
mod bind;
pub(crate) mod blob;
mod bracket;
mod enter;
mod execute;
mod finish;
mod gate;
mod lease;
mod look;
mod past;
mod rebuild;
mod recall;
mod rehearse;
mod resume;
mod scope;
mod setup;
mod step;
mod take_up;
mod undo;
mod verify;
mod waiting;

pub use attempts::Retry;
pub use blob::BlobRef;
pub use bracket::{Bracket, DynBracket, End, erase_bracket};
pub use enter::Entered;
pub use finish::Finished;
pub use past::UNDO;
pub use resume::{Opened, Resuming};
pub use scope::{Scope, ScopeKind};
pub use setup::{Opening, Registry, Run, Setup};
pub use step::{Common, OnDoubt, Request, UndoWish};

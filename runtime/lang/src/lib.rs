//! Rhai in, kernel calls out. Knows no Docker, no PostgreSQL, no terminal.

mod calls;
mod check;
mod context;
mod convert;
mod engine;
mod host;
mod limits;
mod params;
mod planning;
mod resolver;
mod runtime;
mod script;
mod session;
mod shown;
pub mod state;
mod syntax;
mod thrown;
mod values;
mod walk;
mod words;

pub use check::{Checked, Environment, check, refused};
pub use host::HostSecrets;
pub use limits::Limits;
pub use params::{Param, ParamKind};
pub use runtime::{Answer, Builder, Prompt, Runtime, TakeUp};
pub use script::{Library, Script};
pub use words::{Group, Takes, WORDS, Word};

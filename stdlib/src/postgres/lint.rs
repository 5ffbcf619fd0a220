//! What speaks against the files of a migration folder, told before any database is asked.

mod allow;
mod comments;
mod context;
mod file;
mod folder;
mod found;
mod own;
mod squawk;
mod structure;

pub(crate) use allow::is_allow;
pub(crate) use context::Strictness;
pub(crate) use folder::Memo;
pub use folder::{LintedFolder, lint_folder};

#[cfg(test)]
mod tests;

//! The files of a folder, each read and looked at once.

use super::context::{Context, Strictness};
use super::found::Found;
use super::{file, structure};
use crate::files::texts_of;
use pb_core::finding::{At, Complaint, Level, Standing};
use pb_core::{Result, code};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// What `pb check --migrations` says of a folder.
#[derive(Debug, Clone)]
pub struct LintedFolder {
    /// How many SQL files it holds.
    pub files: usize,
    /// In the order of the files and their lines.
    pub complaints: Vec<Complaint>,
}

/// Looks at the migration files of a folder that no call names; `dir` is taken from `base`. Only what every run refuses
/// is an error: whether a way back is needed and data may be destroyed is for a playbook to say.
///
/// # Errors
/// `PB0012` when the folder or one of its files cannot be read.
pub fn lint_folder(base: &Path, dir: &str) -> Result<LintedFolder> {
    let linted = Linted::of(texts_of(base, dir, "sql")?, dir);
    Ok(LintedFolder {
        files: linted.texts.len(),
        complaints: linted.complaints(dir, Context::ALONE),
    })
}

/// What was found in folders, so that ten calls that name one folder cost one look. The files are read each time: what
/// is told is true of the texts that are there.
#[derive(Debug, Default)]
pub(crate) struct Memo(Mutex<BTreeMap<PathBuf, Arc<Linted>>>);

#[derive(Debug)]
struct Linted {
    texts: BTreeMap<String, String>,
    /// By the name of the file.
    found: Vec<(String, Vec<Found>)>,
}

impl Memo {
    /// What speaks against a call with the folder that its argument `dir` names.
    pub(crate) fn inspect(
        &self,
        known: &Map<String, Value>,
        stands: &Standing<'_>,
        tenant: bool,
    ) -> Vec<Complaint> {
        let (Some(base), Some(dir)) = (stands.base, known.get("dir").and_then(Value::as_str))
        else {
            return vec![];
        };
        let linted = match self.linted(base, dir) {
            Ok(linted) => linted,
            Err(failure) => {
                let complaint = Complaint::error(&code::FILE, failure.message);
                let complaint = failure
                    .because
                    .into_iter()
                    .fold(complaint, Complaint::because);
                return vec![complaint.at(At::Argument("dir".into()))];
            }
        };
        let strictness = known.get("lint").map(Strictness::deserialize);
        let strictness = strictness
            .and_then(std::result::Result::ok)
            .unwrap_or_default();
        let is_left = stands.committed || known.get("undo").is_some_and(|undo| undo == "none");
        // What a tenant has that is only now made, nobody has put there.
        let destroys = if tenant { Level::Warning } else { Level::Error };
        let context = Context {
            doubtful: strictness.level(),
            destroys: (!stands.allowed).then_some(destroys),
            // A new tenant is dropped as a whole.
            no_way_back: (!is_left && !tenant).then_some(Level::Error),
            tenant,
        };
        linted.complaints(dir, context)
    }

    fn linted(&self, base: &Path, dir: &str) -> Result<Arc<Linted>> {
        let texts = texts_of(base, dir, "sql")?;
        let whole = base.join(dir);
        let mut memo = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(linted) = memo.get(&whole).filter(|linted| linted.texts == texts) {
            return Ok(linted.clone());
        }
        let linted = Arc::new(Linted::of(texts, dir));
        memo.insert(whole, linted.clone());
        Ok(linted)
    }
}

impl Linted {
    fn of(texts: BTreeMap<String, String>, dir: &str) -> Self {
        let mut of_folder = structure::lint(&texts, dir);
        let found = texts.iter().map(|(name, text)| {
            let of_folder = of_folder.remove(name).unwrap_or_default();
            let found = file::lint(text, name.ends_with(".down.sql"), of_folder);
            (name.clone(), found)
        });
        let found = found.collect();
        Self { texts, found }
    }

    fn complaints(&self, dir: &str, context: Context) -> Vec<Complaint> {
        let dir = dir.trim_end_matches('/');
        let mut complaints = vec![];
        for (name, found) in &self.found {
            let file = format!("{dir}/{name}");
            complaints.extend(found.iter().filter_map(|f| context.complaint(&file, f)));
        }
        complaints
    }
}

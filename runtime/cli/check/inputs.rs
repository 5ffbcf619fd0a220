//! Which playbooks are looked through.

use super::nothing;
use crate::arguments::CheckArguments;
use crate::config::Project;
use crate::refusal::Refusal;
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// A playbook and the project that it belongs to.
pub(super) struct Input {
    /// As it is named in findings.
    pub(super) path: PathBuf,
    pub(super) project: Rc<Project>,
}

/// What was named, or else every playbook of the project.
pub(super) fn inputs(wanted: &CheckArguments, here: bool) -> Result<Vec<Input>, Refusal> {
    if !wanted.files.is_empty() {
        return wanted.files.iter().map(|path| named(path, here)).collect();
    }
    if wanted.migrations.is_some() {
        return Ok(vec![]);
    }
    let project = Rc::new(Project::find(Path::new("."))?);
    let paths = playbooks(&project.base);
    if paths.is_empty() {
        return Err(nothing(&project.base));
    }
    // Names as short as they are typed.
    let current = std::env::current_dir().unwrap_or_default();
    let input = |path: PathBuf| Input {
        path: path.strip_prefix(&current).unwrap_or(&path).to_owned(),
        project: project.clone(),
    };
    Ok(paths.into_iter().map(input).collect())
}

/// As `pb run` finds it: the folder that was entered, or that of the playbook.
fn named(path: &Path, here: bool) -> Result<Input, Refusal> {
    let beside = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let folder = beside.filter(|_| !here).unwrap_or(Path::new("."));
    Ok(Input {
        path: path.to_owned(),
        project: Rc::new(Project::find(folder)?),
    })
}

/// The playbooks beside `pb.toml` and those below `playbooks`, by name.
fn playbooks(base: &Path) -> Vec<PathBuf> {
    let mut found = vec![];
    let mut folders = vec![base.join("playbooks")];
    collect(base, &mut found, &mut vec![]);
    while let Some(folder) = folders.pop() {
        collect(&folder, &mut found, &mut folders);
    }
    found.sort();
    found
}

/// A folder that cannot be read holds nothing to look through. Links are not followed: they may lead in a circle.
fn collect(folder: &Path, files: &mut Vec<PathBuf>, folders: &mut Vec<PathBuf>) {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    for entry in entries {
        let path = entry.path();
        let hidden = entry.file_name().to_string_lossy().starts_with('.');
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if is_folder && !hidden {
            folders.push(path);
        } else if !is_folder && path.extension().is_some_and(|end| end == "rhai") {
            files.push(path);
        }
    }
}

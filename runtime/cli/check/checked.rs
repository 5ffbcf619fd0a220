//! What was looked through, and what was found in it.

use crate::refusal::Refusal;
use pb_core::Failure;
use pb_core::finding::{At, Finding, Level};
use pb_core::run::Registry;
use pb_runtime::{Environment, Script};
use pb_stdlib::postgres::lint_folder;
use std::collections::BTreeMap;
use std::path::Path;

/// Playbooks that were looked through, or one of them.
#[derive(Default)]
pub(super) struct Checked {
    pub(super) findings: Vec<Finding>,
    /// How many calls were looked at.
    pub(super) calls: usize,
    /// The texts of the files that were read, by name.
    pub(super) sources: BTreeMap<String, String>,
    /// How many migrations were looked through by themselves.
    migrations: usize,
}

impl Checked {
    pub(super) fn of_script(
        script: &Script,
        base: &Path,
        registry: &Registry,
        environment: Option<&Environment>,
    ) -> Self {
        let checked = pb_runtime::check(script, registry, environment, Some(base));
        Self {
            findings: checked.findings,
            calls: checked.calls,
            sources: script.sources().clone(),
            ..Self::default()
        }
    }

    /// Of a playbook that could not be read as a whole.
    pub(super) fn of_failure(path: &Path, failure: &Failure) -> Self {
        let name = path.display().to_string();
        let mut checked = Self {
            findings: vec![pb_runtime::refused(&name, failure, None)],
            ..Self::default()
        };
        checked.read(&name);
        checked
    }

    /// Adds what was found in another playbook; `base` is the folder of its project.
    pub(super) fn take(&mut self, other: Self, base: &Path) {
        self.calls += other.calls;
        self.sources.extend(other.sources);
        for mut finding in other.findings {
            // A migration is named from the project's folder, which need not be the one we are in.
            if !self.sources.contains_key(&finding.file) && !Path::new(&finding.file).exists() {
                let current = std::env::current_dir().unwrap_or_default();
                let path = base.join(&finding.file);
                let path = path.strip_prefix(current).unwrap_or(&path);
                if path.exists() {
                    finding.file = path.display().to_string();
                }
            }
            self.read(&finding.file);
            self.findings.push(finding);
        }
    }

    /// Adds what is found in a folder of migrations.
    ///
    /// # Errors
    /// The folder or a file in it cannot be read.
    pub(super) fn take_migrations(&mut self, folder: &Path) -> Result<(), Refusal> {
        let name = folder.display().to_string();
        let linted = lint_folder(Path::new("."), &name)?;
        self.migrations += linted.files;
        for complaint in linted.complaints {
            let (file, place) = match complaint.at {
                At::File {
                    file,
                    line,
                    column,
                    end_column,
                } => (file, (line, column, end_column)),
                At::Call | At::Argument(_) => (name.clone(), (0, 0, 0)),
            };
            self.read(&file);
            self.findings.push(Finding {
                code: complaint.code.id.to_owned(),
                level: complaint.level,
                message: complaint.message,
                because: complaint.because,
                hint: complaint.hint,
                file,
                line: place.0,
                column: place.1,
                end_column: place.2,
            });
        }
        Ok(())
    }

    /// Brings the findings into the order in which they are read: by weight, by place. What two playbooks import is
    /// found twice and said once.
    pub(super) fn settle(&mut self) {
        self.findings.sort_by(|a, b| {
            let place = |finding: &Finding| (finding.line, finding.column);
            (a.level, &a.file, place(a), &a.code).cmp(&(b.level, &b.file, place(b), &b.code))
        });
        self.findings.dedup();
    }

    /// The heaviest level of all that was found.
    pub(super) fn worst(&self) -> Option<Level> {
        self.findings.iter().map(|finding| finding.level).min()
    }

    /// How many of that level there are.
    pub(super) fn count(&self, level: Level) -> usize {
        let same = |finding: &&Finding| finding.level == level;
        self.findings.iter().filter(same).count()
    }

    /// How many files were looked through; modules that come with pb are not counted.
    pub(super) fn files(&self) -> usize {
        let library = |name: &&String| pb_stdlib::LIBRARY.iter().any(|(known, _)| known == name);
        let is_migration = |name: &&String| name.ends_with(".sql");
        let scripts = self.sources.keys().filter(|name| !library(name));
        scripts.filter(|name| !is_migration(name)).count() + self.migrations
    }

    fn read(&mut self, file: &str) {
        if !self.sources.contains_key(file)
            && let Ok(text) = std::fs::read_to_string(file)
        {
            self.sources.insert(file.to_owned(), text);
        }
    }
}

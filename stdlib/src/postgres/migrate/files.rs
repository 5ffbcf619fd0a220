//! The files of a migration folder, held to what can be run, recorded and settled.

use crate::files::Files;
use crate::postgres::concurrent_index::{eat_create_index_concurrently, parse_concurrent_index};
use crate::postgres::cursor::Cursor;
use crate::postgres::migration_files::{
    MigrationFileError, MigrationSet, Script, Version, read_migrations,
};
use crate::postgres::split::split;
use pb_core::run::BlobRef;
use pb_core::{Failure, Readers, Result, code};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The migrations of a folder.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Folder {
    pub(crate) set: MigrationSet,
    /// The texts that may be needed, by file.
    pub(crate) texts: BTreeMap<String, BlobRef>,
    /// Down files that cannot run, and why.
    pub(crate) refused_downs: BTreeMap<String, String>,
}

/// A folder as it was read, before anything of it is kept.
pub(crate) struct Read {
    pub(crate) folder: Folder,
    texts: BTreeMap<String, String>,
}

/// Reads a folder.
///
/// # Errors
/// `PB0012` when it cannot be read, `PB0330` with all that is wrong with its files.
pub(crate) async fn read(read: &Readers, dir: &str) -> Result<Read> {
    let texts = read.of::<Files>().read_dir(dir, "sql").await?;
    let found = read_migrations(&texts).map_err(|errors| refused(dir, &errors))?;
    let folder = Folder {
        set: found.migrations,
        texts: BTreeMap::new(),
        refused_downs: found
            .refused_downs
            .iter()
            .map(|error| (error.file().to_owned(), error.to_string()))
            .collect(),
    };
    contiguous(&folder.set, dir)?;
    for script in folder.set.versioned.iter().map(|migration| &migration.up) {
        if let Some(text) = texts.get(&script.file) {
            named_indexes(script, text)?;
        }
    }
    Ok(Read { folder, texts })
}

impl Read {
    /// Keeps the texts of the migrations that `needed` says may run, up and down, and of all repeatable ones.
    pub(crate) fn keep(self, read: &Readers, needed: impl Fn(&Version) -> bool) -> Folder {
        let Self { mut folder, texts } = self;
        let migrations = folder.set.versioned.iter().filter(|m| needed(&m.version));
        let scripts = migrations
            .flat_map(|m| [Some(&m.up), m.down.as_ref()])
            .flatten();
        let scripts = scripts.chain(folder.set.repeatable.iter().map(|r| &r.script));
        folder.texts = scripts
            .filter_map(|script| Some((script.file.clone(), texts.get(&script.file)?)))
            .map(|(file, text)| (file, read.keep_file(text)))
            .collect();
        folder
    }
}

impl Folder {
    /// The text of a file.
    pub(crate) fn text(&self, script: &Script) -> Result<BlobRef> {
        self.texts.get(&script.file).cloned().ok_or_else(|| {
            let message = format!("the text of `{}` was not kept", script.file);
            Failure::new(&code::MIGRATION_FILES, message)
        })
    }
}

/// All that is wrong with a folder, in one error.
fn refused(dir: &str, errors: &[MigrationFileError]) -> Failure {
    let Some((first, more)) = errors.split_first() else {
        return Failure::new(&code::MIGRATION_FILES, format!("`{dir}` was refused"));
    };
    let failure = Failure::new(&code::MIGRATION_FILES, first.to_string())
        .hint(first.hint())
        .with("file", first.file());
    let failure = match first.line() {
        Some(line) => failure.with("line", line),
        None => failure,
    };
    more.iter().fold(failure, |failure, error| {
        failure.because(format!("also: {error}"))
    })
}

/// Versions that count leave none out.
pub(crate) fn contiguous(set: &MigrationSet, dir: &str) -> Result<()> {
    let Some(gap) = set.gaps().into_iter().next() else {
        return Ok(());
    };
    let missing = match gap.first_missing == gap.last_missing {
        true => format!("{}", gap.first_missing),
        false => format!("{} to {}", gap.first_missing, gap.last_missing),
    };
    let message = format!(
        "the migrations in `{dir}` have a gap before `{}`",
        gap.before
    );
    Err(Failure::new(&code::MIGRATION_FILES, message)
        .because(format!("there is no file of version {missing}"))
        .hint("add the missing file, or give the later ones the next free versions")
        .with("file", gap.before.as_str()))
}

/// After a crash the catalogue is asked by name whether an index is built.
pub(crate) fn named_indexes(script: &Script, text: &str) -> Result<()> {
    for statement in split(text).unwrap_or_default() {
        if !eat_create_index_concurrently(&mut Cursor::new(&statement)) {
            continue;
        }
        if parse_concurrent_index(&statement).is_some_and(|index| index.name.is_some()) {
            continue;
        }
        let (file, line) = (script.file.as_str(), statement.line);
        let message = format!("line {line} of `{file}` built an index without a name");
        return Err(Failure::new(&code::MIGRATION_FILES, message)
            .because("after a crash nobody could tell whether it was built")
            .hint(
                "write `CREATE INDEX CONCURRENTLY name ON …`, the name in letters or plain quotes",
            )
            .with("file", file)
            .with("line", line));
    }
    Ok(())
}

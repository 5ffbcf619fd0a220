//! Orders the files of a migration folder and refuses what could not be run or recorded.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use super::migration_file_error::{ControlFound, FoundIn, MigrationFileError, NameRefusal};
pub use super::script::Script;
pub use super::version::{Version, VersionError};

/// The migrations of a folder in the order in which they run: all versioned ones by version, then
/// the repeatable ones by name. It holds no texts: those stay in the map it was read from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MigrationSet {
    pub versioned: Vec<Migration>,
    pub repeatable: Vec<Repeatable>,
}

/// `0001_name.sql`, which runs once, and its `0001_name.down.sql`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Migration {
    pub version: Version,
    pub name: String,
    pub up: Script,
    /// None when there is no file, or none that can run.
    pub down: Option<Script>,
}

/// `R_name.sql`, which runs again when its checksum changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repeatable {
    pub name: String,
    pub script: Script,
}

/// A folder that can be migrated with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MigrationFolder {
    pub migrations: MigrationSet,
    /// What is wrong inside down files. Most published down files do not run back, so they must not
    /// block the way up: their migrations have no way back, and this says why.
    pub refused_downs: Vec<MigrationFileError>,
}

/// Counters that no file has, between two files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    pub first_missing: u32,
    pub last_missing: u32,
    /// The file behind the gap.
    pub before: String,
}

/// Reads the files of one folder, texts by file name; on failure, all that is wrong with them.
///
/// Files that start with `.` and files without the extension `sql` in any case are no migrations.
pub fn read_migrations(
    files: &BTreeMap<String, String>,
) -> Result<MigrationFolder, Vec<MigrationFileError>> {
    let mut migrations = MigrationSet::default();
    let mut ups = Vec::new();
    let mut downs = Vec::new();
    let mut errors = Vec::new();
    for (file, text) in files {
        let mut script = || {
            Script::read(file, text)
                .map_err(|found| errors.extend(found))
                .ok()
        };
        match FileName::parse(file) {
            Ok(None) => {}
            Ok(Some(FileName::Up { version, name })) => {
                ups.push((version.clone(), file));
                let migration = script().map(|up| Migration {
                    version,
                    name,
                    up,
                    down: None,
                });
                migrations.versioned.extend(migration);
            }
            Ok(Some(FileName::Repeatable { name })) => {
                migrations
                    .repeatable
                    .extend(script().map(|script| Repeatable { name, script }));
            }
            Ok(Some(FileName::Down { version, up })) => downs.push((file, text, version, up)),
            Err(because) => errors.push(MigrationFileError::Name {
                file: file.clone(),
                because,
            }),
        }
    }
    ups.sort_by(|left, right| left.0.cmp(&right.0));
    errors.extend(same_versions(&ups));
    migrations
        .versioned
        .sort_by(|left, right| left.version.cmp(&right.version));

    let mut refused_downs = Vec::new();
    for (file, text, version, up) in downs {
        if !files.contains_key(&up) {
            let other_up = ups.iter().find(|(other, _)| *other == version);
            let other_up = other_up.map(|(_, file)| (*file).clone());
            let file = file.clone();
            errors.push(MigrationFileError::DownWithoutUp { file, up, other_up });
            continue;
        }
        match (migrations.by_up_file(&up), Script::read(file, text)) {
            (Some(migration), Ok(script)) => migration.down = Some(script),
            (Some(_), Err(found)) => refused_downs.extend(found),
            // Its up file has errors of its own, which are told.
            (None, _) => {}
        }
    }
    if errors.is_empty() {
        Ok(MigrationFolder {
            migrations,
            refused_downs,
        })
    } else {
        errors.sort_by(|left, right| left.file().cmp(right.file()));
        Err(errors)
    }
}

impl MigrationSet {
    /// The holes in a row of counters. A hole may be a file that was left out of a release, or a
    /// number that nobody took. Dates and other versions have none.
    pub fn gaps(&self) -> Vec<Gap> {
        let pairs = self.versioned.windows(2).filter_map(|pair| {
            let (last, next) = (pair[0].version.counter()?, pair[1].version.counter()?);
            let before = pair[1].up.file.clone();
            (last + 1 < next).then(|| Gap {
                first_missing: last + 1,
                last_missing: next - 1,
                before,
            })
        });
        pairs.collect()
    }

    fn by_up_file(&mut self, file: &str) -> Option<&mut Migration> {
        self.versioned
            .iter_mut()
            .find(|migration| migration.up.file == file)
    }
}

/// What the name of a file says.
enum FileName {
    Up { version: Version, name: String },
    Down { version: Version, up: String },
    Repeatable { name: String },
}

impl FileName {
    fn parse(file: &str) -> Result<Option<Self>, NameRefusal> {
        let Some((stem, extension)) = file.rsplit_once('.') else {
            return Ok(None);
        };
        if file.starts_with('.') || !extension.eq_ignore_ascii_case("sql") {
            return Ok(None);
        }
        if extension != "sql" {
            return Err(NameRefusal::Extension);
        }
        let (stem, is_down) = match stem.strip_suffix(".down") {
            Some(stem) => (stem, true),
            None => (stem, false),
        };
        let (version, name) = stem.split_once('_').ok_or(NameRefusal::Version)?;
        if name.is_empty() || name.contains(['.', '/', '\\']) {
            return Err(NameRefusal::Name);
        }
        let name = name.to_owned();
        match (version, is_down) {
            ("R", false) => Ok(Some(Self::Repeatable { name })),
            ("R", true) => Err(NameRefusal::RepeatableDown),
            (version, _) => {
                let version = Version::try_from(version.to_owned());
                let version = version.map_err(|_| NameRefusal::Version)?;
                Ok(Some(match is_down {
                    true => Self::Down {
                        version,
                        up: format!("{stem}.sql"),
                    },
                    false => Self::Up { version, name },
                }))
            }
        }
    }
}

fn same_versions(sorted: &[(Version, &String)]) -> impl Iterator<Item = MigrationFileError> {
    let pairs = sorted.windows(2).filter(|pair| pair[0].0 == pair[1].0);
    pairs.map(|pair| MigrationFileError::SameVersion {
        version: pair[1].0.clone(),
        first: pair[0].1.clone(),
        second: pair[1].1.clone(),
    })
}

#[cfg(test)]
mod tests;

//! What files and rows that do not fit each other are to the person who reads of it.

use crate::postgres::migrate::Args;
use crate::postgres::migrate::files::Folder;
use crate::postgres::migrate::history::{Row, RowState};
use crate::postgres::migration_files::{Migration, Version};
use pb_core::{Failure, Result, code};

pub(super) fn same_text(migration: &Migration, row: &Row) -> Result<()> {
    if migration.up.checksum == row.checksum {
        return Ok(());
    }
    let file = migration.up.file.as_str();
    let message = match row.state {
        RowState::Applied => format!("`{file}` was changed after it had been applied"),
        _ => format!("`{file}` was changed after a part of it had been applied"),
    };
    let (when, who) = (&row.started_at, &row.applied_by);
    Err(Failure::new(&code::CHECKSUM, message)
        .because(format!(
            "it was applied on {when} by {who} in run {}",
            row.run
        ))
        .because(format!(
            "its checksum was {}, and is {}",
            short(&row.checksum),
            short(&migration.up.checksum)
        ))
        .hint(format!(
            "put `{file}` back as it was, and write the change into a new file"
        ))
        .with("file", file)
        .with("version", row.version.as_str()))
}

fn short(checksum: &str) -> &str {
    checksum.get(..12).unwrap_or(checksum)
}

pub(super) fn ahead(args: &Args, row: &Row) -> Failure {
    let message = format!(
        "the database has the migration `{}_{}`, and `{}` has not",
        row.version, row.name, args.dir
    );
    Failure::new(&code::MIGRATION_FILES, message)
        .because(format!(
            "it was applied on {} by {} in run {}",
            row.started_at, row.applied_by, row.run
        ))
        .hint("deploy a release that has its file")
        .with("version", row.version.as_str())
}

pub(super) fn half_reverted(row: &Row) -> Failure {
    let message = format!("the migration `{}` is half reverted", row.version);
    Failure::new(&code::MIGRATION_FILES, message)
        .because(format!(
            "run {} did {} statements of its down file",
            row.run, row.step
        ))
        .hint(format!("pb rollback {}", row.run))
}

pub(super) fn out_of_order(migration: &Migration, newest: &Version) -> Failure {
    let file = migration.up.file.as_str();
    let message = format!("`{file}` came too late: `{newest}` is applied already");
    Failure::new(&code::MIGRATION_FILES, message)
        .because("it was written for a schema without what came after it")
        .hint("give it, and its down file, the next free version")
        .with("file", file)
}

pub(super) fn no_way_back(folder: &Folder, migration: &Migration) -> Failure {
    let (down, up) = (down_name(migration), &migration.up.file);
    let message = format!("`{up}` could not be reverted");
    match folder.refused_downs.get(&down) {
        Some(why) => Failure::new(&code::NO_WAY_BACK, message).because(why.clone()),
        None => Failure::new(&code::NO_WAY_BACK, message)
            .because(format!("there is no `{down}`"))
            .hint(format!("write `{down}`")),
    }
    .with("file", up.as_str())
}

/// The name of the file that would take a migration back.
pub(super) fn down_name(migration: &Migration) -> String {
    let stem = migration.up.file.strip_suffix(".sql");
    format!("{}.down.sql", stem.unwrap_or(&migration.up.file))
}

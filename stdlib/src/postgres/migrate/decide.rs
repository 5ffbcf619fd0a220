//! Which migrations remain to be applied or reverted. Pure: the files and the rows are all it knows.

mod contradiction;

use super::action::{Action, Way};
use super::files::Folder;
use super::history::{REPEATABLE, Row, RowState};
use super::{Args, Back, Facts};
use crate::postgres::migration_files::{Migration, Version};
use contradiction::{ahead, down_name, half_reverted, no_way_back, out_of_order, same_text};
use pb_core::{Failure, Result, code};
use std::collections::BTreeMap;

/// What remains, in order.
///
/// # Errors
/// `PB0331` for a changed file, `PB0330` for files and rows that contradict each other, `PB0332` for a way back that
/// is not there.
pub(crate) fn remaining(args: &Args, facts: &Facts) -> Result<Vec<Action>> {
    let mut actions = match &args.back {
        Some(back) => reverted(back, facts)?,
        None => wanted(args, facts)?,
    };
    let of = actions.len();
    for (action, n) in actions.iter_mut().zip(1..) {
        (action.n, action.of) = (n, of);
    }
    Ok(actions)
}

/// The versions that are applied or were begun, with their rows.
fn by_version(rows: &[Row]) -> BTreeMap<Version, &Row> {
    rows.iter()
        .filter_map(|row| Some((row.version()?, row)))
        .collect()
}

fn wanted(args: &Args, facts: &Facts) -> Result<Vec<Action>> {
    let folder = &facts.folder;
    let rows = by_version(&facts.rows);
    let files: BTreeMap<&Version, &Migration> = folder
        .set
        .versioned
        .iter()
        .map(|m| (&m.version, m))
        .collect();
    for (version, row) in &rows {
        match files.get(version) {
            Some(migration) => same_text(migration, row)?,
            None => return Err(ahead(args, row)),
        }
    }
    let target = target(args, &files)?;
    let too_new = rows
        .iter()
        .rev()
        .filter(|(version, _)| target.is_some_and(|t| *version > t));
    let too_new: Vec<Action> = too_new
        .map(|(version, row)| revert(folder, files[version], row))
        .collect::<Result<_>>()?;
    if !too_new.is_empty() {
        return Ok(too_new);
    }
    if let Some((_, row)) = rows
        .iter()
        .find(|(_, row)| row.state == RowState::Reverting)
    {
        return Err(half_reverted(row));
    }
    let newest = rows.iter().rfind(|(_, row)| row.state == RowState::Applied);
    let mut actions = vec![];
    for migration in &folder.set.versioned {
        let version = &migration.version;
        if target.is_some_and(|t| version > t) {
            break;
        }
        let from = match rows.get(version) {
            Some(row) if row.state == RowState::Applied => continue,
            Some(row) => row.step,
            None => 0,
        };
        if let Some((newest, _)) = newest.filter(|(newest, _)| *newest > version) {
            return Err(out_of_order(migration, newest));
        }
        actions.push(apply(folder, migration, from)?);
    }
    if target.is_none() {
        actions.extend(repeatable(facts)?);
    }
    Ok(actions)
}

/// Repeatable files that are new or changed.
fn repeatable(facts: &Facts) -> Result<Vec<Action>> {
    let rows = facts.rows.iter().filter(|row| row.version == REPEATABLE);
    let rows: BTreeMap<&str, &Row> = rows.map(|row| (row.name.as_str(), row)).collect();
    let mut actions = vec![];
    for file in &facts.folder.set.repeatable {
        let script = &file.script;
        let from = match rows.get(file.name.as_str()) {
            Some(row) if row.checksum != script.checksum => 0,
            Some(row) if row.state == RowState::Applied => continue,
            Some(row) => row.step,
            None => 0,
        };
        actions.push(Action {
            way: Way::Up { from },
            version: REPEATABLE.into(),
            name: file.name.clone(),
            file: script.file.clone(),
            text: facts.folder.text(script)?,
            checksum: script.checksum.clone(),
            transactional: script.transactional,
            n: 0,
            of: 0,
        });
    }
    Ok(actions)
}

/// Back to the rows that were there before, by what the run that is undone has applied.
fn reverted(back: &Back, facts: &Facts) -> Result<Vec<Action>> {
    let mut actions = vec![];
    let mut foreign: Option<&Row> = None;
    for (version, row) in by_version(&facts.rows).into_iter().rev() {
        if back.keep.contains(&row.version) {
            continue;
        }
        if row.run != back.run {
            foreign = Some(row);
            continue;
        }
        if let Some(later) = foreign {
            let message = format!(
                "`{}` was not reverted: `{}` came after it",
                row.version, later.version
            );
            return Err(
                Failure::new(&code::MIGRATION_FILES, message).because(format!(
                    "run {} applied `{}` on {}",
                    later.run, later.version, later.started_at
                )),
            );
        }
        let migration = back
            .folder
            .set
            .versioned
            .iter()
            .find(|m| m.version == version);
        let Some(migration) = migration else {
            let message = format!(
                "`{}` was not reverted: its files were not kept",
                row.version
            );
            return Err(Failure::new(&code::NO_WAY_BACK, message));
        };
        actions.push(revert(&back.folder, migration, row)?);
    }
    // What was reverted comes back.
    let is_there = |m: &Migration| {
        facts
            .rows
            .iter()
            .any(|row| row.version() == Some(m.version.clone()))
    };
    let gone = back
        .folder
        .set
        .versioned
        .iter()
        .filter(|m| back.keep.contains(m.version.as_str()));
    for migration in gone.filter(|m| !is_there(m)) {
        actions.push(apply(&back.folder, migration, 0)?);
    }
    Ok(actions)
}

fn apply(folder: &Folder, migration: &Migration, from: usize) -> Result<Action> {
    Ok(Action {
        way: Way::Up { from },
        version: migration.version.to_string(),
        name: migration.name.clone(),
        file: migration.up.file.clone(),
        text: folder.text(&migration.up)?,
        checksum: migration.up.checksum.clone(),
        transactional: migration.up.transactional,
        n: 0,
        of: 0,
    })
}

fn revert(folder: &Folder, migration: &Migration, row: &Row) -> Result<Action> {
    let Some(down) = &migration.down else {
        return Err(no_way_back(folder, migration));
    };
    Ok(Action {
        way: Way::Down {
            partly: row.state != RowState::Applied,
        },
        version: row.version.clone(),
        name: row.name.clone(),
        file: down.file.clone(),
        text: folder.text(down)?,
        checksum: row.checksum.clone(),
        transactional: down.transactional,
        n: 0,
        of: 0,
    })
}

/// Why the migrations that remain could not all be undone; `None` when they could.
pub(crate) fn point_of_no_return(args: &Args, facts: &Facts) -> Option<String> {
    let actions = remaining(args, facts).unwrap_or_default();
    let versioned = actions.iter().filter(|action| action.version != REPEATABLE);
    if versioned.clone().count() == 0 && !actions.is_empty() {
        return Some("repeatable files are never undone".into());
    }
    let missing = versioned
        .filter(|action| matches!(action.way, Way::Up { .. }))
        .find_map(|action| {
            let mut all = facts.folder.set.versioned.iter();
            all.find(|m| m.version.as_str() == action.version && m.down.is_none())
        })?;
    let down = down_name(missing);
    Some(match facts.folder.refused_downs.get(&down) {
        Some(why) => why.clone(),
        None => format!("there is no `{down}`"),
    })
}

/// The version that `to` asks for: that of a file, or `0` for none at all.
fn target<'a>(
    args: &'a Args,
    files: &BTreeMap<&Version, &Migration>,
) -> Result<Option<&'a Version>> {
    let Some(to) = &args.to else {
        return Ok(None);
    };
    if files.contains_key(to) || to.counter() == Some(0) {
        return Ok(Some(to));
    }
    let message = format!("there is no migration `{to}` in `{}`", args.dir);
    let failure = Failure::new(&code::WRONG_TYPE, message).with("option", "to");
    Err(match files.keys().next_back() {
        Some(last) => failure.because(format!("the last one is `{last}`")),
        None => failure.because("there is none at all"),
    })
}

#[cfg(test)]
mod tests;

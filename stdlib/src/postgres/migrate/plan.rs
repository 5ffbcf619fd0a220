//! What a plan tells of migrations that are yet to run.

use super::action::{Action, Way};
use super::history::REPEATABLE;
use super::{Facts, newest};
use crate::postgres::ident::Ident;
use crate::postgres::migration_files::Version;
use crate::postgres::survey::{self, Text};
use pb_core::{Handle, Readers, Result, Survey};
use serde_json::{Map, Value};
use std::sync::Arc;

/// The result, all of which the files and the rows tell.
pub(super) fn foresee(before: &Facts, actions: &[&Action]) -> Map<String, Value> {
    let id = |action: &&Action| match action.version.as_str() {
        REPEATABLE => format!("R_{}", action.name),
        version => version.to_owned(),
    };
    let (mut applied, mut reverted): (Vec<String>, Vec<String>) = (vec![], vec![]);
    for action in actions {
        match action.way {
            Way::Up { .. } => applied.push(id(action)),
            Way::Down { .. } => reverted.push(id(action)),
        }
    }
    let from = newest(&before.rows);
    let mut versions: Vec<Version> = before
        .rows
        .iter()
        .filter(|row| row.state == super::RowState::Applied)
        .filter_map(super::Row::version)
        .collect();
    versions.extend(
        applied
            .iter()
            .filter_map(|id| Version::try_from(id.clone()).ok()),
    );
    versions.retain(|version| !reverted.iter().any(|gone| gone == version.as_str()));
    let to = versions
        .into_iter()
        .max()
        .map(|version| version.to_string());
    Map::from_iter([
        ("applied".into(), applied.into()),
        ("reverted".into(), reverted.into()),
        ("from".into(), from.into()),
        ("to".into(), to.into()),
    ])
}

/// What the files lock, in the schema.
pub(crate) async fn survey(
    read: &Readers,
    handle: &Handle,
    schema: &Ident,
    actions: &[&Action],
) -> Result<Survey> {
    let texts = actions.iter().map(|action| read.kept_file(&action.text));
    let texts: Vec<Arc<str>> = texts.collect::<Result<_>>()?;
    let texts = actions.iter().zip(&texts).map(|(action, text)| Text {
        file: &action.file,
        text,
        done: match action.way {
            Way::Up { from } => from,
            Way::Down { .. } => 0,
        },
    });
    let texts: Vec<_> = texts.collect();
    survey::survey(read, handle, Some(schema), &texts).await
}

//! The files of the folder and the rows of the schema.

use super::history::{self, Row, RowState};
use super::{Args, Facts, files, lock};
use crate::postgres::driver::{LOOK, Postgres};
use crate::postgres::migration_files::Version;
use pb_core::{Readers, Result};
use tokio_postgres::types::Type;

/// Reads both.
pub(super) async fn observe(read: &Readers, args: &Args) -> Result<Facts> {
    let begun = read.begun_with::<Facts>()?.map(|facts| facts.folder);
    // Files are held to the rules before any connection is made.
    let files = match (&args.back, &begun) {
        (Some(_), _) => {
            lock::quiet(read, args).await?;
            None
        }
        (None, Some(_)) => None,
        (None, None) => Some(files::read(read, &args.dir).await?),
    };
    let (has_schema, rows) = rows(read, args).await?;
    let applied = |version: &Version| {
        let mut done = rows.iter().filter(|row| row.state == RowState::Applied);
        done.any(|row| row.version().is_some_and(|v| v == *version))
    };
    let folder = files.map(|files| {
        files.keep(read, |version| {
            !applied(version) || args.to.as_ref().is_some_and(|to| version > to)
        })
    });
    Ok(Facts {
        run: read.run().into(),
        has_schema,
        folder: folder.or(begun).unwrap_or_default(),
        rows,
    })
}

async fn rows(read: &Readers, args: &Args) -> Result<(bool, Vec<Row>)> {
    let reading = read.of::<Postgres>().begin(read, &args.db.0, LOOK).await?;
    let (schema, table) = (args.schema.quoted(), history::table(&args.schema));
    let found = async {
        let params = [(&schema as _, Type::TEXT), (&table as _, Type::TEXT)];
        let exist = reading.rows(history::EXISTS, &params).await?;
        let exist = exist
            .first()
            .map_or((false, false), |row| (row.get(0), row.get(1)));
        let rows = match exist.1 {
            true => reading.rows(&history::select(&args.schema), &[]).await?,
            false => vec![],
        };
        let mut rows: Vec<Row> = rows.iter().map(Row::of).collect::<Result<_>>()?;
        rows.sort_by(|a, b| {
            a.version()
                .cmp(&b.version())
                .then_with(|| a.name.cmp(&b.name))
        });
        Ok((exist.0, rows))
    };
    let found = found.await;
    reading.end().await;
    found
}

//! `row_counts`: how many rows tables hold, all at the same moment.

use super::database::{Database, subject};
use super::driver::{Postgres, USUAL};
use super::table_name::quoted;
use pb_core::finding::{At, Complaint, Standing};
use pb_core::{
    Class, Decision, Effect, HandleOf, NoAction, Permit, Primitive, Readers, Result, Subject, Undo,
    World,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Counts rows.
pub(crate) struct RowCounts;

/// The arguments of `row_counts`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Args {
    /// The database, or the transaction in which to count.
    #[schemars(transform = pb_core::spec::position::<0>)]
    db: HandleOf<Database>,
    /// Names of tables, `orders` or `shop.orders`.
    #[schemars(transform = pb_core::spec::position::<1>)]
    tables: Vec<String>,
}

type Counts = BTreeMap<String, i64>;

impl Primitive for RowCounts {
    type Args = Args;
    type Facts = Counts;
    type Action = NoAction;
    type Out = Counts;

    const NAME: &'static str = "row_counts";
    const CLASS: Class = Class::Read;
    const DOC: &'static str = "\
Counts the rows of tables, all in one snapshot.

# Shape
A map of each name as it was given to its number of rows.

# Errors
PB0315 for a table that is not there; PB0210 for a name that is none.

# Effect
Reads every row of the tables.

# Source
PostgreSQL manual, 13.2.2 Repeatable Read.";
    const EXAMPLE: &'static str =
        r#"let before = row_counts(target.database, ["users", "orders"]);"#;

    async fn observe(&self, read: &Readers, args: &Args) -> Result<Counts> {
        let mut tables = vec![];
        for name in &args.tables {
            tables.push((name, quoted(name)?));
        }
        let reading = read.of::<Postgres>().begin(read, &args.db.0, USUAL).await?;
        let mut counts = Ok(Counts::new());
        for ((name, table), n) in tables.into_iter().zip(1..) {
            read.progress_of(format!("counting {name}"), n - 1, args.tables.len() as u64);
            let found = reading
                .rows(&format!("SELECT count(*) FROM {table}"), &[])
                .await;
            counts = match (counts, found) {
                (Ok(mut counts), Ok(rows)) => {
                    counts.insert(name.clone(), rows.first().map_or(0, |row| row.get(0)));
                    Ok(counts)
                }
                (_, Err(failure)) | (Err(failure), _) => Err(failure),
            };
            if counts.is_err() {
                break;
            }
        }
        reading.end().await;
        counts
    }

    fn inspect(&self, known: &Map<String, Value>, _: &Standing<'_>) -> Vec<Complaint> {
        let tables = known.get("tables").and_then(Value::as_array);
        let names = tables.into_iter().flatten().filter_map(Value::as_str);
        let refused = names.filter_map(|name| quoted(name).err());
        refused
            .map(|failure| Complaint::of(failure).at(At::Argument("tables".into())))
            .collect()
    }

    fn decide(&self, _: &Args, _: &Counts) -> Result<Decision<NoAction>> {
        Ok(Decision::Nothing)
    }

    fn effect(&self, _: &Args, action: &NoAction) -> Effect {
        match *action {}
    }

    async fn act(&self, _: &World, _: &Permit, _: &Args, action: &NoAction) -> Result<Value> {
        match *action {}
    }

    fn result(&self, _: &Args, _: &Counts, counts: &Counts, _: &[Value]) -> Result<Counts> {
        Ok(counts.clone())
    }

    fn undo(&self, _: &Args, _: &Counts) -> Undo {
        Undo::none("it only looked")
    }

    fn subjects(&self, args: &Args) -> Vec<Subject> {
        vec![subject(&args.db)]
    }

    fn summary(&self, _: &Args, out: &Value) -> String {
        let counts = out.as_object().into_iter().flatten();
        let counts = counts.filter(|(_, n)| n.is_i64() || n.is_u64());
        counts
            .map(|(name, n)| format!("{name} {n}"))
            .collect::<Vec<_>>()
            .join(", ")
    }
}

//! `query`: the rows of a SELECT.

use super::database::{Database, subject};
use super::driver::Postgres;
use pb_core::{
    Class, Decision, Effect, HandleOf, NoAction, Permit, Primitive, Readers, Result, Subject, Undo,
    World,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Reads rows.
pub(crate) struct Query;

/// The arguments of `query`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Args {
    /// The database, or the transaction in which to read.
    #[schemars(transform = pb_core::spec::position::<0>)]
    db: HandleOf<Database>,
    /// One SELECT.
    #[schemars(transform = pb_core::spec::position::<1>)]
    text: String,
    /// The values of `$1`, `$2` and so on; they may be secrets.
    #[serde(default)]
    #[schemars(transform = pb_core::spec::position::<2>)]
    params: Vec<Value>,
}

impl Primitive for Query {
    type Args = Args;
    type Facts = Vec<Value>;
    type Action = NoAction;
    type Out = Vec<Value>;

    const NAME: &'static str = "query";
    const CLASS: Class = Class::Read;
    const DOC: &'static str = "\
Reads rows from a database.

The text runs in a read-only transaction that is rolled back: the server refuses whatever would change something.
Parameters take the types that the statement gives them; lists become arrays, maps and any value for a `jsonb` become
JSON. Within `transaction`, on its handle, it sees what the transaction has done.

# Shape
A list with a map for each row. Numbers are numbers, `json` is maps and lists, everything else is text; numbers
beyond 15 digits keep them all when they are cast: `amount::text`.

# Errors
PB0304 and PB0313 to PB0317 for what the server refuses, with `sqlstate`, `statement` and the place in it.

# Effect
Reads.

# Source
PostgreSQL manual, SET TRANSACTION READ ONLY and to_jsonb.";
    const EXAMPLE: &'static str = r#"let open = query(target.database, "SELECT id, total FROM orders WHERE status = $1", ["open"]);"#;

    async fn observe(&self, read: &Readers, args: &Args) -> Result<Vec<Value>> {
        let reader = read.of::<Postgres>();
        reader
            .query(read, &args.db.0, &args.text, &args.params)
            .await
    }

    fn decide(&self, _: &Args, _: &Vec<Value>) -> Result<Decision<NoAction>> {
        Ok(Decision::Nothing)
    }

    fn effect(&self, _: &Args, action: &NoAction) -> Effect {
        match *action {}
    }

    async fn act(&self, _: &World, _: &Permit, _: &Args, action: &NoAction) -> Result<Value> {
        match *action {}
    }

    fn result(
        &self,
        _: &Args,
        _: &Vec<Value>,
        rows: &Vec<Value>,
        _: &[Value],
    ) -> Result<Vec<Value>> {
        Ok(rows.clone())
    }

    fn undo(&self, _: &Args, _: &Vec<Value>) -> Undo {
        Undo::none("it only looked")
    }

    fn subjects(&self, args: &Args) -> Vec<Subject> {
        vec![subject(&args.db)]
    }

    fn summary(&self, _: &Args, out: &Value) -> String {
        match out.as_array().map_or(0, Vec::len) {
            1 => "1 row".into(),
            n => format!("{n} rows"),
        }
    }
}

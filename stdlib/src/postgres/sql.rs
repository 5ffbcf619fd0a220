//! `sql`: statements of the playbook, all of them or none.

mod run;
#[cfg(test)]
mod tests;
mod text;

use super::commit::after_death;
use super::database::{Database, subject};
use super::destructive::destroyed_by;
use super::driver::Postgres;
use super::survey::{Text, survey};
use crate::destruction::objection;
use crate::known::Known;
use pb_core::finding::{At, Complaint, Standing};
use pb_core::{
    Class, Decision, Effect, Handle, HandleOf, Permit, Primitive, Readers, Result, Settled,
    Subject, Survey, Undo, World,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::fmt;
use text::{alone_allowed, one_with_params, read_text, shown};

/// Runs statements.
pub(crate) struct Sql;

/// The arguments of `sql`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Args {
    /// The database, or the transaction in which to run.
    #[schemars(transform = pb_core::spec::position::<0>)]
    db: HandleOf<Database>,
    /// One statement, or several without parameters.
    #[schemars(transform = pb_core::spec::position::<1>)]
    text: String,
    /// The values of `$1`, `$2` and so on; they may be secrets.
    #[serde(default)]
    #[schemars(transform = pb_core::spec::position::<2>)]
    params: Vec<Value>,
    /// The statements that take it back, or `none`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    undo: Option<String>,
}

/// Nothing needs to be seen before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Facts {}

/// All statements of the text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Action {
    /// In one transaction.
    Run { first: String, statements: usize },
    /// One that the server takes outside of any transaction only.
    RunAlone { first: String, command: String },
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Run {
                first,
                statements: 1,
            } => write!(f, "run `{first}`"),
            Self::Run { first, statements } => {
                write!(f, "run {statements} statements, the first `{first}`")
            }
            Self::RunAlone { first, .. } => write!(f, "run `{first}` outside of any transaction"),
        }
    }
}

/// What the script gets.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Out {
    /// Rows that the statements affected, in all.
    rows: u64,
}

impl Primitive for Sql {
    type Args = Args;
    type Facts = Facts;
    type Action = Action;
    type Out = Out;

    const NAME: &'static str = "sql";
    const CLASS: Class = Class::Every;
    const DOC: &'static str = "\
Runs statements in a database: all of them or none.

The statements of a text run in one transaction of their own, or in that of the handle within `transaction`. A
statement that PostgreSQL takes outside of transactions only, such as VACUUM, stands alone. A lock is waited for ten
seconds, a statement runs fifteen minutes at most. Parameters take the types that the statement gives them. It runs
every time; what it does is undone only by the statements in `undo`. What destroys data, such as DROP TABLE, TRUNCATE or
DELETE without WHERE, is refused where `allow_destructive` does not reach, and without `undo` also where no point of
no return was passed.

# Shape
`#{ rows, changed, took }`: the rows affected by all statements together.

# Errors
PB0304 to PB0317 by what the server refused, with `sqlstate`, `statement`, `schema`, `table` and `constraint`;
PB0305 names who holds the lock. PB0213 and PB0214 for what destroys data. PB0335 when the connection broke between COMMIT and its answer and nobody can tell
what became of it.

# Effect
One transaction; reversible by `undo`.

# Source
PostgreSQL manual, 55.2.2.1 Multiple Statements in a Simple Query, and txid_status.";
    const EXAMPLE: &'static str = r#"sql(target.database, "UPDATE orders SET status = $1 WHERE status = $2", ["new", "open"], #{
    undo: "UPDATE orders SET status = 'open' WHERE status = 'new'",
});"#;

    async fn observe(&self, _: &Readers, _: &Args) -> Result<Facts> {
        Ok(Facts {})
    }

    fn decide(&self, args: &Args, _: &Facts) -> Result<Decision<Action>> {
        let statements = read_text(&args.text)?;
        let first = &statements[0];
        one_with_params(&statements, !args.params.is_empty())?;
        if let Some(undo) = undo_text(args) {
            read_text(undo)?;
        }
        let alone = alone_allowed(args.db.0.transaction.is_some(), &statements)?;
        let action = match alone {
            None => Action::Run {
                first: shown(first),
                statements: statements.len(),
            },
            Some(command) => Action::RunAlone {
                first: shown(first),
                command: command.to_owned(),
            },
        };
        Ok(Decision::in_order(vec![action]))
    }

    fn effect(&self, _: &Args, action: &Action) -> Effect {
        match action {
            Action::Run { .. } => Effect::Transaction,
            Action::RunAlone { .. } => Effect::Opaque,
        }
    }

    async fn act(
        &self,
        world: &World,
        permit: &Permit,
        args: &Args,
        action: &Action,
    ) -> Result<Value> {
        let (writer, read) = (world.of::<Postgres>(permit), world.read());
        let statements = read_text(&args.text)?;
        let rows = match action {
            Action::RunAlone { .. } => run::alone(writer, read, args, &statements[0]).await?,
            Action::Run { .. } => match writer.0.transactions.of(&args.db.0).await? {
                None => run::own_transaction(world, writer, args, &statements).await?,
                Some(mut open) => {
                    let ran = run::all(writer, read, args, &open.session, &statements).await;
                    ran.map_err(|met| met.into_failure_in(&mut open))?
                }
            },
        };
        Ok(json!({ "rows": rows }))
    }

    async fn settle(
        &self,
        read: &Readers,
        args: &Args,
        action: &Action,
        evidence: Option<&Value>,
    ) -> Result<Settled> {
        match (action, evidence) {
            // COMMIT is sent only when there is evidence.
            (Action::Run { .. }, None) => Ok(Settled::NotApplied),
            (Action::Run { .. }, Some(evidence)) => after_death(read, &args.db.0, evidence).await,
            (Action::RunAlone { .. }, _) => Ok(Settled::Unknown(String::new())),
        }
    }

    fn result(&self, _: &Args, _: &Facts, _: &Facts, outcomes: &[Value]) -> Result<Out> {
        let rows = outcomes
            .iter()
            .filter_map(|outcome| outcome["rows"].as_u64())
            .sum();
        Ok(Out { rows })
    }

    async fn survey(
        &self,
        read: &Readers,
        args: &Args,
        _: &Facts,
        _: &[&Action],
    ) -> Result<Survey> {
        let (file, text, done) = ("", args.text.as_str(), 0);
        survey(read, &args.db.0, None, &[Text { file, text, done }]).await
    }

    fn undo(&self, args: &Args, _: &Facts) -> Undo {
        match undo_text(args) {
            Some(text) => Undo::call::<Self>(&Args {
                // By the time it is undone the transaction is over.
                db: HandleOf::new(args.db.0.without_transaction()),
                text: text.to_owned(),
                params: vec![],
                undo: None,
            }),
            None if args.undo.is_some() => Undo::none("the playbook says `undo: \"none\"`"),
            None => Undo::none("it was given no `undo`"),
        }
    }

    fn subjects(&self, args: &Args) -> Vec<Subject> {
        vec![subject(&args.db)]
    }

    fn inspect(&self, known: &Map<String, Value>, stands: &Standing<'_>) -> Vec<Complaint> {
        let known = Known(known);
        if let Some(complaint) = misread(known) {
            return vec![complaint];
        }
        let destroyed = known.text("text").and_then(destroyed_by);
        let objection = destroyed.and_then(|what| objection(&what, "text", known, stands));
        objection.into_iter().collect()
    }

    fn summary(&self, _: &Args, out: &Value) -> String {
        match out["rows"].as_u64().unwrap_or(0) {
            1 => "1 row".into(),
            n => format!("{n} rows"),
        }
    }
}

/// What cannot run is told by its text.
fn misread(known: Known<'_>) -> Option<Complaint> {
    let refused = |name: &str, failure| Some(Complaint::of(failure).at(At::Argument(name.into())));
    if let Some(text) = known.text("text") {
        let statements = match read_text(text) {
            Ok(statements) => statements,
            Err(failure) => return refused("text", failure),
        };
        let some = known.0.get("params").and_then(Value::as_array);
        if let Err(failure) = one_with_params(&statements, some.is_some_and(|p| !p.is_empty())) {
            return refused("params", failure);
        }
        let db = known.0.get("db").and_then(Handle::of_value);
        let inside = db.is_some_and(|db| db.transaction.is_some());
        if let Err(failure) = alone_allowed(inside, &statements) {
            return refused("text", failure);
        }
    }
    let undo = known.text("undo").filter(|undo| *undo != "none")?;
    refused("undo", read_text(undo).err()?)
}

fn undo_text(args: &Args) -> Option<&str> {
    args.undo.as_deref().filter(|undo| *undo != "none")
}

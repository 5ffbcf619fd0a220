//! `sql`: statements of the playbook, all of them or none.

mod run;

use super::commit::after_death;
use super::database::{Database, subject};
use super::driver::Postgres;
use super::split::{Statement, split};
use super::transaction_control::{TransactionControl, needs_no_transaction, transaction_control};
use pb_core::{
    Class, Decision, Effect, Failure, HandleOf, Permit, Primitive, Readers, Result, Settled,
    Subject, Undo, World, code,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::fmt;

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
every time; what it does is undone only by the statements in `undo`.

# Shape
`#{ rows, changed, took }`: the rows affected by all statements together.

# Errors
PB0304 to PB0317 by what the server refused, with `sqlstate`, `statement`, `schema`, `table` and `constraint`;
PB0305 names who holds the lock. PB0335 when the connection broke between COMMIT and its answer and nobody can tell
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
        if statements.len() > 1 && !args.params.is_empty() {
            let message = format!(
                "`sql` was given parameters and {} statements",
                statements.len()
            );
            return Err(Failure::new(&code::WRONG_TYPE, message)
                .hint("call it once for each statement, in a `transaction`"));
        }
        if let Some(undo) = undo_text(args) {
            read_text(undo)?;
        }
        let alone = statements
            .iter()
            .find_map(|s| Some((s, needs_no_transaction(s)?)));
        let action = match alone {
            None => Action::Run {
                first: shown(first),
                statements: statements.len(),
            },
            Some((statement, command)) => {
                alone_allowed(args, statement, command, statements.len())?;
                let command = command.to_owned();
                Action::RunAlone {
                    first: shown(first),
                    command,
                }
            }
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

    fn summary(&self, _: &Args, out: &Value) -> String {
        match out["rows"].as_u64().unwrap_or(0) {
            1 => "1 row".into(),
            n => format!("{n} rows"),
        }
    }
}

fn undo_text(args: &Args) -> Option<&str> {
    args.undo.as_deref().filter(|undo| *undo != "none")
}

/// The statements of a text, which hold no transaction control: pb begins and ends what they run in.
fn read_text(text: &str) -> Result<Vec<Statement<'_>>> {
    let statements = split(text).map_err(|error| {
        let hint = error.hint();
        Failure::new(&code::SQL_SYNTAX, error.to_string()).hint(hint)
    })?;
    if statements.is_empty() {
        return Err(Failure::new(
            &code::SQL_SYNTAX,
            "`sql` was given no statement",
        ));
    }
    for statement in &statements {
        if let Some(control) = transaction_control(statement) {
            let message = format!("`sql` was given `{}`", shown(statement));
            let hint = match control {
                TransactionControl::Savepoint => "use `savepoint(tx, name, || …)`",
                _ => "use `transaction(db, |tx| …)`",
            };
            return Err(Failure::new(&code::NOT_ALLOWED_HERE, message).hint(hint));
        }
    }
    Ok(statements)
}

fn alone_allowed(args: &Args, statement: &Statement<'_>, command: &str, all: usize) -> Result<()> {
    let message = match (&args.db.0.transaction, all) {
        (Some(_), _) => format!("`{}` was called within a transaction", shown(statement)),
        (None, 2..) => format!("`{}` was called beside other statements", shown(statement)),
        (None, _) => return Ok(()),
    };
    let because = format!("the server refuses {command} in a transaction");
    Err(Failure::new(&code::NOT_ALLOWED_HERE, message)
        .because(because)
        .hint("call it in an `sql` of its own, outside of `transaction`"))
}

fn shown(statement: &Statement<'_>) -> String {
    let line = statement.text.lines().next().unwrap_or_default().trim_end();
    match line.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None if statement.text.trim_end() != line => format!("{line} …"),
        None => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pb_core::Handle;

    fn args(text: &str, more: Value) -> Args {
        let db = Handle {
            driver: "postgres".into(),
            name: "database".into(),
            config: serde_json::Map::new(),
            transaction: more["transaction"].as_str().map(Into::into),
        };
        let mut args = json!({ "db": db.to_value(), "text": text });
        for name in ["params", "undo"] {
            if !more[name].is_null() {
                args[name] = more[name].clone();
            }
        }
        serde_json::from_value(args).expect("the options have defaults")
    }

    fn plan(text: &str, more: Value) -> String {
        match Sql.decide(&args(text, more), &Facts {}) {
            Ok(Decision::Act(stages)) => stages[0][0][0].to_string(),
            Ok(other) => format!("{other:?}"),
            Err(failure) => {
                let hint = failure.hint.unwrap_or_default();
                format!("{} {} | {hint}", failure.code, failure.message)
            }
        }
    }

    #[test]
    fn the_plan_shows_what_runs() {
        let check = |text: &str, expect: &str| assert_eq!(plan(text, json!({})), expect);
        check("UPDATE t SET a = 1;", "run `UPDATE t SET a = 1`");
        check("-- why\nUPDATE t\nSET a = 1", "run `UPDATE t …`");
        check(
            "SELECT 1; SELECT 2",
            "run 2 statements, the first `SELECT 1`",
        );
        check("VACUUM t", "run `VACUUM t` outside of any transaction");
    }

    #[test]
    fn what_cannot_run_is_refused_before_anything_does() {
        let check = |text: &str, more: Value, expect: &str| assert_eq!(plan(text, more), expect);
        check("", json!({}), "PB0317 `sql` was given no statement | ");
        check(
            "BEGIN; SELECT 1; COMMIT",
            json!({}),
            "PB0010 `sql` was given `BEGIN` | use `transaction(db, |tx| …)`",
        );
        check(
            "SAVEPOINT a",
            json!({ "transaction": "tx1" }),
            "PB0010 `sql` was given `SAVEPOINT a` | use `savepoint(tx, name, || …)`",
        );
        check(
            "VACUUM",
            json!({ "transaction": "tx1" }),
            "PB0010 `VACUUM` was called within a transaction | \
             call it in an `sql` of its own, outside of `transaction`",
        );
        check(
            "SELECT 1; VACUUM",
            json!({}),
            "PB0010 `VACUUM` was called beside other statements | \
             call it in an `sql` of its own, outside of `transaction`",
        );
        check(
            "SELECT $1; SELECT 2",
            json!({ "params": [1] }),
            "PB0208 `sql` was given parameters and 2 statements | \
             call it once for each statement, in a `transaction`",
        );
        check(
            "SELECT 1",
            json!({ "undo": "COMMIT" }),
            "PB0010 `sql` was given `COMMIT` | use `transaction(db, |tx| …)`",
        );
    }

    #[test]
    fn undo_is_a_call_outside_of_the_transaction() {
        let more = json!({ "undo": "DELETE FROM t", "transaction": "tx1", "params": [1] });
        let undo = Sql.undo(&args("INSERT INTO t VALUES ($1)", more), &Facts {});
        let expect = Undo::call::<Sql>(&args("DELETE FROM t", json!({})));
        assert_eq!(undo, expect);
        let none = Sql.undo(&args("SELECT 1", json!({ "undo": "none" })), &Facts {});
        assert_eq!(none, Undo::none("the playbook says `undo: \"none\"`"));
        let missing = Sql.undo(&args("SELECT 1", json!({})), &Facts {});
        assert_eq!(missing, Undo::none("it was given no `undo`"));
    }
}

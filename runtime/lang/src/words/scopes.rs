//! `savepoint`, `optional`, `point_of_no_return`, `allow_destructive`, and brackets such as `transaction`.

use super::word::{Group, Made, Takes, Word};
use super::{closure, options, text};
use crate::calls::{self, raw};
use crate::session::Session;
use crate::values::HandleValue;
use pb_core::run::{Scope, ScopeKind};
use pb_core::spec::Field;
use pb_core::{CallError, Failure, code};
use rhai::{Dynamic, Engine, NativeCallContext};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;

/// How often a transaction that lost against another one is run again.
const TRANSACTION_ATTEMPTS: u32 = 5;

pub(super) const SAVEPOINT: Word = Word {
    name: "savepoint",
    group: Group::Scopes,
    takes: &[
        Takes::Value("name"),
        Takes::Options(Field::all_of::<SavepointOptions>),
        Takes::Closure,
    ],
    doc: "\
Runs its closure and gives what that gives; when it throws, what was done inside is undone, newest first.

Then the error goes on. Within a transaction it is a savepoint of the database, and takes the handle that
`transaction` gives: `savepoint(tx, name, f)` (see `sql_savepoint`).",
    example: r#"
savepoint("release", || {
    migrate(target.database, "migrations");
    swap_container("web-1", #{ image: "shop:2.0", router: target.router });
});
"#,
    made: Made::Function(savepoint),
};

pub(super) const OPTIONAL: Word = Word {
    name: "optional",
    group: Group::Scopes,
    takes: &[Takes::Value("name"), Takes::Closure],
    doc: "\
Runs its closure, which may fail: then what was done inside is undone, and the run goes on with `()`.

The report says so. What could not be undone is no longer optional: then the error goes on.",
    example: r#"optional("warm the cache", || http_get(`${target.url}/warm`));"#,
    made: Made::Function(optional),
};

pub(super) const POINT_OF_NO_RETURN: Word = Word {
    name: "point_of_no_return",
    group: Group::Scopes,
    takes: &[Takes::Value("why")],
    doc: "\
From here on nothing that was done before it, in its branch and around it, is undone.

What comes after still is. It stands before what cannot be taken back. A step that destroys data needs it, and
`allow_destructive` besides.",
    example: r#"
point_of_no_return("the old column is dropped");
allow_destructive("nothing has read it since 2.0");
sql(target.database, "ALTER TABLE orders DROP COLUMN note_old");
"#,
    made: Made::Function(point_of_no_return),
};

pub(super) const ALLOW_DESTRUCTIVE: Word = Word {
    name: "allow_destructive",
    group: Group::Scopes,
    takes: &[Takes::Value("why")],
    doc: "From here to the end of its savepoint, branch or run, what is called may destroy data.

Statements such as `DROP TABLE`, `TRUNCATE` and `DELETE` without WHERE, and commands such as `manage.py flush` and `dropdb`, are
refused anywhere else (PB0213). The reason is recorded with the run. What has no `undo` needs a `point_of_no_return` as well.",
    example: r#"
point_of_no_return("the sessions of the old release are thrown away");
allow_destructive("everybody logs in again after 2.0");
sql(target.database, "TRUNCATE sessions");
"#,
    made: Made::Function(allow_destructive),
};

#[derive(Serialize, Deserialize, JsonSchema, Default, PartialEq)]
#[serde(rename_all = "snake_case")]
enum OnFail {
    /// What was done inside is undone.
    #[default]
    Undo,
    /// What was done inside stays.
    Freeze,
}

#[derive(Deserialize, JsonSchema)]
struct SavepointOptions {
    /// What happens to what was done inside when the body throws.
    #[serde(default)]
    on_fail: OnFail,
}

/// `transaction` and the like, which the registry declares.
pub(super) fn brackets(engine: &mut Engine, session: &Arc<Session>) {
    // `savepoint` on a transaction is a bracket of its own; its name is the word's.
    for name in session
        .run
        .registry()
        .brackets
        .keys()
        .copied()
        .filter(|name| *name != TX_SAVEPOINT)
    {
        for arity in [1, 2, 3] {
            let session = session.clone();
            raw(engine, name, arity, move |context, args| {
                let result = bracket(&session, &context, name, args);
                session.raised(result, &context)
            });
        }
    }
}

/// The bracket behind `savepoint(tx, name, f)` (see `sql_savepoint`).
const TX_SAVEPOINT: &str = "sql_savepoint";

fn savepoint(
    session: &Session,
    context: &NativeCallContext<'_>,
    mut args: Vec<Dynamic>,
) -> Result<Dynamic, CallError> {
    if args[0].is::<HandleValue>() {
        return bracket(session, context, TX_SAVEPOINT, args);
    }
    let body = closure("savepoint", &mut args)?;
    let name = text("savepoint", "name", args.first())?;
    let options: SavepointOptions = options("savepoint", args.get(1))?;
    let kind = if options.on_fail == OnFail::Freeze {
        ScopeKind::Freeze
    } else {
        ScopeKind::Savepoint
    };
    let around = session.scope(context);
    refuse_in_transaction(&around, "savepoint")?;
    let scope = session.run.open_scope(&around, "savepoint", &name, kind);
    let result = session.closure(context, &body, &scope, vec![]);
    close(session, &scope, "savepoint", result)
}

fn optional(
    session: &Session,
    context: &NativeCallContext<'_>,
    mut args: Vec<Dynamic>,
) -> Result<Dynamic, CallError> {
    let body = closure("optional", &mut args)?;
    let name = text("optional", "name", args.first())?;
    let around = session.scope(context);
    refuse_in_transaction(&around, "optional")?;
    let scope = session
        .run
        .open_scope(&around, "optional", &name, ScopeKind::Savepoint);
    let result = session.closure(context, &body, &scope, vec![]);
    match close(session, &scope, "optional", result) {
        // What could not be undone is no longer optional.
        Err(CallError::Failed(failure)) if !failure.frozen => {
            session
                .run
                .note(&scope, &format!("optional `{name}` failed: {failure}"));
            Ok(Dynamic::UNIT)
        }
        other => other,
    }
}

fn point_of_no_return(
    session: &Session,
    context: &NativeCallContext<'_>,
    args: Vec<Dynamic>,
) -> Result<Dynamic, CallError> {
    let why = text("point_of_no_return", "why", args.first())?;
    session.remark(context, why.clone());
    session.wait(
        session
            .run
            .point_of_no_return(&session.scope(context), &why),
    )?;
    Ok(Dynamic::UNIT)
}

fn allow_destructive(
    session: &Session,
    context: &NativeCallContext<'_>,
    args: Vec<Dynamic>,
) -> Result<Dynamic, CallError> {
    let why = text("allow_destructive", "why", args.first())?;
    session.remark(context, why.clone());
    session.run.allow_destructive(&session.scope(context), &why);
    Ok(Dynamic::UNIT)
}

/// Ends a scope with what its body came to.
pub(super) fn close<T>(
    session: &Session,
    scope: &Scope,
    word: &str,
    result: Result<T, CallError>,
) -> Result<T, CallError> {
    match result {
        Ok(value) => {
            session.wait(session.run.close_scope(scope, word, None))?;
            Ok(value)
        }
        Err(CallError::Failed(mut failure)) => {
            session.wait(session.run.close_scope(scope, word, Some(&mut failure)))?;
            Err(CallError::Failed(failure))
        }
        Err(other) => Err(other),
    }
}

pub(super) fn refuse_in_transaction(scope: &Scope, word: &str) -> Result<(), Failure> {
    if !scope.in_transaction() {
        return Ok(());
    }
    Err(Failure::new(
        &code::NOT_ALLOWED_HERE,
        format!("`{word}` has no place within a transaction"),
    )
    .because(
        "the database rolls a transaction back as a whole; within it use `savepoint(tx, name, f)`",
    ))
}

/// Enters, runs the closure with what was given, leaves; again when the transaction lost against another one.
fn bracket(
    session: &Session,
    context: &NativeCallContext<'_>,
    name: &str,
    mut args: Vec<Dynamic>,
) -> Result<Dynamic, CallError> {
    let registry = session.run.registry();
    let Some(declared) = registry.brackets.get(name) else {
        return Err(Failure::new(
            &code::UNKNOWN_FUNCTION,
            format!("there is no `{name}` here"),
        )
        .into());
    };
    let word = declared.word();
    let body = closure(word, &mut args)?;
    let mut named = calls::arguments(word, declared.fields(), args)?;
    calls::complete(session, context, word, declared.fields(), &mut named)?;
    let around = session.scope(context);
    let nested = around.in_transaction();
    let mut attempt = 1;
    loop {
        let site = vec![session.site(context)];
        let entered = session.wait(session.run.enter(
            &around,
            name,
            Value::Object(named.clone()),
            site,
        ))?;
        let given = crate::convert::to_dynamic(&entered.value);
        let given = if name == TX_SAVEPOINT {
            vec![]
        } else {
            vec![given]
        };
        let result = session.closure(context, &body, &entered.scope, given);
        let json = match &result {
            Ok(value) => crate::convert::to_json(&format!("the value of `{name}`"), value)
                .map_err(CallError::from),
            Err(error) => Err(error.clone()),
        };
        let error = match session.wait(session.run.leave(entered, json)) {
            Ok(_) => return result,
            Err(error) => error,
        };
        match &error {
            CallError::Failed(failure)
                if failure.retryable && !nested && attempt < TRANSACTION_ATTEMPTS =>
            {
                let wait = Duration::from_millis(20 << attempt);
                session.wait(session.run.clock().sleep(wait));
                attempt += 1;
            }
            _ => return Err(error),
        }
    }
}

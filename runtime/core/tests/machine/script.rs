//! What the language would do: calls, scopes and brackets, as a test writes them.

use crate::driver::handle;
use pb_core::run::{Common, Request, Run, Scope, ScopeKind};
use pb_core::{CallError, Failure, Result, Site as Place, code};
use serde_json::{Value, json};
use std::future::Future;

/// A call without options.
pub(crate) async fn call(
    run: &Run,
    scope: &Scope,
    name: &str,
    args: Value,
) -> Result<Value, CallError> {
    call_with(run, scope, name, args, json!({})).await
}

/// A call with common options.
pub(crate) async fn call_with(
    run: &Run,
    scope: &Scope,
    name: &str,
    args: Value,
    common: Value,
) -> Result<Value, CallError> {
    let common: Common = serde_json::from_value(common).expect("common options");
    let site = vec![Place {
        file: "test.rhai".into(),
        line: 3,
        column: 5,
        call: String::new(),
    }];
    let name = name.to_owned();
    run.call(
        scope,
        Request {
            name,
            args,
            common,
            site,
        },
    )
    .await
}

/// Sets one thing.
pub(crate) async fn set(
    run: &Run,
    scope: &Scope,
    name: &str,
    is: &str,
) -> Result<Value, CallError> {
    call(run, scope, "set", json!({ "things": { name: is } })).await
}

/// Adds to a thing, with a way back.
pub(crate) async fn add(
    run: &Run,
    scope: &Scope,
    name: &str,
    what: &str,
) -> Result<Value, CallError> {
    let args = json!({ "name": name, "what": what, "effect": "opaque", "undo": true });
    call(run, scope, "add", args).await
}

/// What a script throws.
pub(crate) fn thrown(message: &str) -> CallError {
    Failure::new(&code::THROWN, message).into()
}

/// A scope with a body, closed as the language does.
pub(crate) async fn within<F>(
    run: &Run,
    around: &Scope,
    name: &str,
    kind: ScopeKind,
    body: impl FnOnce(Scope) -> F,
) -> Result<Value, CallError>
where
    F: Future<Output = Result<Value, CallError>>,
{
    let scope = run.open_scope(around, "savepoint", name, kind);
    let result = body(scope.clone()).await;
    close(run, &scope, result).await
}

/// Ends a scope as the language does.
pub(crate) async fn close<T>(
    run: &Run,
    scope: &Scope,
    result: Result<T, CallError>,
) -> Result<T, CallError> {
    match result {
        Ok(value) => run
            .close_scope(scope, "savepoint", None)
            .await
            .map(|()| value),
        Err(CallError::Failed(mut failure)) => {
            run.close_scope(scope, "savepoint", Some(&mut failure))
                .await?;
            Err(CallError::Failed(failure))
        }
        Err(other) => Err(other),
    }
}

/// A transaction with a body that is given its handle.
pub(crate) async fn transaction<F>(
    run: &Run,
    around: &Scope,
    body: impl FnOnce(Scope, Value) -> F,
) -> Result<Value, CallError>
where
    F: Future<Output = Result<Value, CallError>>,
{
    bracket(run, around, "transaction", handle("db", None), body).await
}

/// A bracket with a body that is given its value.
pub(crate) async fn bracket<F>(
    run: &Run,
    around: &Scope,
    name: &str,
    db: Value,
    body: impl FnOnce(Scope, Value) -> F,
) -> Result<Value, CallError>
where
    F: Future<Output = Result<Value, CallError>>,
{
    let entered = run.enter(around, name, json!({ "db": db }), vec![]).await?;
    let result = body(entered.scope.clone(), entered.value.clone()).await;
    run.leave(entered, result).await
}

//! A playbook of some forty steps, of every kind, for tests that kill it.

use crate::driver::handle;
use crate::script::{add, bracket, call, call_with, close, set, thrown, transaction, within};
use pb_core::CallError;
use pb_core::run::{Run, Scope, ScopeKind};
use serde_json::{Value, json};

/// What stands before it runs.
pub(crate) const BEFORE: &str = "a=1 b=1 c=1 ready=yes w1=1 w2=1 w3=1 x=1 y=1";
/// And afterwards.
pub(crate) const AFTER: &str =
    "a=3 b=2 c=1 chat=m1. log=l1.l2. ready=yes sum=t1.t2.s1. t=8 w1=2 w2=2 w3=2 x=2 y=2 z1=9 z2=9";

/// Runs it to its end; `fails` makes the last step fail, so that everything is undone.
pub(crate) async fn play(run: Run, fails: bool) -> Result<Value, CallError> {
    let root = run.root().clone();
    let now = run.read(&root, "now", async || Ok(json!("12:00"))).await?;
    assert_eq!(now, "12:00");
    let (by, yes) = run.decide(&root, "go?", |_| ("dana".into(), true)).await?;
    assert_eq!((by.as_str(), yes), ("dana", true));
    waits(&run, &root).await?;
    set(&run, &root, "a", "2").await?;
    add(&run, &root, "log", "l1.").await?;
    let looked = call(&run, &root, "look", json!({ "name": "a" })).await?;
    assert_eq!(looked["is"], "2", "as it was then");
    set(&run, &root, "a", "3").await?;
    several(&run, &root).await?;
    transactions(&run, &root).await?;
    caught(&run, &root).await?;
    fan_out(&run, &root).await?;
    repeated(&run, &root).await?;
    waits(&run, &root).await?;
    let last = async |scope: Scope| {
        set(&run, &scope, "b", "2").await?;
        let message = json!({ "name": "chat", "what": "m1.", "effect": "notify" });
        call(&run, &scope, "add", message).await?;
        if fails {
            return Err(thrown("it is not good enough"));
        }
        Ok(Value::Null)
    };
    within(&run, &root, "last", ScopeKind::Savepoint, last).await
}

async fn waits(run: &Run, scope: &Scope) -> Result<Value, CallError> {
    let args = json!({ "name": "ready", "is": "yes", "deadline": "10s" });
    call(run, scope, "await", args).await
}

/// Steps of several actions: in a row, in stages, at the same time.
async fn several(run: &Run, root: &Scope) -> Result<(), CallError> {
    for (shape, things) in [
        ("row", json!({ "x": "2", "y": "2" })),
        ("lanes", json!({ "z1": "8", "z2": "8" })),
        ("stages", json!({ "z1": "9", "z2": "9" })),
    ] {
        let args = json!({ "things": things, "shape": shape });
        call(run, root, "set", args).await?;
    }
    Ok(())
}

/// One that commits, with a part of it that fails; one that is rolled back.
async fn transactions(run: &Run, root: &Scope) -> Result<(), CallError> {
    let add_in = async |scope: &Scope, db: Value, what: &str| {
        let args = json!({
            "name": "sum", "what": what, "effect": "transaction", "undo": true, "db": db,
        });
        call(run, scope, "add", args).await
    };
    transaction(run, root, async |scope, tx| {
        add_in(&scope, tx.clone(), "t1.").await?;
        add_in(&scope, tx.clone(), "t2.").await?;
        let part = bracket(run, &scope, "part", tx, async |_, _| {
            Err(thrown("not that"))
        })
        .await;
        failed_with(part, "not that")?;
        Ok(json!("both"))
    })
    .await?;
    let lost = transaction(run, root, async |scope, tx| {
        add_in(&scope, tx, "no.").await?;
        Err(thrown("rather not"))
    })
    .await;
    failed_with(lost, "rather not")?;
    let args = json!({
        "name": "sum", "what": "s1.", "effect": "transaction", "undo": true, "db": handle("db", None),
    });
    call(run, root, "add", args).await?;
    Ok(())
}

/// A savepoint whose error the script catches: what it did is undone, and the script goes on.
async fn caught(run: &Run, root: &Scope) -> Result<(), CallError> {
    let body = async |scope: Scope| {
        set(run, &scope, "c", "2").await?;
        add(run, &scope, "log", "gone.").await?;
        within(run, &scope, "inner", ScopeKind::Savepoint, async |inner| {
            set(run, &inner, "c", "3").await
        })
        .await?;
        Err(thrown("try again"))
    };
    let result = within(run, root, "caught", ScopeKind::Savepoint, body).await;
    failed_with(result, "try again")
}

/// Three members, two at a time; one fails at first and is tolerated, and is set again later.
async fn fan_out(run: &Run, root: &Scope) -> Result<(), CallError> {
    let fan_out = run.open_fan_out(root, "rolling", 3, 2);
    let member = async |id: &str, fails: bool| {
        let scope = run.open_branch(&fan_out, id);
        let result = async {
            set(run, &scope, id, "2").await?;
            let looked = call(run, &scope, "look", json!({ "name": id })).await?;
            if fails {
                return Err(thrown("a bad member"));
            }
            Ok(looked)
        };
        let result = result.await;
        close(run, &scope, result).await
    };
    let (one, two) = futures_util::future::join(member("w1", false), member("w2", true)).await;
    one?;
    failed_with(two, "a bad member")?;
    member("w3", false).await?;
    run.last_look(&fan_out).await?;
    run.close_scope(&fan_out, "rolling", None).await?;
    set(run, root, "w2", "2").await?;
    Ok(())
}

/// A call that fails at first and is made again; points of no return stay where they are.
async fn repeated(run: &Run, root: &Scope) -> Result<(), CallError> {
    let again = json!({ "retry": { "attempts": 2 } });
    call_with(run, root, "set", json!({ "things": { "t": "8" } }), again).await?;
    add(run, root, "log", "l2.").await?;
    Ok(())
}

fn failed_with<T: std::fmt::Debug>(
    result: Result<T, CallError>,
    message: &str,
) -> Result<(), CallError> {
    match result {
        Err(CallError::Failed(failure)) if failure.message == message => Ok(()),
        Err(other) => Err(other),
        Ok(value) => panic!("it gave {value:?}"),
    }
}

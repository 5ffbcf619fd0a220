//! Transactions: sealed before COMMIT, nothing written per action, nothing to undo once rolled back.

use crate::driver::handle;
use crate::log::Log;
use crate::script::{add, bracket, call, call_with, thrown, transaction};
use crate::site::Trouble;
use crate::stage::{Stage, ended, state};
use pb_core::journal::{Body, Recorded};
use pb_core::run::{Run, Scope};
use pb_core::{CallError, Result, Undo};
use serde_json::{Value, json};

async fn add_in(run: &Run, scope: &Scope, tx: &Value, name: &str) -> Result<Value, CallError> {
    let args =
        json!({ "name": name, "what": "x", "effect": "transaction", "undo": true, "db": tx });
    call(run, scope, "add", args).await
}

async fn two(run: Run, scope: Scope, tx: Value) -> Result<Value, CallError> {
    add_in(&run, &scope, &tx, "a").await?;
    add_in(&run, &scope, &tx, "b").await?;
    Ok(json!("value"))
}

fn without_looks(log: &Log) -> Vec<String> {
    let lines = log.lines().into_iter();
    lines.filter(|line| !line.contains("identity")).collect()
}

#[test]
fn everything_in_it_is_one_record_that_is_durable_before_the_commit() {
    let stage = Stage::new();
    let finished = stage.play(|run| async move {
        transaction(&run, run.root(), |scope, tx| two(run.clone(), scope, tx)).await
    });
    assert_eq!(
        (ended(&finished).as_str(), &finished.value),
        ("done", &json!("value"))
    );
    assert_eq!(stage.site.all(), "a=x b=x");
    assert_eq!(
        without_looks(&stage.log),
        [
            "durable run_open",
            "durable intent /transaction#1 0",
            "world begin",
            "world add_in a x",
            "world add_in b x",
            "world evidence",
            "durable tx_result /transaction#1 [/transaction#1/add#1 /transaction#1/add#2]",
            "world commit",
            "durable outcome /transaction#1 0 ok",
            "durable run_close Done",
        ]
    );
    let sealed = stage
        .store
        .records()
        .into_iter()
        .find_map(|record| match record.body {
            Body::TxResult {
                steps,
                value,
                evidence,
                ..
            } => Some((steps, value, evidence)),
            _ => None,
        });
    let (steps, value, evidence) = sealed.expect("a sealed transaction");
    assert_eq!((value, evidence), (json!("value"), json!("tx1")));
    assert_eq!(steps[0].value["added"], "x");
    let Undo::Call { args, .. } = &steps[0].undo else {
        panic!("it has a way back");
    };
    assert_eq!(
        args["db"],
        handle("db", None),
        "for a time when the transaction is over"
    );
}

#[test]
fn a_committed_transaction_is_undone_step_by_step() {
    let stage = Stage::new();
    let finished = stage.play(|run| async move {
        add(&run, run.root(), "first", "x").await?;
        transaction(&run, run.root(), |scope, tx| two(run.clone(), scope, tx)).await?;
        Err(thrown("no"))
    });
    assert_eq!(ended(&finished), "undone thrown");
    assert_eq!(stage.undone(), ["add b", "add a", "add first"]);
    assert_eq!(stage.site.all(), "");
}

#[test]
fn one_that_was_rolled_back_leaves_nothing_to_undo() {
    let stage = Stage::new();
    let finished = stage.play(|run| async move {
        transaction(&run, run.root(), |scope, tx| async {
            two(run.clone(), scope, tx).await?;
            Err(thrown("no"))
        })
        .await
    });
    assert_eq!(ended(&finished), "undone thrown");
    assert!(!finished.acted);
    assert_eq!(state(&finished), ["nothing was changed"]);
    assert!(stage.undone().is_empty());
    assert_eq!(
        (stage.site.all().as_str(), stage.site.open_transactions()),
        ("", 0)
    );
    let sealed = |record: &Recorded| match &record.body {
        Body::TxResult { evidence, .. } => !evidence.is_null(),
        _ => false,
    };
    assert!(!stage.store.records().iter().any(sealed));
}

#[test]
fn a_step_that_fails_in_it_is_rolled_back_with_it_and_not_undone_by_itself() {
    for trouble in Trouble::ALL {
        let stage = Stage::new();
        stage.site.trouble("add_in a", 1, trouble);
        let finished = stage.play(|run| async move {
            transaction(&run, run.root(), |scope, tx| {
                let run = run.clone();
                async move {
                    let args = json!({ "name": "a", "what": "x", "effect": "transaction",
                        "undo": true, "db": tx });
                    call_with(&run, &scope, "add", args, json!({ "timeout": "1s" })).await
                }
            })
            .await
        });
        assert!(
            ended(&finished).starts_with("undone"),
            "{trouble:?}: {}",
            ended(&finished)
        );
        assert_eq!(state(&finished), ["nothing was changed"], "{trouble:?}");
        assert!(!finished.failure.expect("a failure").doubt, "{trouble:?}");
        assert!(stage.undone().is_empty(), "{trouble:?}");
        assert_eq!(
            (stage.site.all().as_str(), stage.site.open_transactions()),
            ("", 0)
        );
        assert_eq!(
            stage.log.of("durable intent"),
            ["/transaction#1 0"],
            "{trouble:?}"
        );
    }
}

#[test]
fn one_that_cannot_be_sealed_is_rolled_back() {
    for trouble in [Trouble::Refused, Trouble::LostAfter] {
        let stage = Stage::new();
        stage.site.trouble("evidence", 1, trouble);
        let finished = stage.play(|run| async move {
            transaction(&run, run.root(), |scope, tx| two(run.clone(), scope, tx)).await
        });
        assert!(finished.failure.is_some());
        assert!(stage.log.of("world commit").is_empty());
        assert_eq!(
            (stage.site.all().as_str(), stage.site.open_transactions()),
            ("", 0)
        );
        assert_eq!(stage.log.of("durable outcome"), ["/transaction#1 0 error"]);
    }
}

#[test]
fn a_refused_commit_changed_nothing_and_one_in_doubt_needs_a_person() {
    let cases = [
        (Trouble::Refused, "undone permission", ""),
        (Trouble::LostBefore, "failed connection_lost", ""),
        (Trouble::LostAfter, "failed connection_lost", "a=x b=x"),
    ];
    for (trouble, how, things) in cases {
        let stage = Stage::new();
        stage.site.trouble("commit", 1, trouble);
        let finished = stage.play(|run| async move {
            transaction(&run, run.root(), |scope, tx| two(run.clone(), scope, tx)).await
        });
        assert_eq!(ended(&finished), how, "{trouble:?}");
        assert_eq!(stage.site.all(), things, "{trouble:?}");
        assert_eq!(finished.acted, trouble != Trouble::Refused, "{trouble:?}");
        assert!(stage.undone().is_empty(), "{trouble:?}");
    }
}

#[test]
fn one_that_cannot_begin_fails_like_a_step() {
    let stage = Stage::new();
    stage.site.trouble("begin", 1, Trouble::Refused);
    let finished = stage.play(|run| async move {
        transaction(&run, run.root(), |_, _| async { panic!("it never began") }).await
    });
    assert_eq!(ended(&finished), "undone permission");
    assert_eq!(
        finished.failure.and_then(|failure| failure.step).as_deref(),
        Some("/transaction#1")
    );
}

#[test]
fn within_it_only_calls_on_it_have_a_place() {
    let stage = Stage::new();
    let finished = stage.play(|run| async move {
        let tx = transaction(&run, run.root(), |scope, tx| {
            let run = run.clone();
            async move {
                let outside = call(&run, &scope, "set", json!({ "things": { "a": "1" } })).await;
                assert_eq!(kind(outside), "not_allowed_here");
                let other = transaction(&run, &scope, |_, _| async { Ok(Value::Null) }).await;
                assert_eq!(kind(other), "not_allowed_here");
                Ok(tx)
            }
        })
        .await?;
        add_in(&run, run.root(), &tx, "a").await
    });
    assert_eq!(
        ended(&finished),
        "undone not_allowed_here",
        "nor its handle after it"
    );
    assert_eq!(stage.site.all(), "");
}

fn kind(result: Result<Value, CallError>) -> String {
    match result {
        Err(CallError::Failed(failure)) => failure.kind,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_its_parts_gave_is_in_its_record_also_when_a_part_was_rolled_back() {
    let stage = Stage::new();
    let finished = stage.play(|run| async move {
        transaction(&run, run.root(), |scope, tx| {
            let run = run.clone();
            async move {
                add_in(&run, &scope, &tx, "a").await?;
                bracket(&run, &scope, "part", tx.clone(), |part, tx| {
                    let run = run.clone();
                    async move { add_in(&run, &part, &tx, "b").await }
                })
                .await?;
                let failed = bracket(&run, &scope, "part", tx.clone(), |part, tx| {
                    let run = run.clone();
                    async move {
                        add_in(&run, &part, &tx, "c").await?;
                        Err(thrown("caught"))
                    }
                })
                .await;
                assert!(failed.is_err());
                Ok(Value::Null)
            }
        })
        .await?;
        Err(thrown("no"))
    });
    assert_eq!(ended(&finished), "undone thrown");
    assert_eq!(
        stage.undone(),
        ["add b", "add a"],
        "the part that was rolled back is not undone"
    );
    let t = "/transaction#1";
    assert_eq!(
        stage.log.of("durable tx_result"),
        [format!("{t} [{t}/add#1 {t}/part#1/add#1 {t}/part#2/add#1]")]
    );
    let rolled_back = stage
        .store
        .records()
        .into_iter()
        .find_map(|record| match record.body {
            Body::TxResult { steps, .. } => Some(steps[2].undo.clone()),
            _ => None,
        });
    assert_eq!(rolled_back, Some(Undo::none("it was rolled back")));
    assert_eq!(
        stage.log.of("durable intent").len(),
        3,
        "the transaction, and two undos"
    );
}

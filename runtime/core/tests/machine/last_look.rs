//! The last look of a rolling: every member is still as its branch left it, or the run does not end well.

use crate::script::{close, set};
use crate::stage::{Stage, ended};
use pb_core::CallError;
use pb_core::run::Run;
use serde_json::Value;

async fn rolling(run: &Run, stage: &Stage, drift: &[&str]) -> Result<Value, CallError> {
    let fan_out = run.open_fan_out(run.root(), "rolling", 3, 1);
    for member in ["web-1", "web-2", "web-3"] {
        let branch = run.open_branch(&fan_out, member);
        // Twice: only what was wanted last counts.
        set(run, &branch, member, "half").await?;
        let result = set(run, &branch, member, "2.0").await;
        close(run, &branch, result).await?;
    }
    for member in drift {
        stage.site.put(member, "1.9");
    }
    let result = run.last_look(&fan_out).await.map(|()| Value::Null);
    close(run, &fan_out, result).await
}

#[test]
fn members_that_stand_are_looked_at_once_each() {
    let stage = Stage::new();
    let finished = stage.play(|run| {
        let stage = &stage;
        async move { rolling(&run, stage, &[]).await }
    });
    assert_eq!(ended(&finished), "done");
    // Before and after acting, twice; and the last look.
    assert_eq!(stage.log.of("world look web-2").len(), 5);
}

#[test]
fn drifted_members_are_named_and_everything_is_undone() {
    let stage = Stage::new();
    let finished = stage.play(|run| {
        let stage = &stage;
        async move { rolling(&run, stage, &["web-1", "web-3"]).await }
    });
    assert_eq!(ended(&finished), "undone last_look");
    let failure = finished.failure.expect("a failure");
    assert_eq!(
        failure.message,
        "2 of the members are not as the run left them"
    );
    assert_eq!(
        failure.because,
        ["`web-3`: set web-3 to `2.0`", "`web-1`: set web-1 to `2.0`"]
    );
    assert_eq!(stage.site.all(), "");
}

#[test]
fn what_was_undone_is_not_looked_at() {
    let stage = Stage::new();
    let finished = stage.play(|run| async move {
        let fan_out = run.open_fan_out(run.root(), "rolling", 1, 1);
        let branch = run.open_branch(&fan_out, "web-1");
        set(&run, &branch, "web-1", "2.0").await?;
        let failed: Result<Value, _> = Err(crate::script::thrown("tolerated"));
        assert!(close(&run, &branch, failed).await.is_err());
        run.last_look(&fan_out).await?;
        close(&run, &fan_out, Ok(Value::Null)).await
    });
    assert_eq!(ended(&finished), "done");
}

//! Before the first effect on a server it is written down who it is, once.

use crate::driver::handle;
use crate::script::{call, call_with, transaction};
use crate::site::Trouble;
use crate::stage::{Stage, ended};
use futures_util::future::join;
use serde_json::{Value, json};

fn on(db: &str, thing: &str) -> Value {
    json!({ "things": { thing: "x" }, "db": handle(db, None) })
}

#[test]
fn an_identity_is_durable_before_the_first_intent_and_asked_for_once() {
    let stage = Stage::new();
    stage.play(|run| async move {
        call(&run, run.root(), "set", on("db", "a")).await?;
        call(&run, run.root(), "set", on("db", "b")).await?;
        call(&run, run.root(), "set", on("other", "c")).await
    });
    assert_eq!(stage.log.of("durable identity"), ["db", "other"]);
    assert_eq!(stage.log.of("world identity").len(), 2);
    assert!(stage.log.at("durable identity") < stage.log.at("durable intent"));
}

#[test]
fn who_cannot_be_asked_is_asked_again_before_anything_is_done() {
    let stage = Stage::new();
    stage.site.trouble("identity db", 1, Trouble::Refused);
    let common = json!({ "retry": { "attempts": 2 } });
    let finished = stage
        .play(|run| async move { call_with(&run, run.root(), "set", on("db", "a"), common).await });
    assert_eq!(ended(&finished), "done");
    assert_eq!(stage.log.of("durable identity"), ["db"]);
    assert!(stage.log.at("durable identity") < stage.log.at("durable intent"));
}

#[test]
fn branches_that_begin_together_wait_for_the_one_answer() {
    let stage = Stage::new();
    stage.play(|run| async move {
        let one = call(&run, run.root(), "set", on("db", "a"));
        let two = call(&run, run.root(), "set", on("db", "b"));
        let (one, two) = join(one, two).await;
        one.and(two)
    });
    assert_eq!(stage.log.of("world identity").len(), 1);
    assert_eq!(stage.log.of("durable identity"), ["db"]);
    assert!(stage.log.at("durable identity") < stage.log.at("durable intent"));
}

#[test]
fn nothing_is_asked_for_a_step_that_does_nothing() {
    let stage = Stage::new();
    stage.site.put("a", "x");
    stage.play(|run| async move { call(&run, run.root(), "set", on("db", "a")).await });
    assert!(stage.log.of("world identity").is_empty());
}

#[test]
fn a_transaction_binds_its_server_too() {
    let stage = Stage::new();
    stage.play(|run| async move {
        transaction(&run, run.root(), |_, _| async { Ok(Value::Null) }).await
    });
    assert_eq!(stage.log.of("durable identity"), ["db"]);
    assert!(stage.log.at("durable identity") < stage.log.at("durable intent"));
}

//! What becomes of programs that nobody waits for any more: nothing of them is left.

use super::folder::Folder;
use crate::stage::{Called, Stage};
use pb_core::cancel::Level;
use pb_core::code;
use serde_json::json;
use std::path::Path;
use std::time::{Duration, Instant};

/// Starts a child of its own, says both ids in a file, and neither hears the end of its terminal nor TERM.
const STUBBORN: &str = "trap '' TERM HUP INT; sleep 61 & echo $$ $! > ids; sleep 62; sleep 63";

/// Waits for a condition, and says what it was when it does not come.
async fn until(what: &str, condition: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(5);
    while !condition() {
        assert!(Instant::now() < end, "{what} did not happen");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn ids(folder: &Folder) -> Vec<String> {
    let text = folder.read("ids").unwrap_or_default();
    text.split_whitespace().map(Into::into).collect()
}

/// Whether a process is there, other than as the remains of one.
fn lives(id: &String) -> bool {
    let status = std::fs::read_to_string(Path::new("/proc").join(id).join("stat"));
    status.is_ok_and(|status| !status.contains(") Z "))
}

async fn nothing_is_left(folder: &Folder) {
    let ids = ids(folder);
    assert_eq!(ids.len(), 2, "it had begun");
    until("their end", || !ids.iter().any(lives)).await;
}

#[tokio::test]
async fn a_timeout_ends_the_program_and_all_that_it_started() {
    let folder = Folder::new();
    let stage = super::stage(&folder).await;
    let args = json!({ "argv": ["sh", "-c", STUBBORN] });
    let Called { result, took } = stage
        .call_with("command", args, json!({ "timeout": "500ms" }))
        .await;
    assert!(took < Duration::from_secs(2), "{took:?}");
    let failure = result.expect_err("too slow");
    assert!(failure.is(&code::TIMEOUT) && failure.doubt, "{failure:#?}");
    nothing_is_left(&folder).await;
}

#[tokio::test]
async fn an_abort_ends_the_program_and_all_that_it_started() {
    let folder = Folder::new();
    let stage: Stage = super::stage(&folder).await;
    let args = json!({ "argv": ["sh", "-c", STUBBORN] });
    let abort = async {
        until("its beginning", || ids(&folder).len() == 2).await;
        stage.run.cancel().raise(Level::Abort);
    };
    let (called, ()) = tokio::join!(stage.call("command", args), abort);
    assert!(called.took < Duration::from_secs(5), "{:?}", called.took);
    assert!(called.result.is_err());
    nothing_is_left(&folder).await;
}

#[tokio::test]
async fn a_program_in_the_background_is_not_waited_for() {
    let folder = Folder::new();
    let stage = super::stage(&folder).await;
    // It holds the output open, as a server does that was started without a thought.
    let args = json!({ "argv": ["sh", "-c", "sleep 5 & echo $! > ids; echo started"] });
    let called = stage.call("command", args).await;
    assert!(called.took < Duration::from_secs(2), "{:?}", called.took);
    assert_eq!(called.value()["stdout"], "started\n");
    let ids = ids(&folder);
    assert!(lives(&ids[0]), "it stays");
    // A small system has the shell's own `kill` and no other.
    let kill = format!("kill {}", ids[0]);
    let killed = std::process::Command::new("sh")
        .args(["-c", &kill])
        .status();
    assert!(killed.is_ok_and(|status| status.success()));
}

#[tokio::test]
async fn a_slow_program_says_what_it_does() {
    let folder = Folder::new();
    let stage = super::stage(&folder).await;
    let script = "echo early; sleep 1.2; echo $T one; sleep 0.1; echo two";
    let args = json!({ "argv": ["sh", "-c", script], "env": { "T": "‹secret env:TOKEN›" } });
    stage.call("command", args).await.value();
    let said = stage.progress();
    assert!(
        said.contains(&"‹secret env:TOKEN› one".to_owned()),
        "{said:?}"
    );
    stage.holds_no_secret("");
}

#[tokio::test]
async fn doubt_about_a_program_without_a_probe_is_not_tried_away() {
    let folder = Folder::new();
    let stage = super::stage(&folder).await;
    let script = "echo x >> runs; exec sleep 61";
    let common = json!({ "timeout": "300ms", "retry": { "attempts": 3, "delay": "1ms" } });
    let failure = stage
        .call_with("command", json!({ "argv": ["sh", "-c", script] }), common)
        .await
        .failure();
    assert!(failure.doubt, "{failure:#?}");
    assert_eq!(folder.read("runs").as_deref(), Some("x\n"));
}

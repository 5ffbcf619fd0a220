//! Swaps whose process is killed at any moment, under load, and called again.

use crate::kernel::Kernel;
use crate::support::load::Load;
use crate::tier::{Tier, aftermath};
use serde_json::{Value, json};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Names the calls that a child process makes, one per line of JSON.
const CALLS: &str = "PB_TEST_CALLS";

/// Not a test: what the child process does.
#[tokio::test(flavor = "multi_thread")]
async fn child() {
    let Ok(calls) = std::env::var(CALLS) else {
        return;
    };
    let calls: Vec<Value> = serde_json::from_str(&calls).unwrap();
    let kernel = Kernel::open().await;
    let calls = calls
        .into_iter()
        .map(|args| kernel.call("swap_container", args));
    for result in futures_util::future::join_all(calls).await {
        result.unwrap();
    }
}

fn start_child(calls: &[Value]) -> std::process::Child {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child
        .args(["killed::child", "--exact"])
        .env(CALLS, json!(calls).to_string());
    child
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_swap_is_gone_on_with_and_no_request_fails() {
    let Some(tier) = Tier::new("killed") else {
        return;
    };
    let images = ["1.0", "2.0"].map(|tag| tier.image(tag));
    let names = ["web-1", "web-2"];
    tier.swap_all(&names, &images[0]).await;
    let began = Instant::now();
    tier.swap_all(&names, &images[1]).await;
    let whole = began.elapsed();
    let load = Load::start(tier.haproxy.address(), 300, None);
    let rounds = std::env::var("ROUNDS")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(12);
    for round in 0..rounds {
        let image = &images[round % 2];
        let calls = names.map(|short| tier.args(short, image, json!({})));
        let mut child = start_child(&calls);
        // Spread over the whole of a swap, and a little beyond.
        let part = (round as f64 + 0.5) / rounds as f64;
        tokio::time::sleep(whole.mul_f64(1.2 * part)).await;
        child.kill().unwrap();
        child.wait().unwrap();
        let left = tier.shown();
        tier.swap_all(&names, image).await;
        let mut addresses = names.map(|short| tier.address(short));
        addresses.sort();
        assert_eq!(tier.routed(), addresses, "killed at {part:.2}: {left:#?}");
        let running: Vec<_> = tier
            .shown()
            .into_iter()
            .filter(|c| c.ends_with("running"))
            .collect();
        let tag = image.rsplit(':').next().unwrap();
        let expected = names.map(|short| format!("{short} {tag} running"));
        assert_eq!(running, expected, "killed at {part:.2}: {left:#?}");
        assert!(!tier.shown().iter().any(|c| c.contains(".next")));
    }
    aftermath().await;
    let summary = load.stop();
    assert_eq!(summary.failed, 0, "{summary:?}");
    tokio::time::sleep(Duration::from_millis(1)).await;
}

//! `run_once`.

use crate::kernel::{Kernel, docker, once};
use crate::support::image::Image;
use crate::support::need;
use pb_core::Failure;
use serde_json::{Value, json};

fn args(image: &str, argv: &[&str], more: Value) -> Value {
    let mut args = json!({ "image": image, "argv": argv, "docker": docker() });
    for (key, value) in more.as_object().unwrap() {
        args[key] = value.clone();
    }
    args
}

/// An image whose containers end by themselves, with code 3; `probe` ends at once, with 1.
fn image() -> Option<String> {
    Some(
        Image::web("job")
            .env("EXIT_AFTER_MS", "300")
            .import(need::docker()?),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_runs_and_is_gone() {
    let Some(image) = image() else { return };
    let secret = json!({ "VERSION": "‹secret env:SENTINEL›" });
    let more = json!({ "expect_code": 3, "env": secret });
    let kernel = Kernel::open().await;
    let out = kernel
        .call("run_once", args(&image, &["serve"], more))
        .await
        .unwrap();
    assert_eq!((&out["code"], &out["changed"]), (&json!(3), &json!(true)));
    let said = "‹secret env:SENTINEL› listening on 8000\nexiting as EXIT_AFTER_MS says\n";
    assert_eq!((&out["stdout"], &out["stderr"]), (&json!(""), &json!(said)));
    assert!(!kernel.journal().contains("s3ntinel"));

    let failure: Failure = once("run_once", args(&image, &["serve"], json!({})))
        .await
        .unwrap_err();
    assert_eq!(failure.code, "PB0407");
    assert_eq!(
        failure.message,
        format!("`serve` in `{image}` ended with 3, not 0")
    );
    assert_eq!(
        failure.because,
        ["job listening on 8000", "exiting as EXIT_AFTER_MS says"]
    );
    assert!(failure.partial);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_is_given_up_is_killed() {
    let Some(_) = image() else { return };
    let long = Image::web("long").import(need::docker().unwrap());
    let kernel = Kernel::open().await;
    let options = json!({ "timeout": "1s" });
    let call = kernel.call_with("run_once", args(&long, &["serve"], json!({})), options);
    let failure = call.await.unwrap_err();
    assert_eq!(failure.code, "PB0004");
    let name = format!("name=^pb-{}-", kernel.run.id());
    assert_eq!(
        need::docker()
            .unwrap()
            .run(&["ps", "-aq", "--filter", &name]),
        ""
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_cannot_start_leaves_nothing() {
    let Some(_) = image() else { return };
    let bare = Image::web("bare")
        .change("ENTRYPOINT []")
        .import(need::docker().unwrap());
    let kernel = Kernel::open().await;
    let failure = kernel
        .call("run_once", args(&bare, &["no-such"], json!({})))
        .await
        .unwrap_err();
    assert_eq!(failure.code, "PB0401", "{failure:?}");
    let name = format!("name=^pb-{}-", kernel.run.id());
    assert_eq!(
        need::docker()
            .unwrap()
            .run(&["ps", "-aq", "--filter", &name]),
        ""
    );
}

//! A swap that is undone.

use crate::kernel::{Kernel, once};
use crate::support::image::Image;
use crate::support::load::Load;
use crate::tier::{Tier, aftermath};
use pb_core::journal::Ended;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn the_old_container_serves_again_without_a_failed_request() {
    let Some(tier) = Tier::new("undo") else {
        return;
    };
    let images = ["1.0", "2.0"].map(|tag| tier.image(tag));
    let secret = json!({ "env": { "P": "‹secret env:SENTINEL›" } });
    once(
        "swap_container",
        tier.args("web-1", &images[0], secret.clone()),
    )
    .await
    .unwrap();
    let before = tier.id("web-1");
    let load = Load::start(tier.haproxy.address(), 400, None);
    let kernel = Kernel::open().await;
    kernel
        .call("swap_container", tier.args("web-1", &images[1], secret))
        .await
        .unwrap();
    assert_ne!(tier.id("web-1"), before);
    let journal = kernel.journal();
    assert!(!journal.contains("s3ntinel"), "{journal}");
    let finished = kernel.undo().await;
    let failure = finished.failure.unwrap();
    assert_eq!(finished.state, Some(Ended::Undone), "{failure:#?}");
    let name = tier.stage.name("web-1");
    assert_eq!(
        failure.state,
        [format!("`{name}` runs {} (healthy)", images[0])]
    );
    aftermath().await;
    let summary = load.stop();
    assert_eq!(summary.failed, 0, "{summary:?}");
    assert_eq!(
        tier.id("web-1"),
        before,
        "it was started again, not made anew"
    );
    assert_eq!(tier.shown(), ["web-1 1.0 running"]);
    assert_eq!(tier.routed(), [tier.address("web-1")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_there_is_gone() {
    let Some(tier) = Tier::new("undo_first") else {
        return;
    };
    let image = tier.image("1.0");
    let kernel = Kernel::open().await;
    kernel
        .call("swap_container", tier.args("web-1", &image, json!({})))
        .await
        .unwrap();
    let failure = kernel.undo().await.failure.unwrap();
    assert_eq!(
        failure.state,
        [format!("`{}` is not there", tier.stage.name("web-1"))]
    );
    assert_eq!((tier.shown(), tier.routed()), (vec![], vec![]));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_is_never_healthy_changes_nothing() {
    let Some(tier) = Tier::new("broken") else {
        return;
    };
    let good = tier.image("1.0");
    let broken = Image::web("broken").import(tier.docker);
    tier.swap("web-1", &good).await.unwrap();
    let before = tier.id("web-1");
    let load = Load::start(tier.haproxy.address(), 400, None);
    let more = json!({ "health": { "path": "/health/", "deadline": "1s" } });
    let result = once("swap_container", tier.args("web-1", &broken, more)).await;
    aftermath().await;
    let summary = load.stop();
    assert_eq!(summary.failed, 0, "{summary:?}");
    let failure = result.unwrap_err();
    let name = tier.stage.name("web-1");
    assert_eq!(failure.code, "PB0042");
    assert_eq!(
        failure.message,
        format!("`{name}` did not become healthy within 1s")
    );
    let because = failure.because.join("\n");
    let said = "it answered 503: it is there and says that it is not ready (last of ";
    assert!(because.contains(said), "{because}");
    assert!(because.contains(&format!(
        "container `{name}.next` is running; it wrote last:\n"
    )));
    assert!(because.contains("broken listening on 8000"), "{because}");
    assert_eq!(failure.state, [format!("`{name}` runs {good} (healthy)")]);
    assert_eq!(
        (tier.id("web-1"), tier.shown()),
        (before, vec!["web-1 1.0 running".into()])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_that_ends_is_seen_at_once() {
    let Some(tier) = Tier::new("ends") else {
        return;
    };
    let good = tier.image("1.0");
    let ends = Image::web("ends")
        .env("READY_AFTER_MS", "60000")
        .env("EXIT_AFTER_MS", "1500");
    let ends = ends.import(tier.docker);
    tier.swap("web-1", &good).await.unwrap();
    for restart in ["no", "always"] {
        let began = std::time::Instant::now();
        let health = json!({ "path": "/health/", "deadline": "60s" });
        let args = tier.args(
            "web-1",
            &ends,
            json!({ "restart": restart, "health": health }),
        );
        let failure = once("swap_container", args).await.unwrap_err();
        assert!(began.elapsed().as_secs() < 30, "{:?}", began.elapsed());
        assert_eq!(failure.code, "PB0403");
        let name = tier.stage.name("web-1");
        assert_eq!(
            failure.message,
            format!("`{name}` ended instead of becoming healthy")
        );
        // With `always` it may be seen in its next life, which has no exit code.
        let lives_again = restart == "always" && failure.because[0].contains("running, restarted ");
        assert!(
            lives_again || failure.because[0].contains("code 3"),
            "{:?}",
            failure.because
        );
        assert!(lives_again || failure.data["exit_code"] == 3);
        let said = "  exiting as EXIT_AFTER_MS says".to_owned();
        assert!(
            failure.because.contains(&said),
            "{restart}: {:?}",
            failure.because
        );
        assert_eq!(tier.shown(), ["web-1 1.0 running"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_fixed_port_the_old_one_comes_back() {
    let Some(tier) = Tier::new("undo_fixed") else {
        return;
    };
    let good = tier.image("1.0");
    let broken = Image::web("broken").import(tier.docker);
    let port = crate::support::port::free();
    let mut more = json!({ "router": null, "ports": [format!("127.0.0.1:{port}:8000")] });
    once("swap_container", tier.args("web-1", &good, more.clone()))
        .await
        .unwrap();
    let before = tier.id("web-1");
    more["health"] = json!({ "path": "/health/", "deadline": "1s" });
    let failure = once("swap_container", tier.args("web-1", &broken, more))
        .await
        .unwrap_err();
    assert_eq!(failure.code, "PB0042");
    assert_eq!(
        (tier.id("web-1"), tier.shown()),
        (before, vec!["web-1 1.0 running".into()])
    );
}

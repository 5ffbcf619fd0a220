//! `swap_container` behind a router and without one.

use crate::kernel::{docker, once};
use crate::support::http;
use crate::support::image::Image;
use crate::support::load::Load;
use crate::support::wait;
use crate::tier::{Tier, aftermath};
use serde_json::{Value, json};
use std::time::Duration;

const RATE: u32 = 400;

#[tokio::test(flavor = "multi_thread")]
async fn a_second_call_changes_nothing() {
    let Some(tier) = Tier::new("again") else {
        return;
    };
    let image = tier.image("1.0");
    let first = tier.swap("web-1", &image).await.unwrap();
    assert_eq!(
        (&first["changed"], &first["from"]),
        (&json!(true), &Value::Null)
    );
    assert_eq!(
        (&first["to"], &first["health"]),
        (&json!(image), &json!("healthy"))
    );
    let second = tier.swap("web-1", &image).await.unwrap();
    assert_eq!(
        (&second["changed"], &second["from"]),
        (&json!(false), &json!(image))
    );
    assert_eq!(tier.shown(), ["web-1 1.0 running"]);
    assert_eq!(tier.routed(), [tier.address("web-1")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_by_one_no_request_fails() {
    let Some(tier) = Tier::new("serial") else {
        return;
    };
    let images = ["1.0", "2.0"].map(|tag| tier.image(tag));
    tier.swap_all(&["web-1", "web-2"], &images[0]).await;
    let load = Load::start(
        tier.haproxy.address(),
        RATE,
        Some(Duration::from_millis(1500)),
    );
    for n in 1..=10 {
        for short in ["web-1", "web-2"] {
            let out = tier.swap(short, &images[n % 2]).await.unwrap();
            assert_eq!((&out["gap"], &out["open"]), (&json!(0.0), &json!(0)));
        }
    }
    aftermath().await;
    let summary = load.stop();
    assert_eq!(summary.failed, 0, "{summary:?}");
    let shown = [
        "web-1 1.0 running",
        "web-1.* 1.0 exited",
        "web-1.* 2.0 exited",
    ];
    assert_eq!(tier.shown()[..3], shown);
}

#[tokio::test(flavor = "multi_thread")]
async fn four_at_once_cut_no_request_of_four_seconds() {
    let Some(tier) = Tier::new("parallel") else {
        return;
    };
    let images = ["1.0", "2.0"].map(|tag| tier.image(tag));
    let names = ["web-1", "web-2", "web-3", "web-4"];
    tier.swap_all(&names, &images[0]).await;
    let load = Load::start(tier.haproxy.address(), RATE, Some(Duration::from_secs(4)));
    for n in 1..=5 {
        tier.swap_all(&names, &images[n % 2]).await;
    }
    aftermath().await;
    let summary = load.stop();
    assert_eq!(summary.failed, 0, "{summary:?}");
    let mut addresses = names.map(|short| tier.address(short));
    addresses.sort();
    assert_eq!(tier.routed(), addresses, "{:#?}", tier.haproxy.servers());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restarted_router_is_set_right_from_what_runs() {
    let Some(tier) = Tier::new("router") else {
        return;
    };
    let image = tier.image("1.0");
    tier.swap("web-1", &image).await.unwrap();
    tier.haproxy.restart();
    assert_eq!(
        http::get(tier.haproxy.address(), "/version").unwrap().0,
        503
    );
    let out = tier.swap("web-1", &image).await.unwrap();
    assert_eq!(
        (&out["changed"], &out["from"]),
        (&json!(true), &json!(image))
    );
    assert_eq!(
        http::get(tier.haproxy.address(), "/version").unwrap().0,
        200
    );
    assert_eq!(tier.shown(), ["web-1 1.0 running"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_that_ended_leaves_no_server_behind() {
    let Some(tier) = Tier::new("dead") else {
        return;
    };
    let images = ["1.0", "2.0"].map(|tag| tier.image(tag));
    tier.swap_all(&["web-1", "web-2"], &images[0]).await;
    tier.docker.run(&["kill", &tier.stage.name("web-1")]);
    // HAProxy's own check has to notice first.
    let down = || {
        tier.haproxy
            .servers()
            .iter()
            .any(|s| s.status == "DOWN")
            .then_some(())
    };
    wait::until("a server that is down", Duration::from_secs(15), down).unwrap();
    tier.swap("web-2", &images[1]).await.unwrap();
    assert_eq!(tier.routed(), [tier.address("web-2")]);
    tier.swap("web-1", &images[1]).await.unwrap();
    let mut addresses = ["web-1", "web-2"].map(|short| tier.address(short));
    addresses.sort();
    assert_eq!(tier.routed(), addresses);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_is_added_where_none_is_free_and_deleted_again() {
    let Some(tier) = Tier::new("added") else {
        return;
    };
    for n in 1..=8 {
        tier.haproxy
            .command(&format!("set server web/slot{n} addr 10.9.9.{n} port 80"));
    }
    let images = ["1.0", "2.0"].map(|tag| tier.image(tag));
    tier.swap("web-1", &images[0]).await.unwrap();
    let table = tier.haproxy.command("show servers state web");
    assert_eq!(table.matches(" pb-").count(), 1, "{table}");
    let load = Load::start(tier.haproxy.address(), RATE, None);
    tier.swap("web-1", &images[1]).await.unwrap();
    aftermath().await;
    let summary = load.stop();
    assert_eq!(summary.failed, 0, "{summary:?}");
    let table = tier.haproxy.command("show servers state web");
    assert_eq!(table.matches(" pb-").count(), 1, "{table}");
    assert!(
        table.contains(&format!("pb-{} ", &tier.id("web-1")[..12])),
        "{table}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_fixed_port_the_old_one_stops_first_and_the_gap_is_told() {
    let Some(tier) = Tier::new("fixed") else {
        return;
    };
    let images = ["1.0", "2.0"].map(|tag| tier.image(tag));
    let port = crate::support::port::free();
    let more = json!({ "router": null, "ports": [format!("127.0.0.1:{port}:8000")] });
    let swap = |image: &str| once("swap_container", tier.args("web-1", image, more.clone()));
    swap(&images[0]).await.unwrap();
    let out = swap(&images[1]).await.unwrap();
    let gap = out["gap"].as_f64().unwrap();
    assert!((0.5..10.0).contains(&gap), "{gap}");
    let (status, version) = http::get(([127, 0, 0, 1], port).into(), "/version").unwrap();
    assert_eq!((status, version.trim()), (200, "2.0"));
    assert_eq!(swap(&images[1]).await.unwrap()["changed"], false);
    assert_eq!(tier.shown(), ["web-1 2.0 running", "web-1.* 1.0 exited"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_of_a_container_is_what_it_gets() {
    let Some(tier) = Tier::new("recipe") else {
        return;
    };
    let image = tier.image("1.0");
    let network = tier.stage.name("net");
    let file = std::env::temp_dir().join(format!("pb-env-{}", std::process::id()));
    std::fs::write(&file, "A=0\nF=x=y\nS=secret:env:SENTINEL\n").unwrap();
    let more = json!({
        "env_file": file, "env": { "A": "1", "P": "‹secret env:SENTINEL›" }, "labels": { "team": "shop" },
        "volumes": [format!("{}:/data", tier.stage.name("data")), "/etc/hostname:/host:ro"],
        "restart": "on-failure:3", "stop_grace": "3s", "command": ["serve"],
    });
    let swap = |more: Value| once("swap_container", tier.args("web-1", &image, more));
    swap(more.clone()).await.unwrap();
    let name = tier.stage.name("web-1");
    let inspect = |template: &str| tier.docker.inspect(&name, template);
    let env = inspect("{{.Config.Env}}");
    let secret = "s3ntinel-of-the-live-tests";
    assert!(
        env.contains(&format!("F=x=y S={secret} A=1 P={secret}")),
        "{env}"
    );
    assert_eq!(inspect("{{.HostConfig.NetworkMode}}"), network);
    assert_eq!(inspect("{{.HostConfig.RestartPolicy}}"), "{on-failure 3}");
    assert_eq!(
        inspect("{{.Config.StopTimeout}} {{.Config.Cmd}}"),
        "3 [serve]"
    );
    assert_eq!(tier.docker.label(&name, "team"), "shop");
    assert_eq!(tier.docker.label(&name, "pb.name"), name);
    assert_eq!(swap(more.clone()).await.unwrap()["changed"], false);
    for (key, value) in [
        ("env", json!({ "A": "1" })),
        ("labels", json!({})),
        ("volumes", json!([])),
        ("command", json!(["other"])),
        ("stop_grace", json!("4s")),
        ("network", Value::Null),
    ] {
        let mut other = more.clone();
        other[key] = value;
        let before = tier.id("web-1");
        assert_eq!(swap(other.clone()).await.unwrap()["changed"], true, "{key}");
        assert_ne!(tier.id("web-1"), before, "{key}");
        assert_eq!(swap(other).await.unwrap()["changed"], false, "{key}");
    }
    let mut restart = more.clone();
    swap(restart.clone()).await.unwrap();
    let before = tier.id("web-1");
    restart["restart"] = json!("always");
    assert_eq!(swap(restart).await.unwrap()["changed"], true);
    assert_eq!(tier.id("web-1"), before, "a restart policy is set in place");
    std::fs::remove_file(file).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn running_is_not_taken_for_healthy() {
    let Some(tier) = Tier::new("unchecked") else {
        return;
    };
    let plain = tier.image("1.0");
    let check = r#"HEALTHCHECK --interval=1s --timeout=2s CMD ["/web","probe"]"#;
    let telling = Image::web("checked").change(check).import(tier.docker);
    let swap = |image: &str| {
        let more = json!({ "router": null, "health": null });
        once("swap_container", tier.args("web-1", image, more))
    };
    let out = swap(&plain).await.unwrap();
    assert_eq!(out["health"], "unchecked");
    let out = swap(&telling).await.unwrap();
    assert_eq!(out["health"], "healthy");
    assert_eq!(
        tier.shown(),
        ["web-1 checked running", "web-1.* 1.0 exited"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_made_by_hand_is_replaced_and_kept() {
    let Some(tier) = Tier::new("hand") else {
        return;
    };
    let images = ["1.0", "2.0"].map(|tag| tier.image(tag));
    let name = tier.stage.name("web-1");
    tier.docker
        .run(&["run", "-d", "--restart=always", "--name", &name, &images[0]]);
    let by_hand = tier.id("web-1");
    let out = tier.swap("web-1", &images[1]).await.unwrap();
    assert_eq!(
        (&out["from"], &out["to"]),
        (&json!(images[0]), &json!(images[1]))
    );
    let kept = format!("{name}.{}", &by_hand[..12]);
    assert_eq!(
        tier.docker
            .inspect(&kept, "{{.HostConfig.RestartPolicy.Name}}"),
        "no"
    );
    let args = json!({ "name": name, "container": kept, "restart": "always", "docker": docker(),
        "router": tier.router(), "health": { "path": "/health/" } });
    once("restore_container", args).await.unwrap();
    assert_eq!(tier.id("web-1"), by_hand);
    assert_eq!(tier.shown(), ["web-1 1.0 running"]);
    assert_eq!(
        tier.docker
            .inspect(&name, "{{.HostConfig.RestartPolicy.Name}}"),
        "always"
    );
    assert_eq!(tier.routed(), [tier.address("web-1")]);
}

//! What Docker and HAProxy refuse, in words.

use crate::kernel::{docker, handle, once};
use crate::support::image::Image;
use crate::tier::Tier;
use pb_core::Failure;
use serde_json::{Value, json};

async fn refused(tier: &Tier, image: &str, more: Value) -> Failure {
    once("swap_container", tier.args("web-1", image, more))
        .await
        .unwrap_err()
}

#[track_caller]
fn check(failure: &Failure, code: &str, message: &str, because: &str, hint: &str) {
    assert_eq!(
        (failure.code.as_str(), failure.message.as_str()),
        (code, message)
    );
    assert!(
        failure.because.join("\n").contains(because),
        "{:?}",
        failure.because
    );
    assert_eq!(failure.hint.as_deref().unwrap_or_default(), hint);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_leaves_nothing_behind() {
    let Some(tier) = Tier::new("trouble") else {
        return;
    };
    let image = tier.image("1.0");
    let name = tier.stage.name("web-1");

    let failure = refused(&tier, "127.0.0.1:9/web:2.0", json!({})).await;
    let hint = "docker pull 127.0.0.1:9/web, to see whether the engine reaches the registry";
    let message = "`127.0.0.1:9/web:2.0` could not be pulled";
    check(&failure, "PB0402", message, "connection refused", hint);

    let failure = refused(&tier, &image, json!({ "network": "pb-no-such-net" })).await;
    let hint = "docker network create pb-no-such-net";
    check(
        &failure,
        "PB0401",
        "the network `pb-no-such-net` does not exist",
        "",
        hint,
    );

    let holder = tier.stage.name("holder");
    let port = crate::support::port::free();
    let publish = format!("127.0.0.1:{port}:8000");
    tier.docker
        .run(&["run", "-d", "--name", &holder, "-p", &publish, &image]);
    let failure = refused(&tier, &image, json!({ "ports": [publish] })).await;
    let message = format!("Docker could not start `{name}.next`: port `127.0.0.1:{port}` is taken");
    let hint = "docker ps, then stop what holds the port";
    check(
        &failure,
        "PB0404",
        &message,
        "port is already allocated",
        hint,
    );
    tier.docker.run(&["rm", "-f", &holder]);

    let bare = Image::web("bare")
        .change("ENTRYPOINT []")
        .import(tier.docker);
    let failure = refused(&tier, &bare, json!({})).await;
    let message = format!("Docker refused to create `{name}.next`");
    let hint = "give it a `command`: the image has none";
    check(&failure, "PB0401", &message, "No command specified", hint);
    let failure = refused(&tier, &bare, json!({ "command": ["no-such-program"] })).await;
    let message = format!("Docker refused to start `{name}.next`");
    check(
        &failure,
        "PB0401",
        &message,
        "executable file not found",
        "",
    );

    tier.docker
        .run(&["create", "--name", &format!("{name}.next"), &image]);
    let failure = refused(&tier, &image, json!({})).await;
    let message = format!("a container `{name}.next` is in the way");
    let hint = format!("docker rename {name}.next another-name");
    check(&failure, "PB0405", &message, "it was not made by pb", &hint);
    tier.docker.run(&["rm", &format!("{name}.next")]);

    assert_eq!(
        (tier.shown(), tier.routed()),
        (Vec::<String>::new(), vec![])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_is_not_told_is_asked_for() {
    let Some(tier) = Tier::new("port") else {
        return;
    };
    let two = Image::web("two-ports").change("EXPOSE 9000");
    let two = two.import(tier.docker);
    let failure = refused(&tier, &two, json!({})).await;
    let message = format!(
        "the port that `{}` serves could not be told",
        tier.stage.name("web-1")
    );
    let because = format!("the image `{two}` exposes the ports 8000, 9000");
    let hint = "add `port: 8000` to the call, or `EXPOSE 8000` to the image";
    check(&failure, "PB0406", &message, &because, hint);
    once(
        "swap_container",
        tier.args("web-1", &two, json!({ "port": 8000 })),
    )
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_that_cannot_be_reached_are_named() {
    let Some(tier) = Tier::new("reach") else {
        return;
    };
    let image = tier.image("1.0");
    let engine = |address: &str| handle("docker", "docker", json!({ "docker": address }));

    let failure = refused(
        &tier,
        &image,
        json!({ "docker": engine("unix:///nowhere.sock") }),
    )
    .await;
    let message = "the Docker engine at `/nowhere.sock` could not be reached";
    let start = "sudo systemctl start docker";
    check(
        &failure,
        "PB0043",
        message,
        "the socket does not exist",
        start,
    );

    let failure = refused(
        &tier,
        &image,
        json!({ "docker": engine("tcp://127.0.0.1:9") }),
    )
    .await;
    let message = "the Docker engine at `tcp://127.0.0.1:9` could not be reached";
    let hint = "docker --host tcp://127.0.0.1:9 version";
    check(&failure, "PB0043", message, "nobody listens there", hint);

    let socket = "unix:/nowhere/admin.sock";
    let router = handle(
        "haproxy",
        "router",
        json!({ "haproxy": socket, "backend": "web" }),
    );
    let failure = refused(&tier, &image, json!({ "router": router })).await;
    let message = "HAProxy at `/nowhere/admin.sock` could not be reached";
    let hint = "section `global` of haproxy.cfg needs `stats socket /nowhere/admin.sock mode 660 \
                level admin`";
    check(
        &failure,
        "PB0043",
        message,
        "the socket does not exist",
        hint,
    );

    let socket = tier.haproxy.socket().display().to_string();
    let router = handle(
        "haproxy",
        "router",
        json!({ "haproxy": socket, "backend": "api" }),
    );
    let failure = refused(&tier, &image, json!({ "router": router })).await;
    let message = format!("HAProxy at `{socket}` has no backend `api`");
    let hint = format!("echo 'show backend' | socat - {socket}");
    check(&failure, "PB0410", &message, "", &hint);
    assert_eq!(tier.shown(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kept_container_that_is_gone_cannot_come_back() {
    let Some(tier) = Tier::new("kept") else {
        return;
    };
    tier.swap("web-1", &tier.image("1.0")).await.unwrap();
    let name = tier.stage.name("web-1");
    let args = json!({ "name": name, "container": format!("{name}.000000000000"),
        "image": "web:0.9", "docker": docker() });
    let failure = once("restore_container", args).await.unwrap_err();
    let message = format!("`{name}` cannot go back: its container `000000000000` is gone");
    let hint = format!("swap_container(\"{name}\", #{{ image: \"web:0.9\", … }})");
    check(
        &failure,
        "PB0401",
        &message,
        "it is not kept any more",
        &hint,
    );
    assert_eq!(tier.shown(), ["web-1 1.0 running"]);
}

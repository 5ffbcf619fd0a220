//! Load through HAProxy to a container, and what is left of it afterwards.

use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use crate::support::docker::{Container, Docker};
use crate::support::http;
use crate::support::image::Image;
use crate::support::load::Load;
use crate::support::need;
use crate::support::stage::Stage;
use crate::support::wait;

#[test]
fn load_reaches_a_container_through_haproxy() {
    let (Some(docker), Some(haproxy)) = (need::docker(), need::haproxy()) else {
        return;
    };
    let image = Image::web("1.0").import(docker);
    let stage = Stage::new(docker, "harness_load");
    let name = stage.name("web-1");
    let server = run(docker, &name, &image);
    let expected = Container {
        name: "web-1".into(),
        image: image.clone(),
        state: "running".into(),
    };
    assert_eq!(stage.containers(), [expected]);

    let address = server.ip();
    haproxy.command(&format!("set server web/slot1 addr {address} port 8000"));
    haproxy.command("set server web/slot1 state ready");
    let slots = haproxy.servers();
    assert_eq!(slots.len(), 8);
    assert_eq!(slots[0].address, server.to_string());
    assert_eq!((&*slots[0].status, &*slots[7].status), ("UP", "MAINT"));

    let load = Load::start(haproxy.address(), 200, None);
    let session = || (haproxy.servers()[0].sessions > 0).then_some(());
    wait::until("a session", Duration::from_secs(10), session).unwrap();
    let (status, health) = http::get(haproxy.address(), "/health/").unwrap();
    let summary = load.stop();
    assert_eq!((summary.failed, summary.second_try), (0, 0), "{summary:?}");
    assert_eq!(
        summary.versions.get("1.0"),
        Some(&summary.total),
        "{summary:?}"
    );
    let health: serde_json::Value = serde_json::from_str(&health).unwrap();
    assert_eq!((status, health["image"].as_str()), (200, Some(&*image)));

    drop(stage);
    assert_eq!(docker.containers(&name), []);
}

#[test]
fn the_broken_image_is_never_healthy() {
    let Some(docker) = need::docker() else { return };
    let broken = Image::web("broken").import(docker);
    let stage = Stage::new(docker, "harness_broken");
    let name = stage.name("web-1");
    let server = run(docker, &name, &broken);
    assert_eq!(http::get(server, "/health/").unwrap().0, 503);
    let probe = Command::new("docker")
        .args(["exec", &name, "/web", "probe"])
        .status();
    assert_eq!(probe.unwrap().code(), Some(1));
}

/// Returns the address of a new container that answers.
fn run(docker: &Docker, name: &str, image: &str) -> SocketAddr {
    docker.run(&["run", "--detach", "--name", name, image]);
    let server = SocketAddr::new(docker.address(name).parse().unwrap(), 8000);
    let version = || http::get(server, "/version");
    wait::until("the version", Duration::from_secs(10), version).unwrap();
    server
}

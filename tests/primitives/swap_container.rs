//! `swap_container`.

use super::lifecycle::{Again, Lifecycle, says};
use super::stage::with_docker;
use crate::support::image::Image;
use crate::support::load::Load;
use crate::support::need;
use crate::support::stage::Stage;
use std::time::Duration;

#[test]
fn goes_round_behind_a_router() {
    let (Some(docker), Some(haproxy)) = (need::docker(), need::haproxy()) else {
        return;
    };
    let stage = Stage::new(docker, "prim_circle");
    let image = Image::web("1.0").import(docker);
    let call = format!(
        "swap_container(\"{}\", #{{ image: \"{image}\", router: target.router, health: #{{ path: \"/health/\" }} }})",
        stage.name("web")
    );
    let value = Lifecycle {
        pb: with_docker(docker, Some(&haproxy)),
        before: "",
        call: &call,
        world: &|| {
            stage
                .containers()
                .iter()
                .map(|c| format!("{} {} {}\n", c.name, c.image, c.state))
                .collect()
        },
        again: Again::Nothing,
        undone: true,
    }
    .check();
    assert_eq!(value["to"], image.as_str());
}

#[test]
fn no_request_fails_and_a_broken_image_is_undone() {
    let (Some(docker), Some(haproxy)) = (need::docker(), need::haproxy()) else {
        return;
    };
    let stage = Stage::new(docker, "prim_load");
    let [one, two, broken] = ["1.0", "2.0", "broken"].map(|tag| Image::web(tag).import(docker));
    let pb = with_docker(docker, Some(&haproxy));
    let run = |image: &str, code| {
        let text = format!(
            "swap_container(\"{}\", #{{ image: \"{image}\", router: target.router, drain: \"30s\", health: #{{ path: \"/health/\", deadline: \"3s\" }} }});",
            stage.name("web")
        );
        pb.with(["run"])
            .playbook("swap.rhai", &text)
            .run()
            .expect(code)
    };
    run(&one, 0);
    let load = Load::start(haproxy.address(), 200, Some(Duration::from_secs(4)));
    for image in [&two, &one, &two] {
        run(image, 0);
    }
    let failed = run(&broken, 1);
    let summary = load.stop();
    assert_eq!(summary.failed, 0, "{summary:?}");
    assert!(
        failed.stderr.contains("did not become healthy within 3s"),
        "{failed}"
    );
    assert!(
        failed.stderr.contains(&format!("runs {two} (healthy)")),
        "{failed}"
    );
}

#[test]
fn mistakes_are_named() {
    let Some(docker) = need::docker() else { return };
    let pb = with_docker(docker, None);
    says(
        &pb,
        "swap_container(\"web\", #{ imgae: \"web:2\" });",
        3,
        "swap_container-option",
    );
    let dead = pb.toml("[env.local]\ndocker = { docker = \"unix:///nowhere/docker.sock\" }\n");
    says(
        &dead,
        "swap_container(\"web\", #{ image: \"web:2\" });",
        7,
        "swap_container-dead",
    );
}

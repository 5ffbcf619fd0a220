//! `restore_container`.

use super::stage::with_docker;
use crate::support::image::Image;
use crate::support::need;
use crate::support::stage::Stage;

/// It is how a swap is undone: the kept container serves again, rather than one made anew.
#[test]
fn the_container_that_was_replaced_serves_again() {
    let (Some(docker), Some(haproxy)) = (need::docker(), need::haproxy()) else {
        return;
    };
    let stage = Stage::new(docker, "prim_restore");
    let [one, two] = ["1.0", "2.0"].map(|tag| Image::web(tag).import(docker));
    let pb = with_docker(docker, Some(&haproxy));
    let swap = |image: &str| {
        format!(
            "swap_container(\"{}\", #{{ image: \"{image}\", router: target.router, health: #{{ path: \"/health/\" }} }});",
            stage.name("web")
        )
    };
    let id = || docker.inspect(&stage.name("web"), "{{.Id}} {{.State.Running}}");
    pb.with(["run"])
        .playbook("one.rhai", &swap(&one))
        .run()
        .expect(0);
    let before = id();
    let text = format!(
        "savepoint(\"release\", || {{ {} throw \"no\"; }});",
        swap(&two)
    );
    pb.with(["run"]).playbook("two.rhai", &text).run().expect(1);
    assert_eq!(id(), before, "the same container, running");
}

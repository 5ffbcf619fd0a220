//! Four containers swapped behind HAProxy under load, by pb and by the bare script `floor.py`, in turn in the same run.

use crate::figures::{Times, line, millis, ratio};
use crate::support::docker::Docker;
use crate::support::haproxy::Haproxy;
use crate::support::image::Image;
use crate::support::load::Load;
use crate::support::pb::Pb;
use crate::support::stage::Stage;
use crate::support::{checkout, need};
use std::process::Command;
use std::time::{Duration, Instant};

const RATE: u32 = 400;
const AFTERMATH: Duration = Duration::from_secs(2);

/// One way to swap the four: prepares them at the first image, then swaps to the second.
struct Case<'a> {
    name: &'static str,
    tool: Tool<'a>,
}

enum Tool<'a> {
    Floor(&'static str),
    Pb { batch: u32, docker: &'a Docker },
}

pub(crate) fn run() {
    let Some(docker) = need::docker() else { return };
    let images = ["1.0", "2.0"].map(|tag| {
        Image::web(tag)
            .env("READY_AFTER_MS", "500")
            .env("DRAIN_MS", "200")
            .import(docker)
    });
    println!(
        "\nswap (4 containers, ready after 500 ms, {RATE} requests/s; wall time of the whole command)"
    );
    let reps: usize = std::env::var("REPS")
        .ok()
        .and_then(|reps| reps.parse().ok())
        .unwrap_or(3);
    for long in [None, Some(Duration::from_secs(4))] {
        for (floor, batch) in [("serial", 1), ("parallel", 4)] {
            let mut walls = [vec![], vec![]];
            let mut served = [(0, 0), (0, 0)];
            for _ in 0..reps {
                let cases = [
                    Case {
                        name: "floor",
                        tool: Tool::Floor(floor),
                    },
                    Case {
                        name: "pb",
                        tool: Tool::Pb { batch, docker },
                    },
                ];
                for (i, case) in cases.into_iter().enumerate() {
                    let (wall, total, failed) = case.measure(docker, &images, long);
                    walls[i].push(wall);
                    served[i].0 += total;
                    served[i].1 += failed;
                }
            }
            let [bare, pb] = walls.map(Times::new);
            let requests = if long.is_some() {
                ", requests of 4 s"
            } else {
                ""
            };
            let order = if batch == 1 { "one by one" } else { "at once" };
            let count =
                |(total, failed): (u64, u64)| format!("{failed} of {total} requests failed");
            line(
                &format!("floor.py, {order}{requests}"),
                &millis(bare.p50()),
                &count(served[0]),
            );
            let against = format!(
                "{:.2}× the floor (goal ≤ 1.1×), {}",
                ratio(pb.p50(), bare.p50()),
                count(served[1])
            );
            line(
                &format!("pb, {order}{requests}"),
                &millis(pb.p50()),
                &against,
            );
        }
    }
}

impl Case<'_> {
    /// Wall time of the swap; requests served and failed meanwhile.
    fn measure(
        &self,
        docker: &Docker,
        images: &[String; 2],
        long: Option<Duration>,
    ) -> (Duration, u64, u64) {
        let stage = Stage::new(docker, &format!("bench_{}", self.name));
        let haproxy = Haproxy::start().unwrap();
        match self.tool {
            Tool::Floor(order) => {
                let floor = |order: &str, image: &str| {
                    let mut python = Command::new("python3");
                    python
                        .arg(checkout::root().join("tests/bench/floor.py"))
                        .args([order, image]);
                    python
                        .env("PREFIX", stage.name("web"))
                        .env("HAPROXY", haproxy.socket());
                    assert!(
                        python.status().unwrap().success(),
                        "floor.py {order} ends well"
                    );
                };
                floor("up", &images[0]);
                timed(&haproxy, long, || floor(order, &images[1]))
            }
            Tool::Pb { batch, docker } => {
                let pb = project(&stage, &haproxy, docker, batch);
                let run = |image: &str| {
                    let outcome = pb.with(["run", "swap.rhai", "--image", image]).run();
                    assert_eq!(outcome.code, 0, "{}{}", outcome.stdout, outcome.stderr);
                };
                run(&images[0]);
                timed(&haproxy, long, || run(&images[1]))
            }
        }
    }
}

fn timed(haproxy: &Haproxy, long: Option<Duration>, swap: impl FnOnce()) -> (Duration, u64, u64) {
    let load = Load::start(haproxy.address(), RATE, long);
    std::thread::sleep(Duration::from_secs(1));
    let began = Instant::now();
    swap();
    let wall = began.elapsed();
    std::thread::sleep(AFTERMATH);
    let summary = load.stop();
    (wall, summary.total, summary.failed)
}

fn project(stage: &Stage<'_>, haproxy: &Haproxy, docker: &Docker, batch: u32) -> Pb {
    let names: Vec<String> = (1..5)
        .map(|i| format!("\"{}\"", stage.name(&format!("web-{i}"))))
        .collect();
    let toml = format!(
        "[env.local]\nweb = [{}]\ndocker = {{ docker = \"{}\" }}\nrouter = {{ haproxy = \"unix:{}\", backend = \"web\" }}\n",
        names.join(", "),
        docker.host(),
        haproxy.socket().display(),
    );
    let playbook = format!(
        "let image = param(\"image\");\nrolling(target.web, #{{ batch: {batch} }}, |name| {{\n    swap_container(name, #{{ image: image, router: target.router, keep: 0, drain: \"30s\",\n        env: #{{ READY_AFTER_MS: \"500\", DRAIN_MS: \"200\" }}, health: #{{ path: \"/health/\" }} }});\n}});\n"
    );
    Pb::new().toml(&toml).playbook("swap.rhai", &playbook)
}

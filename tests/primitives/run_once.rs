//! `run_once`.

use super::lifecycle::{Again, Lifecycle};
use super::stage::with_docker;
use crate::support::image::Image;
use crate::support::need;

#[test]
fn goes_round() {
    let Some(docker) = need::docker() else { return };
    let image = Image::web("job").change("ENTRYPOINT []").import(docker);
    let call = format!("run_once(\"{image}\", [\"/web\", \"probe\"], #{{ expect_code: 1 }})");
    let value = Lifecycle {
        pb: with_docker(docker, None),
        before: "",
        call: &call,
        world: &String::new,
        again: Again::Runs,
        undone: false,
    }
    .check();
    assert_eq!(value["code"], 1);
}

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
#[test]
fn a_job_that_ended_after_pb_was_killed_is_not_run_again() {
    use crate::commands::answers::Answers;
    use crate::killed::traced::{self, Blow, Call, Strike, When};
    use crate::support::wait;
    use nix::sys::signal::Signal;
    use std::time::Duration;

    let Some(docker) = need::docker() else { return };
    let image = Image::web("once").change("ENTRYPOINT []").import(docker);
    let web = Answers::start();
    let address = web.url("");
    let (_, port) = address.rsplit_once(':').unwrap();
    let job = format!(
        "run_once(\"{image}\", [\"/web\", \"probe\"], #{{ network: \"host\", env: #{{ PORT: \"{port}\" }}, expect_code: 1 }});"
    );
    let pb = with_docker(docker, None)
        .args(["run"])
        .playbook("job.rhai", &job);
    // The container is created, then started.
    let started = Strike {
        call: Call::Send,
        n: 2,
        when: When::After,
        blow: Blow::Signal(Signal::SIGKILL),
    };
    assert!(traced::run(&pb, Some(started)).struck);
    let soon = Duration::from_secs(60);
    assert_eq!(web.asked.recv_timeout(soon).unwrap(), "/health/");
    let image = format!("ancestor={image}");
    let ended = || {
        let ended = docker.run(&["ps", "-aq", "--filter", &image, "--filter", "status=exited"]);
        (!ended.is_empty()).then_some(())
    };
    wait::until("its end", soon, ended).unwrap();
    pb.with(["resume", "--yes"]).run().expect(0);
    assert!(web.asked.try_recv().is_err(), "it ran once");
}

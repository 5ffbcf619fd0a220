//! What Ctrl-C and its kin do to a run.

use super::answers::Answers;
use super::pb;
use crate::support::pb::{Pb, Running};
use rustix::process::Signal;

/// Changes something, then waits for what will not come.
fn waiting(web: &Answers) -> (Pb, Running) {
    let playbook = format!(
        "http_post(\"{}\", #{{ key: \"a\" }});\nhealth_check(\"{}\", #{{ deadline: \"60s\" }});\n",
        web.url("/200/a"),
        web.url("/503/b")
    );
    let pb = pb().args(["run"]).playbook("wait.rhai", &playbook);
    let running = pb.start();
    assert_eq!(web.asked.recv().unwrap(), "/200/a");
    assert_eq!(web.asked.recv().unwrap(), "/503/b");
    (pb, running)
}

#[test]
fn the_first_interrupt_stops_gently() {
    let (_pb, running) = waiting(&Answers::start());
    running.signal(Signal::INT);
    running
        .wait()
        .expect(130)
        .matches("commands/signals/interrupt");
}

#[test]
fn terminate_does_too() {
    let (pb, running) = waiting(&Answers::start());
    running.signal(Signal::TERM);
    running
        .wait()
        .expect(143)
        .matches("commands/signals/terminate");
    let runs = pb.with(["runs", "--output", "json"]).run().expect(0);
    assert!(runs.stdout.contains("\"state\":\"interrupted\""), "{runs}");
}

#[test]
fn losing_the_terminal_ends_nothing() {
    let web = Answers::start();
    let (_pb, running) = waiting(&web);
    running.signal(Signal::HUP);
    // It goes on asking.
    for _ in 0..5 {
        assert_eq!(web.asked.recv().unwrap(), "/503/b");
    }
    running.signal(Signal::INT);
    running.wait().expect(130);
}

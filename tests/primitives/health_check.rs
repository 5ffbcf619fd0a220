//! `health_check`.

use super::lifecycle::{Again, Lifecycle, says};
use super::stage::pb;
use crate::commands::answers::Answers;

#[test]
fn goes_round() {
    let web = Answers::start();
    let call = format!("health_check(\"{}\")", web.url("/200/ok"));
    let value = Lifecycle {
        pb: pb(),
        before: "",
        call: &call,
        world: &String::new,
        again: Again::Reads,
        undone: true,
    }
    .check();
    assert_eq!(value["status"], 200);
}

#[test]
fn mistakes_are_named() {
    let web = Answers::start();
    let check = |options: &str, path: &str, name: &str| {
        let playbook = format!("health_check(\"{}\", #{{ {options} }});", web.url(path));
        let pb = pb().with(["run"]).playbook("wrong.rhai", &playbook);
        let outcome = pb.run().expect(1);
        assert!(outcome.stderr.contains(name), "{outcome}");
    };
    check(
        "deadline: \"200ms\"",
        "/503/down",
        "was not ready within 200ms",
    );
    check("dedline: \"1s\"", "/200/ok", "did you mean `deadline`?");
    says(
        &pb(),
        "health_check(\"http://169.254.169.254/\", #{ deadline: \"1s\" });",
        1,
        "health_check-metadata",
    );
}

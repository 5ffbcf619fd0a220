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
    let check = |options: &str, path: &str, code: i32, name: &str| {
        let playbook = format!("health_check(\"{}\", #{{ {options} }});", web.url(path));
        let pb = pb().with(["run"]).playbook("wrong.rhai", &playbook);
        let outcome = pb.run().expect(code);
        assert!(outcome.stderr.contains(name), "{outcome}");
    };
    check(
        "deadline: \"200ms\"",
        "/503/down",
        1,
        "was not ready within 200ms",
    );
    check("dedline: \"1s\"", "/200/ok", 3, "did you mean `deadline`?");
    says(
        &pb(),
        "health_check(\"http://169.254.169.254/\", #{ deadline: \"1s\" });",
        3,
        "health_check-metadata",
    );
}

//! `http_post`.

use super::lifecycle::{Again, Lifecycle, says};
use super::stage::pb;
use crate::commands::answers::Answers;

/// It has no way back, so the world after its undo is not looked at.
#[test]
fn goes_round() {
    let web = Answers::start();
    let call = format!(
        "http_post(\"{}\", #{{ json: #{{ a: 1 }}, key: \"once\" }})",
        web.url("/200/ok")
    );
    let value = Lifecycle {
        pb: pb(),
        before: "",
        call: &call,
        world: &String::new,
        again: Again::Runs,
        undone: false,
    }
    .check();
    assert_eq!(value["status"], 200);
    assert_eq!(
        web.asked.try_iter().count(),
        3,
        "sent once by each of the three runs"
    );
}

#[test]
fn mistakes_are_named() {
    says(
        &pb(),
        "http_post(\"http://127.0.0.1:1/\", #{ json: 1, body: \"x\" });",
        3,
        "http_post-two_bodies",
    );
}

//! `http_get`.

use super::lifecycle::{Again, Lifecycle, says};
use super::stage::pb;
use crate::commands::answers::Answers;

#[test]
fn goes_round() {
    let web = Answers::start();
    let call = format!("http_get(\"{}\")", web.url("/200/ok"));
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
    says(
        &pb(),
        "http_get(\"http://127.0.0.1:1/\");",
        7,
        "http_get-refused",
    );
    says(&pb(), "http_get(\"127.0.0.1/health\");", 3, "http_get-url");
}

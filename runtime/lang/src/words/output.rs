//! `print` and `debug`: Rhai's own, whose lines go to the run.

use super::word::{Group, Made, Takes, Word};
use crate::session::Session;
use rhai::Engine;
use std::sync::Arc;

pub(super) const PRINT: Word = Word {
    name: "print",
    group: Group::Output,
    takes: &[Takes::Value("value")],
    doc: "\
A line on stdout, and an event.

Secrets in it are shown by name.",
    example: "print(`the environment is ${target.url}`);",
    made: Made::Functions(print),
};

pub(super) const DEBUG: Word = Word {
    name: "debug",
    group: Group::Output,
    takes: &[Takes::Value("value")],
    doc: "\
The same as `print`, with the value as it stands in lists: texts are in quotes.",
    example: r#"debug("web-1");"#,
    made: Made::Functions(debug),
};

fn print(engine: &mut Engine, session: &Arc<Session>) {
    let session = session.clone();
    engine.on_print(move |text| session.run.print(text));
}

fn debug(engine: &mut Engine, session: &Arc<Session>) {
    let session = session.clone();
    engine.on_debug(move |text, _, _| session.run.print(text));
}

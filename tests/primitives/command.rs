//! `command`.

mod begun;
mod kept;
mod killed;
mod supervised;

use super::lifecycle::{Again, Lifecycle, says};
use super::stage::pb;
use std::fs;

#[test]
fn goes_round() {
    let pb = pb();
    let file = pb.folder().join("made");
    Lifecycle {
        pb: pb.clone(),
        before: "",
        call: "command([\"sh\", \"-c\", \"echo x >> made\"], #{ undo: [\"rm\", \"made\"] })",
        world: &|| fs::read_to_string(&file).unwrap_or_default(),
        again: Again::Runs,
        undone: true,
    }
    .check();
}

#[test]
fn a_probe_tells_that_the_work_is_done() {
    let pb = pb();
    let file = pb.folder().join("made");
    Lifecycle {
        pb: pb.clone(),
        before: "",
        call: "command([\"touch\", \"made\"], #{ probe: [\"test\", \"-e\", \"made\"], undo: [\"rm\", \"made\"] })",
        world: &|| file.exists().to_string(),
        again: Again::Nothing,
        undone: true,
    }
    .check();
}

#[test]
fn mistakes_are_named() {
    says(
        &pb(),
        "command([\"no-such-program\"]);",
        1,
        "command-missing",
    );
    says(
        &pb(),
        "command([\"sh\", \"-c\", \"echo broken >&2; exit 3\"]);",
        1,
        "command-code",
    );
    says(&pb(), "command(\"ls -l\");", 3, "command-text");
}

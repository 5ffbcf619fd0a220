//! `require_env`.

use super::lifecycle::says;
use super::stage::pb;

#[test]
fn what_is_set_passes() {
    let outcome = pb()
        .args(["run"])
        .playbook("a.rhai", "require_env([\"PATH\", \"HOME\"]);")
        .run();
    outcome.expect(0);
}

#[test]
fn everything_that_is_missing_is_named_at_once() {
    says(
        &pb(),
        "require_env([\"PATH\", \"SECRET_KEY\", \"HOM\"]);",
        2,
        "require_env-missing",
    );
}

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

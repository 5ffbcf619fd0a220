//! What swaps tell: results, summaries, states, obstacles.

use super::action::{Told, gap, open_requests, unchecked};
use super::health::Health;
use super::model::{Model, name};
use super::play::{finish, swap, swap_args};
use crate::docker::SwapContainer;
use crate::docker::container::{Status, label};
use crate::docker::swap_facts::Facts;
use pb_core::{Decision, Primitive};
use serde_json::{Value, json};

fn decide(
    facts: &Facts,
    change: fn(&mut crate::docker::swap_args::Args),
) -> Result<Vec<String>, String> {
    let mut args = swap_args(&Model::new(true), "v2");
    change(&mut args);
    match SwapContainer
        .decide(&args, facts)
        .map_err(|failure| failure.message)?
    {
        Decision::Act(stages) => Ok(stages
            .into_iter()
            .flatten()
            .flatten()
            .map(|action| action.to_string())
            .collect()),
        Decision::Nothing => Ok(vec![]),
        Decision::Wait(why) => panic!("{why}"),
    }
}

#[test]
fn the_gap_is_from_the_stop_to_the_health() {
    let outcomes = |told: &[Told]| told.iter().map(Told::value).collect::<Vec<_>>();
    let there = |at, checked| Told::There { at, checked };
    let stopped_first = outcomes(&[
        Told::Open(2),
        Told::Gone(10.0),
        there(10.5, true),
        Told::Open(1),
    ]);
    assert_eq!(
        (gap(&stopped_first), open_requests(&stopped_first)),
        (0.5, 3)
    );
    let started_first = outcomes(&[there(10.0, false), Told::Open(0), Told::Gone(11.0)]);
    assert_eq!(
        (gap(&started_first), open_requests(&started_first)),
        (0.0, 0)
    );
    assert!(unchecked(&started_first) && !unchecked(&stopped_first));
    assert_eq!(gap(&[Value::Null]), 0.0);
}

#[test]
fn a_summary_is_short_and_tells_what_is_not_well() {
    let check = |out: Value, line: &str| {
        let args = swap_args(&Model::new(true), "v2");
        assert_eq!(SwapContainer.summary(&args, &out), line);
    };
    let out = |old: Value, new, gap, open, health| json!({ "from": old, "to": new, "gap": gap, "open": open, "health": health });
    check(
        out(json!("v1"), "v2", 0.0, 0, "healthy"),
        "v1 → v2, gap 0 ms",
    );
    check(
        out(json!("v1"), "v2", 0.512, 0, "unchecked"),
        "v1 → v2, gap 512 ms, health unchecked",
    );
    check(
        out(json!("v1"), "v2", 0.0, 2, "healthy"),
        "v1 → v2, gap 0 ms, 2 requests still open when stopped",
    );
    check(out(json!("v2"), "v2", 0.0, 0, "healthy"), "v2");
    check(out(Value::Null, "v2", 0.0, 0, "healthy"), "nothing → v2");
}

#[test]
fn another_image_of_the_same_tag_is_told_apart() {
    let mut before = Model::new(true);
    before.serve("v1");
    let mut after = before.clone();
    finish(&mut after, vec![], &|model, turn| swap(model, "v2", turn));
    for model in [&mut before, &mut after] {
        model
            .containers
            .iter_mut()
            .for_each(|c| c.image = "web:latest".into());
    }
    let args = swap_args(&before, "v2");
    let result = SwapContainer.result(&args, &before.facts("v2"), &after.facts("v2"), &[]);
    let out = result.expect("a result");
    assert_eq!(
        (out.from.as_deref(), out.to.as_str()),
        (Some("web:latest (v1)"), "web:latest (v2)")
    );
    let same = SwapContainer.result(&args, &after.facts("v2"), &after.facts("v2"), &[]);
    assert_eq!(same.expect("a result").to, "web:latest");
}

#[test]
fn the_state_is_what_is_true_now() {
    let check = |state: &str, change: fn(&mut Model)| {
        let mut model = Model::new(true);
        model.serve("v1");
        change(&mut model);
        assert_eq!(model.scene().state(&name()), state);
    };
    check("`web-1` runs v1 (healthy)", |_| ());
    check("`web-1` runs v1 (unhealthy)", |m| m.well.clear());
    check(
        "`web-1` runs v1 (healthy), gets no requests",
        Model::restart_router,
    );
    check("`web-1` (v1) is exited with code 3", |m| {
        m.containers[0].status = Status::Exited;
        m.containers[0].exit_code = 3;
    });
    check("`web-1` is not there", |m| m.containers.clear());
    check("`web-1.next` runs v1", |m| {
        m.containers[0].name = "web-1.next".into()
    });
    let mut model = Model::new(false);
    model.serve("v1");
    let mut scene = model.scene();
    scene.containers[0].health = Health::Unknown;
    assert_eq!(scene.state(&name()), "`web-1` runs v1");
}

#[test]
fn an_image_is_pulled_where_it_is_missing_or_another_one() {
    let mut model = Model::new(true);
    model.serve("v2");
    let mut facts = model.facts("v2");
    assert_eq!(decide(&facts, |_| ()), Ok(vec![]));
    facts.stale = true;
    assert_eq!(decide(&facts, |_| ()).expect("actions")[0], "pull `v2`");
    let mut missing = model.facts("v2");
    (missing.image, missing.wanted) = (None, None);
    assert_eq!(decide(&missing, |_| ()).expect("actions")[0], "pull `v2`");
}

#[test]
fn obstacles_are_said_before_anything_is_done() {
    let mut facts = Model::new(true).facts("v2");
    facts.network_there = false;
    let network = |args: &mut crate::docker::swap_args::Args| args.network = Some("shop".into());
    let message = "the network `shop` does not exist";
    assert_eq!(decide(&facts, network), Err(message.into()));

    let mut facts = Model::new(true).facts("v2");
    facts.image.as_mut().expect("it is there").exposed = vec![80, 81];
    let message = "the port that `web-1` serves could not be told";
    assert_eq!(decide(&facts, |args| args.port = None), Err(message.into()));
    let alone = |args: &mut crate::docker::swap_args::Args| {
        (args.port, args.router, args.health) = (None, None, None);
    };
    decide(&facts, alone).expect("nobody asks for the port of a worker");
}

#[test]
fn the_label_settles_what_the_engine_writes_down_in_other_words() {
    let mut model = Model::new(true);
    model.serve("v2");
    model.containers[0].recipe.volumes = ["an engine's own way to say it".into()].into();
    assert_eq!(
        decide(&model.facts("v2"), |_| ()).expect("actions").len(),
        9
    );
    let hash = model.facts("v2").wanted.expect("it is there").hash;
    model.containers[0].labels.insert(label::SPEC.into(), hash);
    assert_eq!(decide(&model.facts("v2"), |_| ()), Ok(vec![]));
    model.containers[0].address = None;
    assert_ne!(
        decide(&model.facts("v2"), |_| ()),
        Ok(vec![]),
        "it was taken off its network"
    );
}

/// What a plan tells of a swap to an image: its details, and the result as far as it is certain.
#[track_caller]
fn check_plan(model: &Model, image: &str, details: &[&str], result: Value) {
    let (args, facts) = (swap_args(model, image), model.facts(image));
    let actions = swap(model, image, false);
    let actions: Vec<_> = actions.iter().collect();
    let survey = crate::docker::swap_outlook::survey(&args, &facts, &actions);
    assert_eq!(survey.details, details);
    assert_eq!(survey.obstacles, [""; 0]);
    let told = SwapContainer.foresee(&args, &facts, &actions);
    assert_eq!(Value::Object(told), result);
}

#[test]
fn a_plan_tells_images_traffic_and_waits() {
    let mut model = Model::new(true);
    let digest = model.facts("v1").image.map(|image| image.digest);
    check_plan(
        &model,
        "v1",
        &[
            "image nothing → v1",
            "requests begin to reach it",
            "no gap",
            "waits: up to 100s until it is healthy",
        ],
        json!({ "from": null, "to": "v1", "digest": digest, "gap": 0.0, "open": 0, "health": "healthy" }),
    );
    model.serve("v1");
    let digest = model.facts("v2").image.map(|image| image.digest);
    check_plan(
        &model,
        "v2",
        &[
            "image v1 → v2",
            "requests leave server `slot1` for a new one",
            "no gap",
            "waits: up to 100s until it is healthy, up to 30s for open requests, up to 10s to stop",
        ],
        json!({ "from": "v1", "to": "v2", "digest": digest, "gap": 0.0, "health": "healthy" }),
    );
    model.published = Some("8080:8000");
    model.containers[0].recipe.ports = [crate::docker::port::port("8080:8000")].into();
    check_plan(
        &model,
        "v2",
        &[
            "image v1 → v2",
            "requests leave server `slot1` for a new one",
            "nothing serves between the stop of `web-1` and the start: both need its port",
            "waits: up to 30s for open requests, up to 10s to stop, up to 100s until it is healthy",
        ],
        json!({ "from": "v1", "to": "v2", "digest": digest, "health": "healthy" }),
    );
}

#[test]
fn an_image_that_is_pulled_is_told_by_its_name_alone() {
    let mut model = Model::new(false);
    model.serve("v1");
    let plan = |image: &str| {
        let (args, mut facts) = (swap_args(&model, image), model.facts(image));
        (facts.stale, facts.wanted, facts.image) = (false, None, None);
        let decided = SwapContainer.decide(&args, &facts).expect("no obstacle");
        let Decision::Act(stages) = decided else {
            panic!("nothing to do");
        };
        let actions: Vec<_> = stages.iter().flatten().flatten().collect();
        let survey = crate::docker::swap_outlook::survey(&args, &facts, &actions);
        (
            survey.details[..2].to_vec(),
            SwapContainer.foresee(&args, &facts, &actions),
        )
    };
    let (details, told) = plan("v2");
    assert_eq!(details, ["image v1 → v2", "the image is pulled"]);
    assert_eq!(
        Value::Object(told),
        json!({ "from": "v1", "to": "v2", "gap": 0.0, "open": 0, "health": "healthy" })
    );
    let (details, told) = plan("v1");
    assert_eq!(details, ["image v1 → another v1", "the image is pulled"]);
    assert_eq!(
        Value::Object(told),
        json!({ "gap": 0.0, "open": 0, "health": "healthy" })
    );
}

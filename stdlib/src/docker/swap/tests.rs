//! What is decided about worlds that a swap or a restore can meet.

use super::action::Who;
use super::goal::Was;
use super::model::{Model, name};
use super::play::{finish, restore, swap, swap_args, texts, undo};
use crate::docker::SwapContainer;
use crate::docker::container::Status;
use crate::docker::port::port;
use crate::docker::restart::Restart;
use crate::haproxy::Admin;
use pb_core::Primitive;

#[test]
fn the_actions_come_in_their_order() {
    let mut model = Model::new(true);
    model.serve("v1");
    assert_eq!(
        texts(&swap(&model, "v2", false)),
        [
            "create `web-1.next` from `v2`",
            "start `web-1.next`",
            "wait until `web-1.next` is healthy",
            "send requests to `web-1.next`",
            "drain `web-1`",
            "take `web-1` out of the router",
            "stop `web-1`",
            "rename `web-1` to `web-1.1`",
            "rename `web-1.next` to `web-1`",
        ]
    );
    model.published = Some("8080:8000");
    model.containers[0].recipe.ports = [port("8080:8000")].into();
    assert_eq!(
        texts(&swap(&model, "v2", false))[..5],
        [
            "create `web-1.next` from `v2`",
            "drain `web-1`",
            "take `web-1` out of the router",
            "stop `web-1` first: its replacement needs its port",
            "start `web-1.next`",
        ]
    );
}

#[test]
fn undoing_a_container_that_was_not_there_removes_it() {
    let mut model = Model::new(true);
    let args = undo(&model, "v1");
    finish(&mut model, vec![], &|model, turn| swap(model, "v1", turn));
    model.may_end = true;
    finish(&mut model, vec![], &|model, turn| {
        restore(model, &args, turn)
    });
    assert_eq!(model.shown(), [""; 0]);
    assert!(
        model
            .servers
            .iter()
            .all(|server| server.admin == Admin::Maint)
    );
}

#[test]
fn what_did_not_run_or_was_not_well_before_is_not_waited_for() {
    let check = |was, change: fn(&mut Model), actions: &[&str]| {
        let mut model = Model::new(true);
        model.serve("v1");
        change(&mut model);
        let args = undo(&model, "v2");
        assert_eq!(args.was, was);
        finish(&mut model, vec![], &|model, turn| swap(model, "v2", turn));
        assert_eq!(texts(&restore(&model, &args, false)), actions, "{was:?}");
    };
    let back = [
        "drain `web-1`",
        "take `web-1` out of the router",
        "stop `web-1`",
        "remove `web-1`",
        "rename `web-1.1` to `web-1`",
    ];
    let stopped = |model: &mut Model| {
        model.end(&Who::new("web-1".into()));
        model.restart_router();
    };
    check(Was::Stopped, stopped, &back);
    let raise = [
        "start `web-1.1`",
        "see that `web-1.1` stays up",
        "send requests to `web-1.1`",
    ];
    check(
        Was::Running,
        |model| model.well.clear(),
        &[&raise[..], &back].concat(),
    );
    let raise = [
        "start `web-1.1`",
        "wait until `web-1.1` is healthy",
        "send requests to `web-1.1`",
    ];
    check(Was::Healthy, |_| (), &[&raise[..], &back].concat());
}

#[test]
fn a_router_that_forgot_everything_is_set_right_from_what_runs() {
    let mut model = Model::new(true);
    model.serve("v1");
    model.restart_router();
    assert_eq!(
        texts(&swap(&model, "v1", false)),
        ["send requests to `web-1`"]
    );
    finish(&mut model, vec![], &|model, turn| swap(model, "v2", turn));
    assert!(model.serves());
}

#[test]
fn a_container_that_ended_leaves_a_server_to_be_closed() {
    let mut model = Model::new(true);
    model.serve("v1");
    model.end(&Who::new("web-1".into()));
    assert_eq!(
        texts(&swap(&model, "v1", false)),
        [
            "close server `slot1`, whose container is gone",
            "start `web-1`",
            "wait until `web-1` is healthy",
            "send requests to `web-1`",
        ]
    );
}

#[test]
fn one_that_is_as_wanted_but_not_well_is_waited_for() {
    let mut model = Model::new(true);
    model.serve("v1");
    model.well.clear();
    assert_eq!(
        texts(&swap(&model, "v1", false)),
        ["wait until `web-1` is healthy"]
    );
}

#[test]
fn only_the_restart_policy_is_set_without_a_new_container() {
    let mut model = Model::new(true);
    model.serve("v1");
    model.containers[0].recipe.restart = Restart::Always;
    assert_eq!(
        texts(&swap(&model, "v1", false)),
        ["set the restart policy of `web-1` to `unless-stopped`"]
    );
}

#[test]
fn a_container_made_by_hand_is_kept_like_any_other_and_does_not_come_back() {
    let mut model = Model::new(true);
    let id = model.serve("v1");
    model.containers[0].labels.clear();
    model.containers[0].recipe.restart = Restart::Always;
    let args = undo(&model, "v2");
    finish(&mut model, vec![], &|model, turn| swap(model, "v2", turn));
    let kept = model
        .containers
        .iter()
        .find(|c| c.id == id)
        .expect("it is kept");
    assert_eq!(
        (kept.name.as_str(), kept.status),
        ("web-1.000000000001", Status::Exited)
    );
    assert_eq!(kept.recipe.restart, Restart::No);
    finish(&mut model, vec![], &|model, turn| {
        restore(model, &args, turn)
    });
    assert_eq!(model.containers[0].recipe.restart, Restart::Always);
    assert!(model.serves());
}

#[test]
fn a_next_one_made_by_hand_is_in_the_way() {
    let mut model = Model::new(true);
    model.serve("v1");
    model.create("web-1.next", "v3");
    model.containers[1].labels.clear();
    let args = swap_args(&model, "v2");
    let decided = SwapContainer.decide(&args, &model.facts("v2"));
    let failure = decided.expect_err("it is not ours");
    assert_eq!(failure.message, "a container `web-1.next` is in the way");
    assert_eq!(failure.code, "PB0405");
    assert_eq!(
        swap(&model, "v1", false),
        [],
        "it is in nobody's way while nothing is to be made"
    );
}

#[test]
fn one_more_than_asked_for_is_kept() {
    let mut model = Model::new(true);
    model.serve("v1");
    for image in ["v2", "v3", "v4", "v5"] {
        finish(&mut model, vec![], &|model, turn| swap(model, image, turn));
    }
    assert_eq!(
        model.shown(),
        [
            "web-1.3: v3 exited with code 0",
            "web-1.4: v4 exited with code 0",
            "web-1: v5 running, routed",
        ]
    );
    assert_eq!(
        name().kept(&model.containers[0].id),
        model.containers[0].name
    );
}

//! Plays what is decided on the model, all of it or only a part.

use super::action::Action;
use super::model::{Model, PORT};
use crate::docker::{RestoreContainer, SwapContainer, restore_container, swap_args};
use pb_core::{Decision, Primitive, Undo};
use serde_json::{Value, json};

fn handle(driver: &str) -> Value {
    json!({ "$handle": { "driver": driver, "name": driver, "config": {} } })
}

pub(super) fn swap_args(model: &Model, image: &str) -> swap_args::Args {
    let mut args =
        json!({ "name": "web-1", "image": image, "docker": handle("docker"), "port": PORT });
    args["health"] = json!({ "path": "/health/" });
    args["ports"] = model.published.iter().copied().collect();
    if model.router {
        args["router"] = handle("haproxy");
    }
    serde_json::from_value(args).expect("arguments")
}

/// Every action in one order in which the kernel could do them: lane after lane, or the lanes in turn.
fn order(decision: Decision<Action>, in_turn: bool) -> Vec<Action> {
    let stages = match decision {
        Decision::Nothing => vec![],
        Decision::Wait(why) => panic!("it waits: {why}"),
        Decision::Act(stages) => stages,
    };
    let mut actions = vec![];
    for lanes in stages {
        if !in_turn {
            actions.extend(lanes.into_iter().flatten());
            continue;
        }
        let mut lanes: Vec<_> = lanes.into_iter().map(Vec::into_iter).collect();
        while !lanes.is_empty() {
            actions.extend(lanes.iter_mut().rev().filter_map(Iterator::next));
            lanes.retain(|lane| lane.len() > 0);
        }
    }
    actions
}

pub(super) fn swap(model: &Model, image: &str, in_turn: bool) -> Vec<Action> {
    let args = swap_args(model, image);
    let decision = SwapContainer.decide(&args, &model.facts(image));
    order(decision.expect("no obstacle"), in_turn)
}

pub(super) fn restore(model: &Model, args: &restore_container::Args, in_turn: bool) -> Vec<Action> {
    order(
        RestoreContainer
            .decide(args, &model.scene())
            .expect("no obstacle"),
        in_turn,
    )
}

/// The call that undoes a swap to an image.
pub(super) fn undo(before: &Model, image: &str) -> restore_container::Args {
    let args = swap_args(before, image);
    match SwapContainer.undo(&args, &before.facts(image)) {
        Undo::Call { primitive, args } => {
            assert_eq!(primitive, "restore_container");
            serde_json::from_value(args).expect("arguments")
        }
        Undo::None { why } => panic!("{why}"),
    }
}

pub(super) fn texts(actions: &[Action]) -> Vec<String> {
    actions
        .iter()
        .map(|action| action.to_string().replace("00000000000", ""))
        .collect()
}

/// Does all that `decide` finds, again and again cut off after so many actions, until nothing remains.
pub(super) fn finish(
    model: &mut Model,
    mut cuts: Vec<usize>,
    decide: &dyn Fn(&Model, bool) -> Vec<Action>,
) {
    for round in 0..20 {
        let actions = decide(model, round % 2 == 1);
        if actions.is_empty() {
            return;
        }
        let cut = cuts.pop().unwrap_or(usize::MAX).min(actions.len());
        let served = model.serves();
        for action in &actions[..cut] {
            model.apply(action);
            // On a fixed port a gap cannot be helped.
            let gap = model.published.is_some() || model.may_end;
            assert!(
                gap || !served || model.serves(),
                "not served after `{action}`: {:#?}",
                model.shown()
            );
        }
    }
    panic!("it never ends: {:#?}", model.shown());
}

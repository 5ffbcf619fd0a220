//! Swaps and restores that are killed between any two actions, and go on.

use super::goal::Was;
use super::model::Model;
use super::play::{finish, restore, swap, undo};

/// Worlds that a swap to `v2` can be called in.
fn worlds() -> Vec<(&'static str, Model)> {
    let mut worlds = vec![];
    for (what, router, published) in [
        ("behind a router", true, None),
        ("without anything before it", false, None),
        ("on a fixed port", false, Some("8080:8000")),
        ("on a fixed port behind a router", true, Some("8080:8000")),
    ] {
        let mut model = Model::new(router);
        model.published = published;
        worlds.push((what, model.clone()));
        model.serve("v0");
        finish(&mut model, vec![], &|model, turn| swap(model, "v1", turn));
        worlds.push((what, model));
    }
    worlds
}

#[test]
fn a_second_swap_finds_nothing_to_do() {
    for (what, mut model) in worlds() {
        finish(&mut model, vec![], &|model, turn| swap(model, "v2", turn));
        assert_eq!(swap(&model, "v2", false), [], "{what}");
        let routed = if model.router { ", routed" } else { "" };
        let line = format!("web-1: v2 running{routed}");
        assert!(
            model.shown().contains(&line),
            "{what}: {:#?}",
            model.shown()
        );
    }
}

#[test]
fn a_swap_killed_between_any_two_actions_goes_on() {
    for (what, before) in worlds() {
        let mut whole = before.clone();
        finish(&mut whole, vec![], &|model, turn| swap(model, "v2", turn));
        for first in 0..14 {
            for second in 0..14 {
                let mut model = before.clone();
                finish(&mut model, vec![second, first], &|model, turn| {
                    swap(model, "v2", turn)
                });
                assert_eq!(
                    model.shown(),
                    whole.shown(),
                    "{what}, killed at {first} and {second}"
                );
            }
        }
    }
}

#[test]
fn a_swap_killed_between_any_two_actions_can_be_undone() {
    for (what, before) in worlds() {
        let args = undo(&before, "v2");
        for first in 0..14 {
            for second in 0..14 {
                let mut model = before.clone();
                model.may_end = args.was == Was::Absent;
                for action in swap(&before, "v2", true).iter().take(first) {
                    model.apply(action);
                }
                finish(&mut model, vec![second], &|model, turn| {
                    restore(model, &args, turn)
                });
                let pruned = |shown: Vec<String>| {
                    // What the swap removed before it was undone was beyond what is kept.
                    shown
                        .into_iter()
                        .filter(|line| !line.contains("v0"))
                        .collect::<Vec<_>>()
                };
                assert_eq!(
                    pruned(model.shown()),
                    pruned(before.shown()),
                    "{what}, killed at {first}, undone and killed at {second}"
                );
            }
        }
    }
}

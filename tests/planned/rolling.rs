//! `playbooks/rolling.rhai`: planned, run as planned, planned again.

use super::log::only_reads;
use super::tier::Tier;

#[test]
fn the_plan_of_a_roll_touches_nothing_and_its_run_does_it() {
    let Some(tier) = Tier::new("planned_roll") else {
        return;
    };
    for (round, image) in tier.images.iter().enumerate() {
        let before = tier.seen();
        let save = tier.pb.with([
            "plan",
            "rolling.rhai",
            "--image",
            image,
            "-o",
            "saved.plan",
            "--exit-code",
        ]);
        let plan = || only_reads(&tier.postgres, || save.run().expect(4));
        let (planned, events) = tier.events(plan);
        assert_eq!(events, [""; 0], "Docker was told nothing");
        assert_eq!(tier.seen(), before, "a plan changes nothing");
        tier.redacted(planned)
            .matches(&format!("planned/roll_{round}"));

        let run = tier.pb.with(["run", "--plan", "saved.plan"]);
        let (_, events) = tier.events(|| run.run().expect(0));
        assert!(!events.is_empty(), "the run has done it");
        let done = tier.seen();
        let again = tier
            .pb
            .with(["plan", "rolling.rhai", "--image", image, "--exit-code"]);
        let plan = || only_reads(&tier.postgres, || again.run().expect(0));
        let (_, events) = tier.events(plan);
        assert_eq!(events, [""; 0], "Docker was told nothing");
        assert_eq!(tier.seen(), done, "a plan changes nothing");
    }
}

#[test]
fn a_container_swapped_by_hand_is_named() {
    let Some(tier) = Tier::new("planned_by_hand") else {
        return;
    };
    let [one, two] = &tier.images;
    tier.pb
        .with(["run", "rolling.rhai", "--image", one])
        .run()
        .expect(0);
    let plan = tier
        .pb
        .with(["plan", "rolling.rhai", "--image", two, "-o", "saved.plan"]);
    plan.run().expect(0);
    let name = tier.stage.name("web-2");
    tier.docker.run(&["rm", "-f", &name]);
    // Not started: one that runs may have the address that the router knows, or another one.
    tier.docker.run(&["create", "--name", &name, two]);
    let before = tier.seen();
    let refused = tier
        .pb
        .with(["run", "--plan", "saved.plan"])
        .run()
        .expect(6);
    tier.redacted(refused).matches("planned/roll_by_hand");
    assert_eq!(tier.seen(), before, "nothing is touched");
}

#[test]
fn an_approved_roll_to_a_broken_image_is_undone() {
    let Some(tier) = Tier::new("planned_broken") else {
        return;
    };
    tier.pb
        .with(["run", "rolling.rhai", "--image", &tier.images[0]])
        .run()
        .expect(0);
    let playbook = std::fs::read_to_string(tier.pb.folder().join("rolling.rhai")).unwrap();
    let hasty = playbook.replace("deadline: \"60s\" },", "deadline: \"2s\" },");
    assert_ne!(hasty, playbook);
    let ids = || {
        tier.docker.run(&[
            "ps",
            "-q",
            "--no-trunc",
            "--filter",
            &format!("name=^{}", tier.stage.name("")),
        ])
    };
    let before = ids();
    let plan = tier.pb.with(["plan"]).playbook("rolling.rhai", &hasty);
    plan.args(["--image", &tier.broken, "-o", "saved.plan"])
        .run()
        .expect(0);
    tier.pb
        .with(["run", "--plan", "saved.plan"])
        .run()
        .expect(1);
    assert_eq!(ids(), before, "the containers that ran before run again");
}

//! Which environment a run works on.

use super::pb;

const PLAYBOOK: &str = "print(target.name);";

const TOML: &str = "[env.local]\nname = \"on this machine\"\n\n[env.prod]\nname = \"production\"\n";

#[test]
fn the_flag_wins_then_the_variable_then_local() {
    let pb = pb()
        .toml(TOML)
        .args(["run"])
        .playbook("name.rhai", PLAYBOOK);
    let check =
        |pb: crate::support::pb::Pb, expected| assert_eq!(pb.run().expect(0).stdout, expected);
    check(pb.clone(), "on this machine\n");
    check(pb.clone().env("PB_ENV", "prod"), "production\n");
    check(
        pb.clone().env("PB_ENV", "prod").args(["-e", "local"]),
        "on this machine\n",
    );
}

#[test]
fn pb_toml_is_found_above_the_playbook_and_runs_are_kept_beside_it() {
    let pb = pb().toml(TOML).file("deep/er/name.rhai", PLAYBOOK);
    let run = pb.with(["run", "deep/er/name.rhai"]).run().expect(0);
    assert_eq!(run.stdout, "on this machine\n");
    assert!(pb.folder().join(".pb/runs").is_dir());
    let inside = pb
        .with(["run", "-C", "deep/er", "name.rhai", "-e", "prod"])
        .run()
        .expect(0);
    assert_eq!(inside.stdout, "production\n");
    let runs = pb.with(["runs", "--output", "ndjson"]).run().expect(0);
    assert_eq!(runs.stdout.lines().count(), 2, "{runs}");
    let elsewhere = pb
        .with(["run", "deep/er/name.rhai", "--state", "kept"])
        .run();
    elsewhere.expect(0);
    let kept = pb
        .with(["runs", "--output", "ndjson"])
        .env("PB_STATE", "kept")
        .run();
    assert_eq!(kept.expect(0).stdout.lines().count(), 1);
}

#[test]
fn mistakes_are_shown_at_their_place() {
    let check = |name: &str, toml: &str, arguments: &[&str]| {
        let pb = pb()
            .toml(toml)
            .args(["run"])
            .playbook("name.rhai", PLAYBOOK);
        let outcome = pb.args(arguments.to_vec()).run().expect(2);
        outcome.matches(&format!("commands/configuration/{name}"));
    };
    check("environment", TOML, &["-e", "prodd"]);
    check(
        "driver",
        "[env.local]\ndb = { postgress = \"postgres://a@b/c\" }\n",
        &[],
    );
    check(
        "key",
        "[env.local]\ndb = { postgres = \"postgres://a@b/c\", pasword = \"secret:env:P\" }\n",
        &[],
    );
    check(
        "address",
        "[env.local]\ndb = { postgres = \"shop\" }\n",
        &[],
    );
    check(
        "engine",
        "[env.local.docker]\ndocker = \"docker.sock\"\n",
        &[],
    );
    check(
        "password",
        "[env.local]\ndb = { postgres = \"postgres://a@b/c\", password = \"hunter2hunter2\" }\n",
        &[],
    );
    check("table", "[envs.local]\n", &[]);
    check("toml", "[env.local]\nname = one\n", &[]);
}

#[test]
fn without_a_file_only_local_is_there() {
    let pb = pb()
        .args(["run"])
        .playbook("name.rhai", "print(target.docker);");
    assert_eq!(pb.run().expect(0).stdout, "docker\n");
    pb.args(["-e", "prod"])
        .run()
        .expect(2)
        .matches("commands/configuration/none");
}

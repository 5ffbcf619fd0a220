//! A rolling swap under load that is killed with SIGKILL after any number of durable records, then resumed.

use super::stage::{with_database, with_docker};
use crate::support::image::Image;
use crate::support::load::Load;
use crate::support::need;
use crate::support::pb::Pb;
use crate::support::stage::Stage;
use crate::support::wait;
use rustix::process::Signal;
use std::fs;
use std::thread::sleep;
use std::time::Duration;

/// So many kills are tried unless `KILLS=all` asks for one after every record.
const SAMPLE: usize = 12;

/// How many records are durable by now.
fn records(pb: &Pb) -> usize {
    let folder = pb.folder().join(".pb/runs");
    let files = fs::read_dir(folder).into_iter().flatten().flatten();
    let journals = files.filter(|file| file.path().extension().is_some_and(|e| e == "ndjson"));
    let texts = journals.map(|file| fs::read_to_string(file.path()).unwrap_or_default());
    texts.map(|text| text.matches('\n').count()).sum()
}

/// Runs and kills once so many records are durable; `false` when it ended before.
fn killed_after(pb: &Pb, n: usize) -> bool {
    let mut running = pb.start();
    while records(pb) < n {
        if running.has_ended() {
            assert_eq!(running.wait().code, 0);
            return false;
        }
        sleep(Duration::from_micros(200));
    }
    // Not always at the same place between two records.
    sleep(Duration::from_micros((n as u64 * 1_733) % 9_000));
    running.signal(Signal::KILL);
    running.wait().code == 137
}

/// The numbers of records to kill after, of so many in all.
fn points(all: usize) -> Vec<usize> {
    if std::env::var("KILLS").is_ok_and(|kills| kills == "all") {
        return (1..all).collect();
    }
    (0..SAMPLE).map(|i| 1 + i * (all - 2) / SAMPLE).collect()
}

#[test]
fn what_is_true_now_is_said_before_anybody_is_asked() {
    let Some(postgres) = need::postgres() else {
        return;
    };
    let database = postgres.fresh_database("resumed_look");
    let text = "let db = target.database;\n\
                get_or_create_tenant(db, \"acme\", #{ registry: \"none\" });\n\
                get_or_create_tenant(db, \"globex\", #{ registry: \"none\" });\n\
                command([\"sleep\", \"1\"], #{ on_doubt: \"skip\" });\n";
    let pb = with_database(&database)
        .args(["run"])
        .playbook("a.rhai", text);
    let running = pb.start();
    let there = || {
        (database.sql("SELECT count(*) FROM pg_namespace WHERE nspname = 'globex'") == "1")
            .then_some(())
    };
    wait::until("globex", Duration::from_secs(30), there).unwrap();
    running.signal(Signal::KILL);
    running.wait().expect(137);
    // Somebody was there in the meantime.
    database.sql("DROP SCHEMA acme CASCADE");
    let asked = pb.with(["resume"]).run().expect(6);
    let line = |text: &str| {
        asked
            .stderr
            .lines()
            .filter(|line| line.contains(text))
            .count()
    };
    assert_eq!(line("was killed on "), 1, "{asked}");
    assert_eq!(line("  now: tenant acme is not there"), 1, "{asked}");
    assert_eq!(line("  now: tenant globex is there"), 1, "{asked}");
}

#[test]
fn a_killed_rolling_swap_goes_on_and_no_request_fails() {
    let (Some(docker), Some(haproxy)) = (need::docker(), need::haproxy()) else {
        return;
    };
    let stage = Stage::new(docker, "prim_resumed");
    let web = |tag: &str| {
        Image::web(&format!("slow-{tag}"))
            .env("READY_AFTER_MS", "200")
            .import(docker)
    };
    let images = ["1.0", "2.0"].map(web);
    let text = format!(
        "let image = param(\"image\");\nrolling([\"{}\", \"{}\"], |name| {{\n    swap_container(name, #{{ image: image, router: \
         target.router, keep: 0, health: #{{ path: \"/health/\" }} }});\n}});\n",
        stage.name("web-1"),
        stage.name("web-2")
    );
    let pb = with_docker(docker, Some(&haproxy)).file("roll.rhai", &text);
    let run = |image: &str| pb.with(["run", "roll.rhai", "--image", image]);
    run(&images[0]).run().expect(0);
    let before = records(&pb);
    run(&images[1]).run().expect(0);
    let all = records(&pb) - before;
    let load = Load::start(haproxy.address(), 200, None);
    let points = points(all);
    for (round, n) in points.iter().enumerate() {
        let image = &images[round % 2];
        if killed_after(&run(image), records(&pb) + n) {
            let moved = pb.with(["resume", "--yes"]).run();
            let ended = moved.stderr.contains("no run is unfinished");
            assert!(ended || moved.code == 0, "killed after {n}: {moved}");
        }
        // What was replaced is kept, stopped, so that an undo can start it again.
        let running = stage
            .containers()
            .into_iter()
            .filter(|c| c.state == "running");
        let shown: Vec<_> = running.map(|c| format!("{} {}", c.name, c.image)).collect();
        let wanted = ["web-1", "web-2"].map(|name| format!("{name} {image}"));
        assert_eq!(shown, wanted, "killed after {n} of {all} records");
    }
    let summary = load.stop();
    assert_eq!(summary.failed, 0, "{summary:?}");
    need::say(&format!(
        "killed after {} of {all} records: {} requests, 0 failed, one container per name",
        points.len(),
        summary.total
    ));
}

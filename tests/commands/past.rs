//! `pb runs` and `pb show`.

use super::answers::Answers;
use super::pb;
use crate::support::outcome::Outcome;
use crate::support::pb::Pb;
use std::fs;
use std::path::PathBuf;

/// One run that did its work, and one that failed after it had changed something.
fn two_runs(web: &Answers) -> Pb {
    let done = format!("http_get(\"{}\");", web.url("/200/a"));
    let failed = format!(
        "let image = param(\"image\");\nsavepoint(\"s\", || {{\n    http_post(\"{}\", #{{ key: \"b\" }});\n    throw \"no\";\n}});\n",
        web.url("/200/b")
    );
    let pb = pb().file("done.rhai", &done).file("failed.rhai", &failed);
    pb.with(["run", "done.rhai"]).run().expect(0);
    pb.with(["run", "failed.rhai", "--image", "shop:2.0"])
        .run()
        .expect(1);
    pb
}

/// Of the newest run.
fn journal(pb: &Pb) -> PathBuf {
    let entries = fs::read_dir(pb.folder().join(".pb/runs")).unwrap();
    let journals = entries.map(|entry| entry.unwrap().path());
    let mut journals: Vec<_> = journals
        .filter(|path| path.extension().unwrap() == "ndjson")
        .collect();
    journals.sort();
    journals.pop().unwrap()
}

fn id(pb: &Pb) -> String {
    journal(pb)
        .file_stem()
        .unwrap()
        .to_str()
        .unwrap()
        .to_owned()
}

fn without_host(outcome: Outcome) -> Outcome {
    let host = rustix::system::uname()
        .nodename()
        .to_str()
        .unwrap()
        .to_owned();
    outcome
        .hide(&format!("@{host}"), "@<host>")
        .hide(&format!("\"host\":\"{host}\""), "\"host\":\"<host>\"")
}

#[test]
fn runs_are_listed_newest_first() {
    let pb = two_runs(&Answers::start());
    pb.with(["runs"])
        .run()
        .expect(0)
        .matches("commands/past/runs");
    pb.with(["runs", "--output", "json"])
        .run()
        .expect(0)
        .matches("commands/past/runs_json");
    pb.with(["runs", "--state", "nowhere"])
        .run()
        .expect(0)
        .matches("commands/past/no_runs");
}

#[test]
fn a_run_is_shown_as_it_was() {
    let pb = two_runs(&Answers::start());
    let show =
        |arguments: &[&str]| without_host(pb.with([&["show"], arguments].concat()).run().expect(0));
    show(&[]).matches("commands/past/show");
    super::without_times(show(&["--output", "json"])).matches("commands/past/show_json");
    assert_eq!(show(&[&id(&pb)]), show(&[]));
    assert_eq!(show(&[&id(&pb).to_lowercase()]), show(&[]));
}

#[test]
fn an_id_may_be_short_but_not_ambiguous() {
    let pb = two_runs(&Answers::start());
    // The seconds are the first seven letters; both runs began in the same few.
    let both = pb.with(["show", &id(&pb)[..3]]).run().expect(2);
    assert!(both.stderr.contains("may be 2 runs"), "{both}");
    pb.with(["show", "0000"])
        .run()
        .expect(2)
        .hide(&id(&pb), "<run>")
        .matches("commands/past/unknown");
    pb.with(["show", "--state", "nowhere"])
        .run()
        .expect(2)
        .matches("commands/past/none");
}

#[test]
fn a_damaged_journal_is_named_with_record_and_reason() {
    let pb = two_runs(&Answers::start());
    let file = journal(&pb);
    let text = fs::read_to_string(&file).unwrap();
    fs::write(
        &file,
        text.replacen("\"scope\":\"savepoint\"", "\"scope\":\"savepoinT\"", 1),
    )
    .unwrap();
    pb.with(["runs"])
        .run()
        .expect(0)
        .matches("commands/past/damaged_runs");
    without_host(pb.with(["show"]).run().expect(0)).matches("commands/past/damaged_show");
    let json = pb.with(["show", "--output", "json"]).run().expect(0);
    let shown: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(shown["state"], "damaged");
    assert_eq!(shown["damage"]["record"], 2);
}

#[test]
fn a_run_that_was_killed_is_interrupted_and_one_that_goes_on_is_running() {
    let web = Answers::start();
    let playbook = format!(
        "http_post(\"{}\", #{{ key: \"a\" }});\nhealth_check(\"{}\", #{{ deadline: \"60s\" }});\n",
        web.url("/200/a"),
        web.url("/503/b")
    );
    let pb = pb().file("wait.rhai", &playbook);
    let running = pb.with(["run", "wait.rhai"]).start();
    // The second request comes after the first one's result was made durable.
    assert_eq!(web.asked.recv().unwrap(), "/200/a");
    assert_eq!(web.asked.recv().unwrap(), "/503/b");
    pb.with(["runs"])
        .run()
        .expect(0)
        .matches("commands/past/running");
    running.signal(rustix::process::Signal::KILL);
    running.wait();
    pb.with(["runs"])
        .run()
        .expect(0)
        .matches("commands/past/killed");
    without_host(pb.with(["show"]).run().expect(0)).matches("commands/past/killed_show");
}

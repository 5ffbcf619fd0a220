//! `pb resume` and `pb rollback`: what is done about a run that was killed.

use super::answers::Answers;
use super::pb;
use crate::support::outcome::Outcome;
use crate::support::pb::{Pb, Running};
use rustix::process::Signal;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

/// Makes a folder, posts what nobody answers, makes another folder.
fn playbook(web: &Answers, path: &str) -> String {
    format!(
        "command([\"mkdir\", \"one\"], #{{ undo: [\"rmdir\", \"one\"] }});\n\
         http_post(\"{}\", #{{ timeout: \"100s\" }});\n\
         command([\"mkdir\", \"two\"], #{{ undo: [\"rmdir\", \"two\"] }});\n",
        web.url(path)
    )
}

/// A run that was killed while it posted.
pub(super) fn killed(web: &Answers) -> Pb {
    let pb = pb()
        .args(["run"])
        .playbook("a.rhai", &playbook(web, "/never/a"));
    let running = pb.start();
    assert_eq!(web.asked.recv().unwrap(), "/never/a");
    running.signal(Signal::KILL);
    running.wait().expect(137);
    pb
}

pub(super) fn files(pb: &Pb, extension: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(pb.folder().join(".pb/runs")).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .filter(|path| path.extension().unwrap() == extension)
        .collect()
}

pub(super) fn folders(pb: &Pb) -> String {
    let there = |name: &&str| pb.folder().join(name).is_dir();
    let names: Vec<_> = ["one", "two"].into_iter().filter(there).collect();
    names.join(" ")
}

pub(super) fn said(pb: &Pb, arguments: &[&str], code: i32) -> Outcome {
    pb.with(arguments.iter().copied()).run().expect(code)
}

pub(super) const KEY: &str = "/http_post#1";

#[test]
fn doubt_is_settled_by_a_person_alone() {
    for (word, asked_again) in [("applied", false), ("not-applied", true)] {
        let web = Answers::start();
        let pb = killed(&web);
        said(&pb, &["resume"], 6).matches("commands/resume/nobody");
        said(&pb, &["resume", "--yes"], 5).matches("commands/resume/doubt");
        assert_eq!(folders(&pb), "one");
        let settle = format!("{KEY}={word}");
        let resumed = pb.with(["resume", "--yes", "--settle", &settle]);
        if asked_again {
            let running = resumed.start();
            assert_eq!(web.asked.recv().unwrap(), "/never/a");
            running.signal(Signal::KILL);
            running.wait().expect(137);
            assert_eq!(folders(&pb), "one");
        } else {
            resumed.run().expect(0).matches("commands/resume/settled");
            assert_eq!(folders(&pb), "one two");
            said(&pb, &["resume", "--yes"], 2).matches("commands/resume/none");
            assert!(web.asked.try_recv().is_err(), "it was posted once");
        }
    }
    said(&pb(), &["resume", "x", "--settle", "mkdir"], 2).matches("commands/resume/settle");
}

#[test]
fn on_doubt_is_said_by_the_script() {
    let web = Answers::start();
    let text = playbook(&web, "/never/a").replace("timeout:", "on_doubt: \"skip\", timeout:");
    let pb = pb().args(["run"]).playbook("a.rhai", &text);
    let running = pb.start();
    assert_eq!(web.asked.recv().unwrap(), "/never/a");
    running.signal(Signal::KILL);
    running.wait().expect(137);
    said(&pb, &["resume", "--yes"], 0);
    assert_eq!(folders(&pb), "one two");
    assert!(web.asked.try_recv().is_err(), "it was posted once");
}

#[test]
fn a_second_run_is_refused_and_a_dead_one_holds_nothing() {
    let web = Answers::start();
    let pb = killed(&web);
    let again = pb.with(["run", "a.rhai"]);
    again.run().expect(6).matches("commands/resume/unfinished");
    said(
        &pb,
        &[
            "rollback",
            "--yes",
            "--settle",
            &format!("{KEY}=not-applied"),
        ],
        0,
    )
    .matches("commands/resume/rollback");
    assert_eq!(folders(&pb), "");
    said(&pb, &["rollback", "--yes"], 6).matches("commands/resume/rolled_back");
    let running: Running = again.start();
    assert_eq!(web.asked.recv().unwrap(), "/never/a");
    let second = again.run().expect(6);
    second.matches("commands/resume/locked");
    said(&pb, &["resume", "--yes"], 2).matches("commands/resume/none");
    let waiting = again.clone().args(["--wait", "60s"]).start();
    running.signal(Signal::KILL);
    running.wait().expect(137);
    waiting
        .wait()
        .expect(6)
        .matches("commands/resume/unfinished");
}

#[test]
fn a_run_of_which_nothing_is_durable_did_not_begin() {
    let pb = pb().file(".pb/runs/1M7YH3BZJJ.ndjson", "");
    said(&pb, &["resume", "--yes"], 2).matches("commands/resume/none");
    said(&pb, &["rollback", "--yes"], 6);
}

#[test]
fn an_edited_playbook_does_not_change_what_is_resumed() {
    let web = Answers::start();
    let pb = killed(&web).file("a.rhai", "print(\"edited\"); throw \"edited\";");
    let settle = format!("{KEY}=applied");
    let resumed = said(&pb, &["resume", "--yes", "--settle", &settle], 0);
    assert!(!resumed.stdout.contains("edited"), "{resumed}");
    assert_eq!(folders(&pb), "one two");
}

#[test]
fn an_edited_playbook_is_gone_on_with_only_where_it_goes_the_same_way() {
    let web = Answers::start();
    let pb = killed(&web);
    let settle = format!("{KEY}=applied");
    let edited = |name: &str, text: &str, code: i32| {
        let pb = pb.clone().file("a.rhai", text);
        let arguments = [
            "resume",
            "--with-edited",
            "a.rhai",
            "--yes",
            "--settle",
            &settle,
        ];
        let resumed = said(&pb, &arguments, code);
        resumed.matches(&format!("commands/resume/edited_{name}"));
    };
    let recorded = playbook(&web, "/never/a");
    let changed = |from: &str, to: &str| recorded.replacen(from, to, 1);
    edited("argument", &changed("\"one\"]", "\"uno\"]"), 5);
    edited("in_doubt", &changed("/never/a", "/never/b"), 5);
    edited("inserted", &format!("command([\"true\"]);\n{recorded}"), 5);
    edited("removed", "print(\"edited\");", 5);
    edited("broken", "let = 1;", 3);
    assert_eq!(folders(&pb), "one");
    let more = format!("{recorded}command([\"rmdir\", \"two\"]);\nprint(\"edited\");\n");
    edited("continued", &more, 0);
    assert_eq!(folders(&pb), "one");
    said(&pb, &["rollback", "--yes", "--skip", "/command#2"], 0);
}

#[test]
fn a_torn_tail_is_cut_and_damage_is_refused() {
    let web = Answers::start();
    let pb = killed(&web);
    let journal = files(&pb, "ndjson").pop().unwrap();
    let mut file = OpenOptions::new().append(true).open(&journal).unwrap();
    file.write_all(b"{\"v\":1,\"seq\":9").unwrap();
    let whole = fs::read(&journal).unwrap();
    let mut flipped = whole.clone();
    flipped[200] ^= 1;
    fs::write(&journal, &flipped).unwrap();
    said(&pb, &["resume", "--yes"], 5).matches("commands/resume/damaged");
    said(&pb, &["rollback", "--yes"], 5).matches("commands/resume/damaged");
    said(&pb, &["run", "a.rhai"], 6);
    fs::write(&journal, &whole).unwrap();
    said(
        &pb,
        &["resume", "--yes", "--settle", &format!("{KEY}=applied")],
        0,
    )
    .matches("commands/resume/torn");
    assert_eq!(folders(&pb), "one two");
    // What came after it stands on a line of its own.
    let shown = said(&pb, &["show", "--output", "json"], 0);
    assert!(shown.stdout.contains("\"state\":\"done\""), "{shown}");
}

#[test]
fn a_finished_run_is_rolled_back_and_a_failed_undo_tried_again() {
    let text = "command([\"mkdir\", \"one\"], #{ undo: [\"rmdir\", \"one\"] });\n\
                command([\"mkdir\", \"two\"], #{ undo: [\"rmdir\", \"two\"] });\n";
    let pb = pb().args(["run"]).playbook("a.rhai", text);
    pb.run().expect(0);
    let kept = pb.folder().join("one/kept");
    fs::write(&kept, "").unwrap();
    said(&pb, &["rollback"], 6).matches("commands/resume/rollback_nobody");
    said(&pb, &["rollback", "--yes"], 5).matches("commands/resume/stuck");
    assert_eq!(folders(&pb), "one");
    fs::remove_file(&kept).unwrap();
    said(&pb, &["rollback", "--yes"], 0);
    assert_eq!(folders(&pb), "");
    // Or it is left.
    pb.run().expect(0);
    fs::write(&kept, "").unwrap();
    let skip = ["rollback", "--yes", "--skip", "/command#1"];
    said(&pb, &skip, 0).matches("commands/resume/skipped");
    assert_eq!(folders(&pb), "one");
}

#[test]
fn told_to_stop_it_is_resumed_where_it_stood() {
    let web = Answers::start();
    let text = format!(
        "command([\"mkdir\", \"one\"], #{{ undo: [\"rmdir\", \"one\"] }});\nlet t = now();\nsleep(\"200ms\");\nhealth_check(\"{}\", #{{ deadline: \"60s\" }});\n\
         command([\"mkdir\", \"two\"]);\nprint(t);\n",
        web.url("/503/a")
    );
    let pb = pb().args(["run"]).playbook("a.rhai", &text);
    let running = pb.start();
    assert_eq!(
        web.asked.recv_timeout(Duration::from_secs(60)).unwrap(),
        "/503/a"
    );
    running.signal(Signal::TERM);
    running.wait().expect(143);
    let resumed = pb.with(["resume", "--yes"]).start();
    assert_eq!(
        web.asked.recv_timeout(Duration::from_secs(60)).unwrap(),
        "/503/a"
    );
    // The first folder would be an error if it were made again.
    resumed.signal(Signal::INT);
    resumed.wait().expect(130);
    said(&pb, &["rollback", "--yes"], 0);
    assert_eq!(folders(&pb), "");
}

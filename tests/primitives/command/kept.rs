//! What is kept of programs in the state directory: where, how much, and what happens when there is no room.

use super::super::stage::pb;
use super::begun::{Begun, lives, until};
use crate::support::need;
use crate::support::outcome::Outcome;
use crate::support::pb::Pb;
use std::fs;
use std::os::unix::fs::MetadataExt;

#[test]
fn it_is_for_nobody_else_and_small() {
    let mut begun = Begun::new(
        "yes 0123456789 | head -c 10000000; yes error | head -c 10000000 >&2; touch begun; \
         while [ -e begun ] && ! [ -e go ]; do sleep 0.01; done",
    );
    let memory = fs::read_to_string(format!("/proc/{}/status", begun.supervisor)).unwrap();
    let most = memory.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let most = most.unwrap().trim().trim_end_matches(" kB");
    assert!(most.parse::<u64>().unwrap() < 64 * 1024, "{most} kB");
    begun.kill_pb();
    begun.let_go();
    until("its end", || !lives(begun.supervisor));
    let mut size = 0;
    for entry in fs::read_dir(begun.folder()).unwrap() {
        let meta = entry.unwrap().metadata().unwrap();
        assert_eq!(meta.mode() & 0o7777, 0o600);
        size += meta.len();
    }
    assert!((128 * 1024..132 * 1024).contains(&size), "{size} bytes");
    for folder in begun.folder().ancestors().take(3) {
        let mode = folder.metadata().unwrap().mode() & 0o7777;
        assert_eq!(mode, 0o700, "{}", folder.display());
    }
}

/// One program that would leave a file, and what is said of it.
fn leaves_a_file() -> Pb {
    let call = "print(command([\"sh\", \"-c\", \"touch ran; echo done\"]));";
    pb().playbook("play.rhai", call)
}

/// Nothing was started, and that is said with its reason.
fn check_not_started(pb: &Pb, outcome: &Outcome, why: &str) {
    assert_eq!(outcome.code, 1, "{outcome}");
    let error = "error[PB0501]: `sh -c 'touch ran; echo done'` could not be started";
    assert!(outcome.stderr.contains(error), "{outcome}");
    // It may be cut into lines.
    let words: Vec<_> = outcome.stderr.split_whitespace().collect();
    let words = words.join(" ");
    let place = "because: `<project>/.pb/children/";
    assert!(words.contains(place) && words.contains(why), "{outcome}");
    assert!(!pb.folder().join("ran").exists());
}

#[test]
fn without_a_place_for_it_nothing_is_started() {
    let pb = leaves_a_file().file(".pb/children", "in the way");
    let outcome = pb.with(["run", "play.rhai"]).run();
    check_not_started(&pb, &outcome, "Not a directory (os error 20)");
}

/// Runs it with a disk of so many bytes under `children`, which nobody else sees.
fn on_a_disk_of(size: &str, pb: &Pb) -> Option<Outcome> {
    let unshare = need::mounts()?;
    fs::create_dir_all(pb.folder().join(".pb/children")).unwrap();
    let output = unshare
        .command()
        .args([
            "sh",
            "-c",
            "mount -t tmpfs -o $1 none .pb/children && shift && exec \"$@\"",
            "sh",
        ])
        .arg(size)
        .arg(env!("CARGO_BIN_EXE_pb"))
        .args(["run", "play.rhai"])
        .current_dir(pb.folder())
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let project = pb.folder().display().to_string();
    let outcome = Outcome {
        code: output.status.code().unwrap(),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
    };
    Some(outcome.hide(&project, "<project>"))
}

#[test]
fn on_a_full_disk_nothing_is_started() {
    // No room for a folder; for its first file; for the record of the start.
    for size in ["size=4k,nr_inodes=1", "size=4k,nr_inodes=4", "size=4k"] {
        let pb = leaves_a_file();
        let Some(outcome) = on_a_disk_of(size, &pb) else {
            return;
        };
        check_not_started(&pb, &outcome, "No space left on device (os error 28)");
    }
}

#[test]
fn the_end_is_kept_on_a_disk_that_has_become_full() {
    let pb = leaves_a_file();
    let Some(outcome) = on_a_disk_of("size=8k", &pb) else {
        return;
    };
    assert_eq!(outcome.code, 0, "{outcome}");
    assert!(outcome.stdout.contains("\"code\": 0"), "{outcome}");
    assert!(
        outcome
            .stdout
            .contains("its output could not be kept: No space left on device"),
        "{outcome}"
    );
    assert!(pb.folder().join("ran").exists());
}

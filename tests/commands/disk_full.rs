//! A disk that is full while a run writes its journal: what people read, and that the run goes on once there is room.

use super::pb;
use super::resume::{files, said};
use crate::support::need::{self, say};
use crate::support::pb::{Pb, binary};
use std::fs;

/// Each line is written once, or somebody did it twice.
const PLAYBOOK: &str = r#"
for name in ["a", "b", "c"] {
    command(["sh", "-c", `echo ${name} >> written`], #{ undo: ["rm", "-f", "written"] });
}
print("all");
"#;

fn project() -> Pb {
    pb().args(["run"]).playbook("a.rhai", PLAYBOOK)
}

fn written(pb: &Pb) -> String {
    fs::read_to_string(pb.folder().join("written")).unwrap_or_default()
}

/// From nothing on, in the middle of a record of an undisturbed run and before the next by turns.
fn points() -> Vec<u64> {
    let whole = project();
    whole.run().expect(0);
    let journal = fs::read(files(&whole, "ndjson").pop().unwrap()).unwrap();
    let mut points = vec![0];
    let mut from = 0;
    for (n, line) in journal.split_inclusive(|byte| *byte == b'\n').enumerate() {
        points.push((from + (n + 1) % 2 * (line.len() / 2)) as u64);
        from += line.len();
    }
    points
}

#[test]
fn a_full_disk_is_said_and_the_run_goes_on_when_there_is_room() {
    let (points, mut refused) = (points(), 0);
    for (n, bytes) in points.iter().enumerate() {
        let pb = project();
        let full = pb.clone().file_size(*bytes).run();
        let acted = !written(&pb).is_empty();
        let told = format!("full after {bytes} bytes: {full}");
        assert_eq!(full.code, if acted { 5 } else { 2 }, "{told}");
        assert!(full.stderr.contains("error[PB0007]"), "{told}");
        assert!(full.stderr.contains("hint: "), "{told}");
        let begun = fs::read(files_or_none(&pb)).is_ok_and(|bytes| bytes.contains(&b'\n'));
        if !begun {
            full.matches(if *bytes == 0 {
                "commands/disk_full/nothing"
            } else {
                "commands/disk_full/first"
            });
            assert!(!acted, "{told}");
            said(&pb, &["resume", "--yes"], 2);
            if *bytes > 0 {
                said(&pb, &["rollback", "--yes"], 6).matches("commands/disk_full/never_began");
                said(&pb, &["runs"], 0).matches("commands/disk_full/runs");
            }
            pb.run().expect(0);
            refused += 1;
        } else {
            assert!(full.stderr.contains("pb resume "), "{told}");
            if n == points.len() / 2 {
                full.matches("commands/disk_full/acted");
                said(&pb, &["show"], 0).matches("commands/disk_full/show");
            }
            // Neither another run nor a resume on the full disk makes it worse.
            said(&pb, &["run", "a.rhai"], 6);
            let again = pb.with(["resume", "--yes"]).file_size(*bytes).run();
            // 2 says that nothing was touched.
            let untouched = again.code == 2 && written(&pb).is_empty();
            assert!([0, 5].contains(&again.code) || untouched, "{again}");
            said(&pb, &["run", "a.rhai"], 6);
            said(&pb, &["resume", "--yes"], 0);
        }
        assert_eq!(written(&pb), "a\nb\nc\n", "{told}");
        said(&pb, &["rollback", "--yes"], 0);
        assert_eq!(written(&pb), "", "{told}");
    }
    say(&format!(
        "full at {} points of the journal: {refused} refused before they began, the others resumed, 0 duplicates",
        points.len()
    ));
}

/// The journal of the only run, or a path where nothing is.
fn files_or_none(pb: &Pb) -> std::path::PathBuf {
    let runs = pb.folder().join(".pb/runs");
    match runs.is_dir() {
        true => files(pb, "ndjson").pop().unwrap_or(runs),
        false => runs,
    }
}

/// On a disk of so many pages, all but `$2` of them taken: runs, is taken up, makes room, and goes on. Prints the exit codes,
/// and whether the first run had begun and not ended.
const ON_A_SMALL_DISK: &str = r#"
pb=$1
mkdir .pb && mount -t tmpfs -o size=64k,mode=700 none .pb
head -c $((65536 - $2 * 4096)) /dev/zero > .pb/taken
"$pb" run a.rhai > out 2> full; echo "full $?"
"$pb" resume --yes > out 2> again; echo "again $?"
rm .pb/taken
journal=$(ls .pb/runs/*.ndjson | head -1)
if test "$(cat "$journal" < /dev/null | wc -l)" -gt 0 && ! grep -q run_close "$journal"; then
    "$pb" run a.rhai > out 2> other; echo "other $?"
    "$pb" resume --yes > out 2> room; echo "room $?"
elif test ! -e written; then
    "$pb" run a.rhai > out 2> room; echo "room $?"
fi
"#;

#[test]
fn a_full_file_system_forgets_no_run() {
    let Some(mounts) = need::mounts() else {
        return;
    };
    let mut ends = std::collections::BTreeMap::<String, usize>::new();
    for pages in 0..14 {
        let pb = project();
        let output = mounts
            .command()
            .args(["sh", "-c", ON_A_SMALL_DISK, "sh"])
            .arg(binary())
            .arg(pages.to_string())
            .env("USER", "dana")
            .current_dir(pb.folder())
            .output()
            .unwrap();
        let codes = String::from_utf8_lossy(&output.stdout).replace('\n', " ");
        let texts = ["full", "again", "other", "room"].map(|name| {
            let text = fs::read_to_string(pb.folder().join(name)).unwrap_or_default();
            format!("--- {name}\n{text}")
        });
        let told = format!("{pages} pages: {codes}\n{}", texts.concat());
        let full = texts[0].contains("(os error 28)");
        assert_eq!(full, !codes.contains("full 0"), "{told}");
        // It was being undone when the disk was full, and is undone to its end.
        let undone = codes.ends_with("room 1 ");
        assert_eq!(
            written(&pb),
            if undone { "" } else { "a\nb\nc\n" },
            "{told}"
        );
        *ends.entry(codes.trim().to_owned()).or_default() += 1;
    }
    // A run that had begun is refused to be forgotten, and goes on.
    let allowed = [
        "full 2 again 2 room 0",
        "full 1 again 2 room 0",
        "full 5 again 5 other 6 room 0",
        "full 5 again 5 other 6 room 1",
        "full 0 again 2",
    ];
    for end in ends.keys() {
        assert!(allowed.contains(&end.as_str()), "{ends:#?}");
    }
    say(&format!("a full file system, ends by free pages: {ends:?}"));
}

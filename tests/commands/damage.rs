//! A damaged journal through every command: it is named, nothing is done from it, and nothing of it is changed.

use super::answers::Answers;
use super::resume::{KEY, files, folders, killed, said};
use crate::support::need::say;
use crate::support::pb::Pb;
use pb_core::journal::{History, Witness};
use std::fs;
use std::path::Path;

/// So many cuts, and as many flips.
const SAMPLE: usize = 12;

/// The files of a run that was killed.
struct Files {
    journal: Vec<u8>,
    witness: Vec<u8>,
}

/// Name, content and mode do not matter: every byte under the folder.
fn bytes_below(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut all = vec![];
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => all.extend(bytes_below(&path)),
            false => all.push((path.display().to_string(), fs::read(&path).unwrap())),
        }
    }
    all.sort();
    all
}

/// Asks every command; gives whether they named the damage.
fn is_named(pb: &Pb, run: &str, what: &str) -> bool {
    let shown = said(pb, &["show", run], 0).stdout;
    let listed = said(pb, &["runs"], 0).stdout;
    let named = [&shown, &listed].map(|text| text.contains("damaged at record "));
    assert_eq!(named[0], named[1], "{what}:\n{shown}{listed}");
    if !named[0] {
        return false;
    }
    let before = bytes_below(&pb.folder().join(".pb"));
    for arguments in [
        &["resume", "--yes"][..],
        &["resume", "--yes", run],
        &["resume", "--undo", run],
        &["rollback", "--yes", run],
    ] {
        let refused = said(pb, arguments, 5).stderr;
        assert!(refused.contains("error[PB0020]"), "{what}:\n{refused}");
    }
    said(pb, &["run", "a.rhai"], 6);
    let after = bytes_below(&pb.folder().join(".pb"));
    assert!(before == after, "{what}: the state directory was changed");
    assert_eq!(folders(pb), "one", "{what}");
    true
}

#[test]
fn every_command_names_damage_and_does_nothing_from_it() {
    let web = Answers::start();
    let pb = killed(&web);
    let [journal, witness] = ["ndjson", "witness"].map(|of| files(&pb, of).pop().unwrap());
    let run = journal.file_stem().unwrap().to_str().unwrap().to_owned();
    let whole = Files {
        journal: fs::read(&journal).unwrap(),
        witness: fs::read(&witness).unwrap(),
    };
    let noted: Witness = serde_json::from_slice(&whole.witness).unwrap();
    let length = whole.journal.len();
    let mut cases = vec![];
    for n in 0..SAMPLE {
        let at = n * (length - 1) / (SAMPLE - 1);
        let cut = whole.journal[..at].to_vec();
        cases.push((format!("cut after {at}"), cut, whole.witness.clone()));
        let mut flipped = whole.journal.clone();
        flipped[at] ^= 1 << (n % 8);
        cases.push((format!("flip at {at}"), flipped, whole.witness.clone()));
    }
    for (name, seq, hash) in [
        ("newer", noted.seq + 1, noted.hash.clone()),
        ("of another run", noted.seq, "0f".repeat(32)),
    ] {
        let witness = serde_json::to_vec(&Witness { seq, hash }).unwrap();
        cases.push((format!("witness {name}"), whole.journal.clone(), witness));
    }
    for (what, cut, note) in &cases {
        fs::write(&journal, cut).unwrap();
        fs::write(&witness, note).unwrap();
        assert!(is_named(&pb, &run, what), "{what}");
    }
    // A line that was never finished, and a witness that is not there, are no damage: the run goes on, and says so.
    let torn = [&whole.journal[..], b"{\"v\":1"].concat();
    let history = History::read(&torn, None);
    assert_eq!(
        (history.torn, history.damage, history.unwitnessed),
        (6, None, true)
    );
    fs::write(&journal, &torn).unwrap();
    fs::remove_file(&witness).unwrap();
    assert!(!is_named(&pb, &run, "torn"));
    let settle = format!("{KEY}=applied");
    said(&pb, &["resume", "--yes", "--settle", &settle], 0).matches("commands/resume/unwitnessed");
    assert_eq!(folders(&pb), "one two");
    say(&format!(
        "{} damaged journals: named by show, runs, resume and rollback, 0 used, 0 changed",
        cases.len()
    ));
}

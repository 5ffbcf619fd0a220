//! What was written reads back; what was cut or changed since is noticed, byte by byte.

use crate::script::{add, call, set, thrown, transaction, within};
use crate::stage::{Stage, ended};
use crate::store::told;
use pb_core::cancel::Level;
use pb_core::journal::{Body, Ended, History};
use pb_core::run::ScopeKind;
use serde_json::{Value, json};

/// A run with a record of almost every kind.
fn written() -> Stage {
    let stage = Stage::new();
    let finished = stage.play(|run| async move {
        run.read(run.root(), "now", async || Ok(json!("12:00")))
            .await?;
        run.decide(run.root(), "go?", |_| ("dana".into(), true))
            .await?;
        let args = json!({ "things": { "a": "1" }, "file": "x" });
        call(&run, run.root(), "set", args).await?;
        run.point_of_no_return(run.root(), "dropped").await?;
        transaction(&run, run.root(), |_, _| async { Ok(Value::Null) }).await?;
        run.note(run.root(), "worth knowing");
        within(&run, run.root(), "part", ScopeKind::Savepoint, |scope| {
            let run = run.clone();
            async move {
                add(&run, &scope, "b", "x").await?;
                Err(thrown("no"))
            }
        })
        .await
    });
    assert_eq!(ended(&finished), "failed thrown");
    stage
}

/// A run with a record of the kinds that matter most, so short that every byte of it can be tried.
fn short() -> Stage {
    let stage = Stage::new();
    stage.play(|run| async move { set(&run, run.root(), "a", "1").await });
    stage
}

#[test]
fn it_reads_back_as_it_was_written() {
    let stage = written();
    let history = History::read(&stage.store.bytes(), Some(&stage.store.witness()));
    assert_eq!((history.torn, &history.damage), (0, &None));
    assert_eq!(history.ended(), Some(Ended::Failed));
    let Some(Body::RunOpen { sources, by, .. }) = history.opening().map(|record| &record.body)
    else {
        panic!("an opening");
    };
    assert_eq!(
        (sources["test.rhai"].as_str(), by.as_str()),
        ("set(…)", "dana")
    );
    let read: Vec<_> = history.records.iter().map(told).collect();
    assert_eq!(read, stage.log.of("durable"));
    assert_eq!(
        read,
        [
            "run_open",
            "read /now#1 \"12:00\"",
            "decided go? true",
            "blob x",
            "step /set#1",
            "intent /set#1 0",
            "outcome /set#1 0 ok",
            "result /set#1 ok",
            "commit_point dropped",
            "identity db",
            "intent /transaction#1 0",
            "tx_result /transaction#1 []",
            "outcome /transaction#1 0 ok",
            "note",
            "scope_open /savepoint:part#1 1",
            "step /savepoint:part#1/add#1",
            "intent /savepoint:part#1/add#1 0",
            "outcome /savepoint:part#1/add#1 0 ok",
            "result /savepoint:part#1/add#1 ok",
            "undo_open /savepoint:part#1",
            "undo_intent /savepoint:part#1/add#1",
            "step /savepoint:part#1/add#1~undo",
            "intent /savepoint:part#1/add#1~undo 0",
            "outcome /savepoint:part#1/add#1~undo 0 ok",
            "undo_result /savepoint:part#1/add#1 ok",
            "scope_close /savepoint:part#1 error",
            "undo_open ",
            "run_close Failed",
        ]
    );
    for (n, record) in history.records.iter().enumerate() {
        assert_eq!(
            (record.v, record.seq, record.run.as_str()),
            (1, n as u64 + 1, "R")
        );
    }
}

#[test]
fn no_cut_is_passed_over() {
    let stage = short();
    let (bytes, witness) = (stage.store.bytes(), stage.store.witness());
    for length in 0..bytes.len() {
        let history = History::read(&bytes[..length], Some(&witness));
        assert!(
            history.damage.is_some(),
            "cut after {length} of {} bytes",
            bytes.len()
        );
    }
    // Without the witness a cut looks like a crash; what is left is never read as more or other than it was.
    let whole = History::read(&bytes, None).records;
    for length in 0..bytes.len() {
        let history = History::read(&bytes[..length], None);
        assert_eq!(history.records[..], whole[..history.records.len()]);
        assert!(history.damage.is_none() && history.records.len() < whole.len());
    }
}

#[test]
fn no_changed_byte_is_passed_over() {
    let stage = short();
    let (bytes, witness) = (stage.store.bytes(), stage.store.witness());
    let whole = History::read(&bytes, None).records;
    for at in 0..bytes.len() {
        let mut damaged = bytes.clone();
        // A different bit each time: all eight at every place take seconds for nothing new.
        damaged[at] ^= 1 << (at % 8);
        let history = History::read(&damaged, Some(&witness));
        assert!(history.damage.is_some(), "byte {at} changed");
        assert_eq!(history.records[..], whole[..history.records.len()]);
    }
}

#[test]
fn no_lost_repeated_or_foreign_line_is_passed_over() {
    let stage = written();
    let (bytes, witness) = (stage.store.bytes(), stage.store.witness());
    let lines: Vec<_> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
    let damaged = |lines: Vec<&[u8]>| {
        let history = History::read(&lines.concat(), Some(&witness));
        history.damage.is_some()
    };
    for n in 0..lines.len() {
        let mut without = lines.clone();
        without.remove(n);
        assert!(damaged(without), "without line {n}");
        let mut twice = lines.clone();
        twice.insert(n, lines[n]);
        assert!(damaged(twice), "line {n} twice");
        if n > 0 {
            let mut swapped = lines.clone();
            swapped.swap(n, n - 1);
            assert!(damaged(swapped), "line {n} before its time");
        }
    }
    let other = Stage::new();
    other.play(|run| async move { set(&run, run.root(), "z", "1").await });
    let other = other.store.bytes();
    let foreign = other
        .split_inclusive(|byte| *byte == b'\n')
        .nth(1)
        .expect("a second line");
    assert!(damaged([&lines[..], &[foreign]].concat()));
    // One of the same run and ordinal, whole in itself: only the record after it tells.
    let mut replaced = lines.clone();
    replaced[1] = foreign;
    let history = History::read(&replaced.concat(), None);
    assert_eq!(
        history.damage.expect("damaged").to_string(),
        "record 3 of the journal is damaged: it does not follow the one before"
    );
}

#[test]
fn an_interrupted_run_says_what_interrupted_it() {
    let stage = Stage::new();
    stage.play(|run| async move {
        run.cancel().raise_for(Level::Stop, "SIGINT");
        set(&run, run.root(), "a", "1").await
    });
    let read = History::read(&stage.store.bytes(), None);
    assert_eq!(read.ended(), None);
    let last = read.records.last().map(told);
    assert_eq!(last.as_deref(), Some("interrupt SIGINT"));
}

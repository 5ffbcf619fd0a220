//! The same for a folder and for tables: what is kept, who works on it, who does not.

use crate::support::need;
use pb_core::clock::Random;
use pb_core::journal::{Ended, RunStore};
use pb_core::run::Registry;
use pb_core::{Result, SecretSource, code};
use pb_runtime::state::StateDir;
use pb_runtime::{Runtime, Script, TakeUp};
use pb_stdlib::postgres::PostgresRuns;
use serde_json::{Map, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

/// Each call is another process that reaches the same place.
type Place<'a> = &'a dyn Fn() -> Arc<dyn RunStore>;

struct Counted(AtomicU8);

impl Random for Counted {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(self.0.fetch_add(1, Ordering::SeqCst));
    }
}

struct NoSecrets;

impl SecretSource for NoSecrets {
    fn fetch(&self, reference: &str) -> Result<String> {
        panic!("nobody asks for {reference}")
    }
}

fn for_each_place(name: &str, check: impl Fn(Place<'_>)) {
    let folder = std::env::temp_dir().join(format!("pb-{name}-{}", std::process::id()));
    check(&|| Arc::new(StateDir::at(&folder)));
    std::fs::remove_dir_all(&folder).unwrap();
    let Some(postgres) = need::postgres() else {
        return;
    };
    let database = postgres.fresh_database(name);
    let table = json!({ "postgres": database.url() });
    check(&|| Arc::new(PostgresRuns::connect(table.as_object().unwrap(), NoSecrets).unwrap()));
}

/// Makes the files and the tables.
fn used(place: Place<'_>) -> Counted {
    let random = Counted(AtomicU8::new(1));
    place().key(&random).unwrap();
    random
}

#[test]
fn a_place_that_nobody_has_used_has_no_runs() {
    for_each_place("store_unused", |place| {
        let store = place();
        assert_eq!(store.runs().unwrap(), [""; 0]);
        assert!(store.read("1M7YFP5J20").unwrap().is_none());
        assert!(!store.is_running("1M7YFP5J20").unwrap());
        used(place);
    });
}

#[test]
fn a_run_is_one_process_s_until_that_ends() {
    for_each_place("store_run", |place| {
        let random = used(place);
        let (first, journal) = place().new_run(7, &random).unwrap();
        let (second, other) = place().new_run(7, &random).unwrap();
        assert_eq!(place().runs().unwrap(), [first.clone(), second.clone()]);
        let lines = tokio(journal.append(b"one\ntwo\n"));
        lines.unwrap();
        assert!(place().is_running(&first).unwrap());
        let refused = place().open_run(&first).err().unwrap();
        assert!(refused.is(&code::LOCKED), "{refused:?}");
        let missing = place().open_run("1M7YFP5J20").err().unwrap();
        assert!(missing.is(&code::USAGE), "{missing:?}");
        drop((journal, other));
        soon(|| !place().is_running(&first).unwrap());
        let (history, again) = place().open_run(&first).unwrap();
        assert!(history.damage.is_some(), "those are no records");
        assert!(place().is_running(&first).unwrap());
        drop(again);
    });
}

#[test]
fn an_environment_is_one_process_s_and_names_its_last_run() {
    for_each_place("store_env", |place| {
        used(place);
        let prod = place().lock("prod").unwrap();
        assert_eq!(prod.run(), None);
        prod.name("1M7YFP5J20").unwrap();
        let refused = place().lock("prod").err().unwrap();
        assert!(refused.is(&code::LOCKED), "{refused:?}");
        assert_eq!(refused.data["run"], "1M7YFP5J20");
        place().lock("staging").unwrap();
        drop(prod);
        soon(|| place().lock("prod").is_ok());
        soon(|| {
            place()
                .lock("prod")
                .is_ok_and(|lock| lock.run().as_deref() == Some("1M7YFP5J20"))
        });
    });
}

#[test]
fn the_key_of_fingerprints_is_the_first_one_that_was_made() {
    for_each_place("store_key", |place| {
        let random = used(place);
        let keys = [place().key(&random).unwrap(), place().key(&random).unwrap()];
        assert_eq!(keys, [[1; 32], [1; 32]]);
    });
}

#[test]
fn a_whole_run_is_read_back_and_undone_by_another_process() {
    for_each_place("store_whole", |place| {
        let script =
            Script::from_text("a.rhai", "savepoint(\"s\", || print(now()));", &[]).unwrap();
        let runtime = || {
            let builder = Runtime::builder(Registry::default()).runs(place());
            builder.build().unwrap()
        };
        let finished = runtime().run(&script, &Map::new()).unwrap();
        assert_eq!(finished.state, Some(Ended::Done));
        let run = place().runs().unwrap().remove(0);
        let history = place().read(&run).unwrap().unwrap();
        assert_eq!(history.damage, None);
        assert_eq!(history.ended(), Some(Ended::Done));
        let undo = TakeUp {
            undo: true,
            ..TakeUp::default()
        };
        soon(|| !place().is_running(&run).unwrap());
        let undone = runtime().take_up(&run, undo).unwrap();
        assert_eq!(undone.state, Some(Ended::Undone));
        let history = place().read(&run).unwrap().unwrap();
        assert_eq!((history.damage.clone(), history.epoch()), (None, 2));
    });
}

fn tokio<T>(work: impl Future<Output = T>) -> T {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().build().unwrap().block_on(work)
}

/// A server notices a closed connection a moment later.
fn soon(what: impl Fn() -> bool) {
    for _ in 0..500 {
        if what() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    panic!("not within ten seconds");
}

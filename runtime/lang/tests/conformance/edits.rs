//! 200 edits of a playbook and its library between a run that was killed and its resume: they change nothing.

use pb_core::event::What;
use pb_core::journal::RunStore;
use pb_core::journal::{Body, History};
use pb_core::run::{Finished, Registry};
use pb_core::{
    Class, Decision, Driver, Drivers, Effect, Failure, Permit, Primitive, Readers, Result, Subject,
    Undo, World, code, erase,
};
use pb_runtime::state::StateDir;
use pb_runtime::{Runtime, Script, TakeUp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

const MAIN: &str = r#"//! Adds words, in every kind of scope.
import "./library" as library;
let image = param("image", #{ fallback: "1.0" });
let began = now();
add("start");
add(`image ${image}`);
let names = library::names();
for name in names {
    library::member(name, image);
}
savepoint("release", || {
    add("released");
    savepoint("inner", || { add("within"); });
});
try {
    savepoint("caught", || {
        add("gone");
        throw "not that";
    });
} catch (error) {
    add(`caught ${error.message}`);
}
each(["one", "two", "three"], |name| {
    add(`each ${name}`);
    library::twice(|n| add(`twice ${name} ${n}`));
});
parallel([|| add("left"), || add("right")]);
if library::is_many(names) { add("many"); } else { add("few"); }
let total = library::sum([1, 2, 3]);
add("sum", #{ id: "total", amount: total });
add("same", #{ id: "time", amount: if began == now() { 1 } else { 0 } });
add("end");
total
"#;

const LIBRARY: &str = r#"//! What the playbook builds on.
fn names() { ["a", "b", "c"] }
fn member(name, image) {
    add(`stop ${name}`);
    add(`start ${name} ${image}`);
}
fn twice(f) {
    f.call(1);
    f.call(2);
}
fn is_many(list) { list.len() > 2 }
fn sum(list) {
    let sum = 0;
    for n in list { sum += n; }
    sum
}
"#;

/// The words that were added; taking one back removes it once.
#[derive(Clone, Default)]
struct Words(Arc<Mutex<Vec<String>>>);

impl Words {
    fn sorted(&self) -> Vec<String> {
        let mut words = self.0.lock().unwrap().clone();
        words.sort();
        words
    }
}

impl Driver for Words {
    type Reader = Self;
    type Writer = Self;
    const KEY: &'static str = "words";
    fn reader(&self) -> &Self {
        self
    }
    fn writer(&self) -> &Self {
        self
    }
}

struct Add;

#[derive(Serialize, Deserialize, JsonSchema, Clone)]
#[serde(deny_unknown_fields)]
struct AddArgs {
    /// What is added.
    #[schemars(transform = pb_core::spec::position::<0>)]
    word: String,
    /// How many of it.
    #[serde(default)]
    amount: i64,
    #[schemars(skip)]
    #[serde(default)]
    back: bool,
}

#[derive(Serialize, Deserialize)]
struct AddAction(String);

impl std::fmt::Display for AddAction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "add {}", self.0)
    }
}

#[derive(Serialize, JsonSchema)]
struct AddOut {
    /// What was added.
    word: String,
}

impl Primitive for Add {
    type Args = AddArgs;
    type Facts = ();
    type Action = AddAction;
    type Out = AddOut;
    const NAME: &'static str = "add";
    const CLASS: Class = Class::Every;
    const DOC: &'static str = "Adds a word.";
    const EXAMPLE: &'static str = "add(\"a\");";

    async fn observe(&self, _: &Readers, _: &AddArgs) -> Result<()> {
        Ok(())
    }
    fn decide(&self, args: &AddArgs, (): &()) -> Result<Decision<AddAction>> {
        let word = format!("{} {}", args.word, args.amount);
        Ok(Decision::in_order(vec![AddAction(word)]))
    }
    fn effect(&self, _: &AddArgs, _: &AddAction) -> Effect {
        Effect::Opaque
    }
    async fn act(
        &self,
        world: &World,
        permit: &Permit,
        args: &AddArgs,
        action: &AddAction,
    ) -> Result<Value> {
        let mut words = world.of::<Words>(permit).0.lock().unwrap();
        match args.back {
            false => words.push(action.0.clone()),
            true => {
                let at = words.iter().position(|word| *word == action.0);
                let at = at.ok_or_else(|| Failure::new(&code::SCRIPT, "it is not there"))?;
                words.remove(at);
            }
        }
        Ok(Value::Null)
    }
    fn result(&self, args: &AddArgs, (): &(), (): &(), _: &[Value]) -> Result<AddOut> {
        let word = args.word.clone();
        Ok(AddOut { word })
    }
    fn undo(&self, args: &AddArgs, (): &()) -> Undo {
        Undo::call::<Self>(&AddArgs {
            back: true,
            ..args.clone()
        })
    }
    fn subjects(&self, args: &AddArgs) -> Vec<Subject> {
        vec![Subject::new("word", &args.word)]
    }
}

/// What a process that is killed at some moment leaves.
struct Left {
    files: Vec<(PathBuf, Vec<u8>)>,
    words: Vec<String>,
}

/// The state directory, byte for byte; witnesses first, for they may be older than their journals and never newer.
fn copied(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = vec![];
    for part in ["key", "locks/test.lock"] {
        files.extend(fs::read(folder.join(part)).map(|bytes| (part.into(), bytes)));
    }
    let runs = fs::read_dir(folder.join("runs")).into_iter().flatten();
    let mut runs: Vec<_> = runs.map(|entry| entry.unwrap().path()).collect();
    runs.sort_by_key(|path| path.extension().is_some_and(|e| e == "ndjson"));
    for path in runs {
        let name = Path::new("runs").join(path.file_name().unwrap());
        files.push((name, fs::read(path).unwrap()));
    }
    files
}

fn runtime(
    state: &Path,
    words: &Words,
    each_event: impl Fn(&What) + Send + Sync + 'static,
) -> Runtime {
    let mut drivers = Drivers::default();
    drivers.add(words.clone());
    let mut registry = Registry {
        drivers: Arc::new(drivers),
        ..Registry::default()
    };
    registry.add(erase(Add));
    Runtime::builder(registry)
        .target("test", json!({}))
        .state(state)
        .events(Arc::new(move |event| each_event(&event.what)))
        .build()
        .unwrap()
}

/// Runs the playbook of a folder to its end, with somebody who sees the state directory and the words at each event.
fn run(
    folder: &Path,
    each_event: impl Fn(&Path, &[String]) + Send + Sync + 'static,
) -> Result<(Finished, Words)> {
    let script = Script::load(&folder.join("main.rhai"), folder, &[])?;
    let (state, words) = (tempfile::tempdir().unwrap(), Words::default());
    let see = {
        let (words, state) = (words.clone(), state.path().to_owned());
        // Held, so that no effect comes between the journal and the words.
        move |_: &What| each_event(&state, &words.0.lock().unwrap())
    };
    let finished = runtime(state.path(), &words, see).run(&script, &Map::new())?;
    Ok((finished, words))
}

/// Runs it, and keeps what a death at each event would have left.
fn run_to_be_killed(folder: &Path) -> (Finished, Words, Vec<Left>) {
    let left = Arc::new(Mutex::new(vec![]));
    let kept = left.clone();
    let keep = move |state: &Path, words: &[String]| {
        let (files, words) = (copied(state), words.to_vec());
        kept.lock().unwrap().push(Left { files, words });
    };
    let (finished, words) = run(folder, keep).unwrap();
    let left = std::mem::take(&mut *left.lock().unwrap());
    (finished, words, left)
}

/// Whether the word that a step was about to add, or to take back, is there.
fn is_there(history: &History, key: &str, words: &Words) -> bool {
    let intents = history.records.iter().filter(|record| record.key == key);
    let word = intents.rev().find_map(|record| match &record.body {
        Body::Intent { what, .. } => what.as_str().map(str::to_owned),
        _ => None,
    });
    words.0.lock().unwrap().contains(&word.unwrap())
}

/// Takes the run up until it has ended; a person answers by looking at the words.
fn resumed(left: &Left) -> (Finished, Words) {
    let state = tempfile::tempdir().unwrap();
    for (name, bytes) in &left.files {
        let path = state.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    let id = left.files.iter().find_map(|(name, _)| {
        let journal = name.extension().is_some_and(|e| e == "ndjson");
        journal.then(|| name.file_stem().unwrap().to_str().unwrap())
    });
    let id = id.unwrap();
    let words = Words(Arc::new(Mutex::new(left.words.clone())));
    let mut said = BTreeMap::new();
    loop {
        let wish = TakeUp {
            words: said.clone(),
            ..TakeUp::default()
        };
        let runtime = runtime(state.path(), &words, |_| ());
        let finished = runtime.take_up(id, wish).unwrap();
        match &finished.failure {
            Some(failure) if failure.is(&code::DOUBT) => {
                let key = failure.step.clone().unwrap();
                let history = StateDir::at(state.path()).read(id).unwrap().unwrap();
                let applied = is_there(&history, &key, &words) != key.ends_with("~undo");
                let asked = said.insert(key, applied);
                assert_eq!(asked, None, "asked twice: {failure:?}");
            }
            _ => return (finished, words),
        }
    }
}

/// Chance with a fixed beginning.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit.max(1) as u64) as usize
    }
}

/// One edit of a text.
fn edited(text: &str, n: usize, chance: &mut Chance) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    // The first line says what the file is for.
    let at = 1 + chance.below(lines.len() - 1);
    match n % 8 {
        0 => drop(lines.remove(at)),
        1 => lines.insert(at, format!("add(\"extra {n}\");")),
        2 => {
            let other = 1 + chance.below(lines.len() - 1);
            lines.swap(at, other);
        }
        3 => return text.replacen("add(\"", &format!("add(\"other {n} "), 1 + chance.below(4)),
        4 => {
            return text
                .replace("\"release\"", "\"renamed\"")
                .replace("total\"", "sum\"")
                .replace("[\"a\"", "[\"z\"");
        }
        5 => {
            return text
                .replace("sum += n", "sum += 2 * n")
                .replace("> 2", "> 5")
                .replace("f.call(1);\n    f.call(2);", "f.call(1);");
        }
        6 => {
            return text
                .replace("\"one\", \"two\"", "\"two\", \"one\", \"four\"")
                .replace("|| add(\"left\"), ", "")
                .replace("stop ", "halt ");
        }
        _ => lines[at] = format!("this is no Rhai {n} (("),
    }
    lines.join("\n")
}

#[test]
fn no_edit_between_a_death_and_resume_changes_what_is_resumed() {
    let folder = tempfile::tempdir().unwrap();
    let write = |main: &str, library: &str| {
        fs::write(folder.path().join("main.rhai"), main).unwrap();
        fs::write(folder.path().join("library.rhai"), library).unwrap();
    };
    write(MAIN, LIBRARY);
    let (whole, words, left) = run_to_be_killed(folder.path());
    assert_eq!(whole.failure, None);
    let expected = (whole.value.clone(), words.sorted());
    // The first event comes before the first record.
    let left = &left[1..left.len() - 1];
    let mut chance = Chance(0x2545_f491_4f6c_dd1d);
    let (mut refused, mut others) = (0, 0);
    for n in 0..200 {
        let (mut main, mut library) = (MAIN.to_owned(), LIBRARY.to_owned());
        for edit in 0..=n % 3 {
            match chance.below(2) {
                0 => main = edited(&main, n + edit, &mut chance),
                _ => library = edited(&library, n + edit, &mut chance),
            }
        }
        write(&main, &library);
        if n % 20 == 19 {
            fs::remove_file(folder.path().join("library.rhai")).unwrap();
        }
        let at = chance.below(left.len());
        let (finished, words) = resumed(&left[at]);
        let told = format!("edit {n}, killed at event {at}: {:?}", finished.failure);
        assert_eq!(finished.failure, None, "{told}");
        assert_eq!((finished.value, words.sorted()), expected, "{told}");
        // Begun anew, edits of this kind do change the end: every fourth is tried.
        if n % 4 > 0 {
            continue;
        }
        match run(folder.path(), |_, _| ()) {
            Err(_) => refused += 1,
            Ok((edited, words)) if (edited.value.clone(), words.sorted()) != expected => {
                others += 1
            }
            Ok(_) => {}
        }
    }
    super::say(&format!(
        "200 edits, killed at {} events: 0 wrong replays, 0 other ends (begun anew, {others} of 50 end otherwise and \
         {refused} are refused)",
        left.len()
    ));
    assert!(
        others + refused >= 40,
        "{others} {refused}: edits that change something"
    );
}

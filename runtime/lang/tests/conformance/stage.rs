//! A world of two primitives: `put` makes a name true and can be undone, `fail` fails.

use pb_core::event::{Event, What};
use pb_core::finding::{Complaint, Standing};
use pb_core::plan::Plan;
use pb_core::run::{Finished, Registry};
use pb_core::{
    Class, Decision, Driver, Drivers, Effect, Failure, Handle, Permit, Primitive, Readers, Result,
    SecretSource, SecretText, Subject, Undo, World, code, erase,
};
use pb_runtime::{Answer, Limits, Runtime, Script};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

/// The world: which names are there.
#[derive(Clone, Default)]
pub(crate) struct Names(pub(crate) Arc<Mutex<BTreeMap<String, String>>>);

impl Driver for Names {
    type Reader = Self;
    type Writer = Self;
    const KEY: &'static str = "names";
    fn reader(&self) -> &Self {
        self
    }
    fn writer(&self) -> &Self {
        self
    }
}

struct Put;

#[derive(Serialize, Deserialize, JsonSchema, Clone)]
#[serde(deny_unknown_fields)]
struct PutArgs {
    /// What is to be there.
    #[schemars(transform = pb_core::spec::position::<0>)]
    name: String,
    /// What it holds.
    #[serde(default)]
    value: SecretTextOrEmpty,
    /// How it fails: `act`, `half`, `undo`.
    #[serde(default)]
    fails: String,
    #[schemars(skip)]
    #[serde(default)]
    gone: bool,
}

type SecretTextOrEmpty = Option<SecretText>;

#[derive(Serialize, Deserialize)]
enum PutAction {
    Put,
    Take,
}

impl std::fmt::Display for PutAction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Put => "put it",
            Self::Take => "take it",
        })
    }
}

#[derive(Serialize, JsonSchema)]
struct PutOut {
    /// Its name.
    name: String,
}

impl Primitive for Put {
    type Args = PutArgs;
    type Facts = Option<String>;
    type Action = PutAction;
    type Out = PutOut;
    const NAME: &'static str = "put";
    const CLASS: Class = Class::Ensure;
    const DOC: &'static str = "Puts a name there.";
    const EXAMPLE: &'static str = "put(\"a\");";

    async fn observe(&self, read: &Readers, args: &PutArgs) -> Result<Option<String>> {
        Ok(read
            .of::<Names>()
            .0
            .lock()
            .unwrap()
            .get(&args.name)
            .cloned())
    }
    fn decide(&self, args: &PutArgs, facts: &Option<String>) -> Result<Decision<PutAction>> {
        Ok(match (args.gone, facts) {
            (true, None) | (false, Some(_)) => Decision::Nothing,
            (true, Some(_)) => Decision::in_order(vec![PutAction::Take]),
            (false, None) => Decision::in_order(vec![PutAction::Put]),
        })
    }
    fn effect(&self, _: &PutArgs, _: &PutAction) -> Effect {
        Effect::Ensure
    }
    async fn act(
        &self,
        world: &World,
        permit: &Permit,
        args: &PutArgs,
        action: &PutAction,
    ) -> Result<Value> {
        let refused = || {
            Err(Failure::new(
                &code::SCRIPT,
                format!("`{}` was refused", args.name),
            ))
        };
        let value = args
            .value
            .as_ref()
            .map(|v| world.read().vault().expose(v))
            .transpose()?
            .unwrap_or_default();
        let mut names = world.of::<Names>(permit).0.lock().unwrap();
        match action {
            PutAction::Put if args.fails == "act" => return refused(),
            PutAction::Put => {
                names.insert(args.name.clone(), value.clone());
                if args.fails == "half" {
                    return Err(Failure::new(
                        &code::SCRIPT,
                        format!("`{}` broke half-way", args.name),
                    )
                    .partial());
                }
            }
            PutAction::Take if args.fails == "undo" => return refused(),
            PutAction::Take => {
                names.remove(&args.name);
            }
        }
        Ok(json!({ "held": value }))
    }
    /// Putting a `bomb` destroys.
    fn inspect(&self, known: &Map<String, Value>, stands: &Standing<'_>) -> Vec<Complaint> {
        let refused = !stands.allowed && known.get("name") == Some(&json!("bomb"));
        let complaint = || Complaint::error(&code::DESTRUCTIVE, "`bomb` destroys");
        refused.then(complaint).into_iter().collect()
    }
    fn result(
        &self,
        args: &PutArgs,
        _: &Option<String>,
        _: &Option<String>,
        _: &[Value],
    ) -> Result<PutOut> {
        Ok(PutOut {
            name: args.name.clone(),
        })
    }
    fn undo(&self, args: &PutArgs, _: &Option<String>) -> Undo {
        Undo::call::<Self>(&PutArgs {
            gone: true,
            ..args.clone()
        })
    }
    fn subjects(&self, args: &PutArgs) -> Vec<Subject> {
        vec![Subject::new("name", &args.name)]
    }
    fn state(&self, args: &PutArgs, facts: &Option<String>) -> Option<String> {
        Some(format!(
            "`{}` is {}",
            args.name,
            if facts.is_some() { "there" } else { "gone" }
        ))
    }
}

struct Fixed;
impl SecretSource for Fixed {
    fn fetch(&self, reference: &str) -> Result<String> {
        match reference {
            "env:SENTINEL" => Ok(SENTINEL.into()),
            _ => Err(Failure::new(
                &code::SECRET,
                format!("`{reference}` is unknown"),
            )),
        }
    }
}

/// Asks something outside that nobody can undo: what it gives is known when it has run.
struct Ask;

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct AskArgs {
    /// What is asked.
    #[schemars(transform = pb_core::spec::position::<0>)]
    question: String,
}

#[derive(Serialize, JsonSchema)]
struct AskOut {
    /// How it ended.
    code: i64,
    /// Whether it went well.
    ok: bool,
    /// What it wrote.
    lines: Vec<String>,
}

#[derive(Serialize, Deserialize)]
enum AskAction {
    Ask,
}

impl std::fmt::Display for AskAction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ask")
    }
}

impl Primitive for Ask {
    type Args = AskArgs;
    type Facts = ();
    type Action = AskAction;
    type Out = AskOut;
    const NAME: &'static str = "ask";
    const CLASS: Class = Class::Every;
    const DOC: &'static str = "Asks.";
    const EXAMPLE: &'static str = "ask(\"a\");";

    async fn observe(&self, _: &Readers, _: &AskArgs) -> Result<()> {
        Ok(())
    }
    fn decide(&self, _: &AskArgs, (): &()) -> Result<Decision<AskAction>> {
        Ok(Decision::in_order(vec![AskAction::Ask]))
    }
    fn effect(&self, _: &AskArgs, _: &AskAction) -> Effect {
        Effect::Opaque
    }
    async fn act(&self, _: &World, _: &Permit, _: &AskArgs, _: &AskAction) -> Result<Value> {
        Ok(Value::Null)
    }
    fn result(&self, _: &AskArgs, (): &(), (): &(), _: &[Value]) -> Result<AskOut> {
        Ok(AskOut {
            code: 3,
            ok: false,
            lines: vec!["one".into(), "two".into()],
        })
    }
    fn undo(&self, _: &AskArgs, (): &()) -> Undo {
        Undo::none("a question cannot be taken back")
    }
    fn subjects(&self, args: &AskArgs) -> Vec<Subject> {
        vec![Subject::new("question", args.question.as_str())]
    }
}

/// The value of `secret("env:SENTINEL")`.
pub(crate) const SENTINEL: &str = "s3ntinel-Value/9";

/// What a script came to.
pub(crate) struct Ran {
    pub(crate) finished: Finished,
    /// Names in the world afterwards.
    pub(crate) names: Vec<String>,
    pub(crate) printed: Vec<String>,
    pub(crate) events: Vec<Event>,
    /// The bytes of every file in the state directory.
    pub(crate) files: Vec<u8>,
}

impl Ran {
    /// The error that ended it.
    pub(crate) fn failure(&self) -> &Failure {
        self.finished.failure.as_ref().expect("it failed")
    }

    /// Its value; panics with the error when it failed.
    pub(crate) fn value(&self) -> &Value {
        assert!(
            self.finished.failure.is_none(),
            "{:?}",
            self.finished.failure
        );
        &self.finished.value
    }

    /// Keys of finished steps, sorted.
    pub(crate) fn keys(&self) -> Vec<String> {
        let key = |event: &Event| match &event.what {
            What::StepFinished { step, .. } => Some(step.key.clone()),
            _ => None,
        };
        let mut keys: Vec<_> = self.events.iter().filter_map(key).collect();
        keys.sort();
        keys
    }
}

/// A project with one playbook and its modules.
pub(crate) struct Stage {
    files: Vec<(&'static str, &'static str)>,
    limits: Limits,
    params: Map<String, Value>,
    answer: Answer,
}

/// Runs a playbook on its own.
pub(crate) fn run(text: &str) -> Ran {
    Stage::new().run(text)
}

fn target() -> Value {
    let handle = |name: &str| {
        Handle {
            driver: "names".into(),
            name: name.into(),
            config: Map::new(),
            transaction: None,
        }
        .to_value()
    };
    json!({
        "url": "http://here",
        "web": ["a", "b"],
        "limits": { "cpu": 2 },
        "store": handle("store"),
        "inner": { "store": handle("store"), "token": "‹secret env:SENTINEL›" },
        "other": { "store": handle("other"), "token": "‹secret env:SENTINEL›" },
    })
}

fn registry(names: &Names) -> Registry {
    let mut drivers = Drivers::default();
    drivers.add(names.clone());
    let mut registry = Registry {
        drivers: Arc::new(drivers),
        ..Registry::default()
    };
    registry.add(erase(Put));
    registry.add(erase(Ask));
    registry
}

impl Stage {
    pub(crate) fn new() -> Self {
        Self {
            files: vec![],
            limits: Limits::default(),
            params: Map::new(),
            answer: Answer::Nobody,
        }
    }

    pub(crate) fn file(mut self, name: &'static str, text: &'static str) -> Self {
        self.files.push((name, text));
        self
    }

    pub(crate) fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    pub(crate) fn param(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.params.insert(name.into(), value.into());
        self
    }

    pub(crate) fn answer(mut self, answer: Answer) -> Self {
        self.answer = answer;
        self
    }

    pub(crate) fn load(&self, text: &str) -> Result<(tempfile::TempDir, Script)> {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in self.files.iter().copied().chain([("main.rhai", text)]) {
            let path: PathBuf = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let library = &[("std/twice", "fn twice(f) { f.call(); f.call() }")];
        let script = Script::load(&folder.path().join("main.rhai"), folder.path(), library)?;
        Ok((folder, script))
    }

    /// A plan over an empty world, which stays empty.
    pub(crate) fn plan(self, text: &str) -> Result<Plan> {
        let (folder, script) = self.load(text)?;
        let names = Names::default();
        let runtime = Runtime::builder(registry(&names))
            .target("test", target())
            .state(folder.path().join("state"))
            .secrets(Fixed)
            .limits(self.limits)
            .build()?;
        let plan = runtime.plan(&script, &self.params);
        if let Ok(plan) = &plan {
            let again = runtime.plan(&script, &self.params)?;
            assert_eq!(plan.id, again.id, "a plan is the same again");
        }
        assert!(names.0.lock().unwrap().is_empty(), "a plan changes nothing");
        let runs = std::fs::read_dir(folder.path().join("state/runs")).unwrap();
        assert_eq!(runs.count(), 0, "a plan is no run");
        plan
    }

    pub(crate) fn run(self, text: &str) -> Ran {
        let (folder, script) = self
            .load(text)
            .unwrap_or_else(|failure| panic!("{failure:?}"));
        let names = Names::default();
        let registry = registry(&names);
        let events = Arc::new(Mutex::new(vec![]));
        let sink = events.clone();
        let answer = self.answer.clone();
        let runtime = Runtime::builder(registry)
            .target("test", target())
            .state(folder.path().join("state"))
            .events(Arc::new(move |event| {
                sink.lock().unwrap().push(event.clone())
            }))
            .secrets(Fixed)
            .limits(self.limits)
            .prompt(Arc::new(move |_| answer.clone()))
            .build()
            .unwrap();
        let finished = runtime
            .run(&script, &self.params)
            .unwrap_or_else(|failure| panic!("{failure:?}"));
        let events = events.lock().unwrap().clone();
        let printed = events.iter().filter_map(|event| match &event.what {
            What::Printed { text } => Some(text.clone()),
            _ => None,
        });
        let mut files = vec![];
        for entry in std::fs::read_dir(folder.path().join("state/runs")).unwrap() {
            files.extend(std::fs::read(entry.unwrap().path()).unwrap());
        }
        let names = names.0.lock().unwrap().keys().cloned().collect();
        Ran {
            finished,
            names,
            printed: printed.collect(),
            events: events.clone(),
            files,
        }
    }
}

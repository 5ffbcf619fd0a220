//! Runs playbooks without servers: every call is held to its declaration and finds the world as it wants it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use futures_util::future::{BoxFuture, FutureExt};
use pb_core::event::What;
use pb_core::finding::{Complaint, Standing};
use pb_core::run::{DynBracket, End, Finished, Registry};
use pb_core::spec::{Field, Kind};
use pb_core::wait::Pace;
use pb_core::{
    AnyAction, Decision, Driver, Drivers, DynPrimitive, Failure, Handle, Permit, Readers, Result,
    SecretSource, Settled, Spec, Subject, Survey, Undo, World,
};
use pb_runtime::{Answer, Param, ParamKind, Runtime, Script};
use serde_json::{Map, Value, json};

use super::primitive_pages::registry;

/// What a rehearsal came to.
pub(crate) struct Rehearsed {
    pub(crate) finished: Finished,
    pub(crate) printed: String,
}

/// Runs a playbook of that folder; its parameters get values of their type.
pub(crate) fn rehearse(folder: &Path, playbook: &str) -> Result<Rehearsed> {
    let script = Script::load(&folder.join(playbook), folder, pb_stdlib::LIBRARY)?;
    let params = script
        .params()
        .iter()
        .map(|param| (param.name.clone(), value_for(param)));
    let params: Map<String, Value> = params.collect();
    let printed = Arc::new(Mutex::new(String::new()));
    let sink = printed.clone();
    let runtime = Runtime::builder(stand_ins())
        .target("prod", target())
        .state(folder.join(".pb"))
        .base(folder)
        .secrets(AnySecret)
        .prompt(Arc::new(|_| Answer::Yes { by: "dana".into() }))
        .events(Arc::new(move |event| {
            if let What::Printed { text } = &event.what {
                *sink.lock().unwrap() += &format!("{text}\n");
            }
        }))
        .build()?;
    let finished = runtime.run(&script, &params)?;
    let printed = printed.lock().unwrap().clone();
    Ok(Rehearsed { finished, printed })
}

/// The environment that the book's playbooks stand in: what its page on `pb.toml` shows.
pub(super) fn target() -> Value {
    let handle = |name: &str, driver: &str, config: Value| {
        let config = config.as_object().unwrap().clone();
        let (driver, name) = (driver.to_owned(), name.to_owned());
        Handle {
            driver,
            name,
            config,
            transaction: None,
        }
        .to_value()
    };
    let database = json!({
        "postgres": "postgres://shop@db.internal/shop",
        "password": "‹secret env:PGPASSWORD›",
    });
    json!({
        "url": "https://shop.example.com",
        "web": ["web-1", "web-2"],
        "limits": { "batch": 2 },
        "database": handle("database", "postgres", database),
        "docker": handle("docker", "docker", json!({ "docker": "unix:///var/run/docker.sock" })),
        "router": handle("router", "haproxy", json!({ "haproxy": "unix:/run/haproxy.sock", "backend": "web" })),
        "chat": handle("chat", "slack", json!({ "slack": "‹secret env:SLACK_WEBHOOK›" })),
    })
}

fn value_for(param: &Param) -> Value {
    match (&param.fallback, &param.choices[..], param.kind) {
        (Some(fallback), ..) => fallback.clone(),
        (None, [first, ..], _) => first.as_str().into(),
        (None, [], ParamKind::Text) => "shop:2.0".into(),
        (None, [], ParamKind::Int) => 3.into(),
        (None, [], ParamKind::Bool) => true.into(),
        (None, [], ParamKind::Duration) => "30s".into(),
        (None, [], ParamKind::List) => json!(["web-1", "web-2"]),
    }
}

struct AnySecret;

impl SecretSource for AnySecret {
    fn fetch(&self, reference: &str) -> Result<String> {
        Ok(format!("value of {reference}"))
    }
}

fn stand_ins() -> Registry {
    let real = registry();
    let mut drivers = Drivers::default();
    drivers.add(NoServer(real.drivers));
    let mut registry = Registry {
        drivers: Arc::new(drivers),
        ..Registry::default()
    };
    for primitive in real.primitives.into_values() {
        registry.add(Box::new(StandIn(primitive)));
    }
    let brackets = real.brackets.into_iter();
    registry.brackets = brackets
        .map(|(name, bracket)| {
            (
                name,
                Box::new(StandInBracket(bracket)) as Box<dyn DynBracket>,
            )
        })
        .collect::<BTreeMap<_, _>>();
    registry
}

/// Databases whose handles have their properties, and which nobody can ask who they are.
struct NoServer(Arc<Drivers>);

impl Driver for NoServer {
    type Reader = ();
    type Writer = ();
    const KEY: &'static str = "postgres";
    fn reader(&self) -> &() {
        &()
    }
    fn writer(&self) -> &() {
        &()
    }
    fn property(&self, handle: &Handle, name: &str) -> Option<Value> {
        self.0.property(handle, name)
    }
}

/// A primitive that parses its arguments and touches nothing.
struct StandIn(Box<dyn DynPrimitive>);

impl DynPrimitive for StandIn {
    fn spec(&self) -> &Spec {
        self.0.spec()
    }
    fn parse(&self, args: &Value) -> Result<()> {
        self.0.parse(args)
    }
    fn observe<'a>(&'a self, _: &'a Readers, _: &'a Value) -> BoxFuture<'a, Result<Value>> {
        async { Ok(Value::Null) }.boxed()
    }
    fn decide(&self, _: &Value, _: &Value) -> Result<Decision<AnyAction>> {
        Ok(Decision::Nothing)
    }
    fn act<'a>(
        &'a self,
        _: &'a World,
        _: &'a Permit,
        _: &'a Value,
        _: &'a Value,
    ) -> BoxFuture<'a, Result<Value>> {
        unreachable!("it decides to do nothing")
    }
    fn settle<'a>(
        &'a self,
        _: &'a Readers,
        _: &'a Value,
        _: &'a Value,
        _: Option<&'a Value>,
    ) -> BoxFuture<'a, Result<Settled>> {
        unreachable!("no rehearsal is taken up")
    }
    fn result(&self, args: &Value, _: &Value, _: &Value, _: &[Value]) -> Result<Value> {
        Ok(match self.spec().name {
            // Their declarations do not tell that they give a list, and a map of what was asked for.
            "query" => json!([]),
            "row_counts" => {
                let tables = args["tables"].as_array().into_iter().flatten();
                let counts = tables.map(|table| (table.as_str().unwrap().to_owned(), json!(1)));
                Value::Object(counts.collect())
            }
            _ => sample_of(&self.spec().result),
        })
    }
    fn undo(&self, _: &Value, _: &Value) -> Result<Undo> {
        Ok(Undo::none("it is a rehearsal"))
    }
    fn subjects(&self, args: &Value) -> Result<Vec<Subject>> {
        self.0.subjects(args)
    }
    fn summary(&self, _: &Value, _: &Value) -> Result<String> {
        Ok(String::new())
    }
    fn state(&self, _: &Value, _: &Value) -> Result<Option<String>> {
        Ok(None)
    }
    fn pace(&self, _: &Value) -> Result<Option<Pace>> {
        Ok(None)
    }
    fn too_late(&self, _: &Value, _: &Value, failure: Failure) -> Result<Failure> {
        Ok(failure)
    }
    fn unreadable(&self, known: &Map<String, Value>) -> Vec<(String, String)> {
        self.0.unreadable(known)
    }
    fn runs_every_time(&self, args: &Value) -> Result<bool> {
        self.0.runs_every_time(args)
    }
    fn inspect(&self, known: &Map<String, Value>, stands: &Standing<'_>) -> Vec<Complaint> {
        self.0.inspect(known, stands)
    }
    fn foresee(&self, _: &Value, _: &Value, _: &[Value]) -> Result<Map<String, Value>> {
        Ok(Map::new())
    }
    fn survey<'a>(
        &'a self,
        _: &'a Readers,
        _: &'a Value,
        _: &'a Value,
        _: &'a [Value],
    ) -> BoxFuture<'a, Result<Survey>> {
        async { Ok(Survey::default()) }.boxed()
    }
}

/// A bracket that gives its closure the handle it was given.
struct StandInBracket(Box<dyn DynBracket>);

impl DynBracket for StandInBracket {
    fn name(&self) -> &'static str {
        self.0.name()
    }
    fn word(&self) -> &'static str {
        self.0.word()
    }
    fn doc(&self) -> &'static str {
        self.0.doc()
    }
    fn example(&self) -> &'static str {
        self.0.example()
    }
    fn fields(&self) -> &[Field] {
        self.0.fields()
    }
    fn place(&self, args: &Value) -> Result<String> {
        self.0.place(args)
    }
    fn enter<'a>(
        &'a self,
        _: &'a World,
        _: &'a Permit,
        args: &'a Value,
    ) -> BoxFuture<'a, Result<Value>> {
        let mut handles = args
            .as_object()
            .unwrap()
            .values()
            .filter_map(Handle::of_value);
        let mut handle = handles.next().unwrap();
        handle.transaction = Some("rehearsed".into());
        async move { Ok(handle.to_value()) }.boxed()
    }
    fn evidence<'a>(
        &'a self,
        _: &'a World,
        _: &'a Permit,
        _: &'a Value,
    ) -> BoxFuture<'a, Result<Value>> {
        async { Ok(Value::Null) }.boxed()
    }
    fn settle<'a>(
        &'a self,
        _: &'a Readers,
        _: &'a Value,
        _: &'a Value,
    ) -> BoxFuture<'a, Result<Settled>> {
        unreachable!("no rehearsal is taken up")
    }
    fn leave<'a>(
        &'a self,
        _: &'a World,
        _: &'a Permit,
        _: &'a Value,
        _: End,
    ) -> BoxFuture<'a, Result<()>> {
        async { Ok(()) }.boxed()
    }
}

fn sample_of(fields: &[Field]) -> Value {
    fields
        .iter()
        .map(|field| (field.name.clone(), sample(&field.kind)))
        .collect::<Map<_, _>>()
        .into()
}

fn sample(kind: &Kind) -> Value {
    match kind {
        Kind::Text | Kind::Secret => "".into(),
        Kind::Any => json!({}),
        Kind::Int => 1.into(),
        Kind::Number => 0.5.into(),
        Kind::Bool => true.into(),
        Kind::Duration => "1s".into(),
        Kind::Choice(words) => words[0].as_str().into(),
        Kind::List(_) => json!([]),
        Kind::MapOf(_) => json!({}),
        Kind::Options(fields) => sample_of(fields),
        Kind::AnyOf(kinds) => sample(&kinds[0]),
        Kind::Handle { .. } => Value::Null,
    }
}

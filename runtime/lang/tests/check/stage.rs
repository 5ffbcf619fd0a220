//! Primitives that exist for their declarations alone, and what a check says of scripts that call them.

use pb_core::finding::{At, Complaint, Finding, Level, Standing};
use pb_core::run::{Bracket, End, Registry, erase_bracket};
use pb_core::{
    Class, Decision, Effect, Handle, HandleKind, HandleOf, NoAction, Permit, Primitive, Readers,
    Result, SecretText, Settled, Span, Subject, Undo, World, code, erase, spec,
};
use pb_runtime::{Environment, Script};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

#[derive(Deserialize)]
pub(crate) struct AnyDatabase;
impl HandleKind for AnyDatabase {
    const DRIVERS: &'static [&'static str] = &["postgres"];
    const DEFAULT: Option<&'static str> = Some("database");
}

#[derive(Deserialize)]
pub(crate) struct AnyRouter;
impl HandleKind for AnyRouter {
    const DRIVERS: &'static [&'static str] = &["haproxy"];
    const DEFAULT: Option<&'static str> = None;
}

type Inspect = fn(&Map<String, Value>, &Standing<'_>) -> Vec<Complaint>;

/// Declares a primitive that can be called in checks only.
macro_rules! primitive {
    ($type:ident, $args:ty, $out:ty, $name:literal, $class:ident, $inspect:expr) => {
        struct $type;

        impl Primitive for $type {
            type Args = $args;
            type Facts = ();
            type Action = NoAction;
            type Out = $out;
            const NAME: &'static str = $name;
            const CLASS: Class = Class::$class;
            const DOC: &'static str = "Is declared.";
            const EXAMPLE: &'static str = "";

            async fn observe(&self, _: &Readers, _: &$args) -> Result<()> {
                unreachable!("a check looks at no world")
            }
            fn decide(&self, _: &$args, (): &()) -> Result<Decision<NoAction>> {
                unreachable!("a check decides nothing")
            }
            fn effect(&self, _: &$args, action: &NoAction) -> Effect {
                match *action {}
            }
            async fn act(
                &self,
                _: &World,
                _: &Permit,
                _: &$args,
                action: &NoAction,
            ) -> Result<Value> {
                match *action {}
            }
            fn result(&self, _: &$args, (): &(), (): &(), _: &[Value]) -> Result<$out> {
                unreachable!("a check has no results")
            }
            fn undo(&self, _: &$args, (): &()) -> Undo {
                unreachable!("a check undoes nothing")
            }
            fn subjects(&self, _: &$args) -> Vec<Subject> {
                vec![]
            }
            fn inspect(&self, known: &Map<String, Value>, stands: &Standing<'_>) -> Vec<Complaint> {
                let inspect: Inspect = $inspect;
                inspect(known, stands)
            }
        }
    };
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MigrateArgs {
    /// The database.
    #[schemars(transform = spec::position::<0>)]
    db: HandleOf<AnyDatabase>,
    /// Folder of the files.
    #[schemars(transform = spec::position::<1>)]
    dir: String,
    /// How long a lock is waited for.
    lock_timeout: Option<Span>,
    /// The last version.
    to: Option<String>,
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct MigrateOut {
    /// Versions.
    applied: Vec<String>,
}

primitive!(
    Migrate,
    MigrateArgs,
    MigrateOut,
    "migrate",
    Ensure,
    |known, stands| {
        match known.get("dir").and_then(Value::as_str) {
            Some("one_way") if !stands.committed => {
                let at = At::Argument("dir".into());
                vec![Complaint::error(&code::NO_UNDO, "`0001` has no way back").at(at)]
            }
            Some("broken") => {
                let at = At::File {
                    file: "broken/0001.sql".into(),
                    line: 2,
                    column: 3,
                    end_column: 9,
                };
                vec![Complaint::warning(&code::MIGRATION_LINT, "the table is locked").at(at)]
            }
            _ => vec![],
        }
    }
);

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SqlArgs {
    /// The database.
    #[schemars(transform = spec::position::<0>)]
    db: HandleOf<AnyDatabase>,
    /// The statement.
    #[schemars(transform = spec::position::<1>)]
    text: String,
    /// What `$1` and so on stand for.
    #[schemars(transform = spec::position::<2>)]
    #[serde(default)]
    params: Vec<Value>,
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct SqlOut {
    /// Rows affected.
    rows: u64,
}

primitive!(Sql, SqlArgs, SqlOut, "sql", Every, |known, stands| {
    let drops = known
        .get("text")
        .and_then(Value::as_str)
        .is_some_and(|text| text.starts_with("DROP"));
    match drops && !stands.allowed {
        true => vec![
            Complaint::error(&code::DESTRUCTIVE, "`DROP` destroys data")
                .hint("allow_destructive(\"why\");"),
        ],
        false => vec![],
    }
});
primitive!(Query, SqlArgs, Vec<Value>, "query", Read, |_, _| vec![]);

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WaitArgs {
    /// The database.
    #[schemars(transform = spec::position::<0>)]
    db: HandleOf<AnyDatabase>,
    /// What it has to be like.
    state: Option<State>,
    /// In total.
    deadline: Option<Span>,
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    /// Says yes.
    Accepting,
    /// Takes writes.
    Writable,
}

primitive!(WaitDb, WaitArgs, MigrateOut, "wait_db", Gate, |_, _| vec![]);

/// An image that has to have a tag.
#[derive(Serialize, JsonSchema)]
#[serde(transparent)]
pub(crate) struct Image(String);

impl<'de> Deserialize<'de> for Image {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> std::result::Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        match text.contains(' ') {
            true => Err(serde::de::Error::custom(format!("`{text}` is no image"))),
            false => Ok(Self(text)),
        }
    }
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Health {
    /// Path of the request.
    path: String,
    /// What the answer has to be.
    status: Option<u16>,
    /// In total.
    deadline: Option<Span>,
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SwapArgs {
    /// The container.
    #[schemars(transform = spec::position::<0>)]
    name: String,
    /// What it runs.
    image: Image,
    /// Variables.
    #[serde(default)]
    env: BTreeMap<String, SecretText>,
    /// When it is well.
    health: Option<Health>,
    /// What sends it requests.
    router: Option<HandleOf<AnyRouter>>,
    /// How long requests may take to end.
    drain: Option<Span>,
    /// Published ports.
    #[serde(default)]
    ports: Vec<String>,
    /// Looks for the image anew.
    pull: Option<bool>,
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct SwapOut {
    /// What ran before.
    old: Option<String>,
    /// What runs.
    new: String,
}

primitive!(
    Swap,
    SwapArgs,
    SwapOut,
    "swap_container",
    Ensure,
    |known, _| {
        let path = known
            .get("health")
            .and_then(|health| health["path"].as_str());
        let image = known.get("image").and_then(Value::as_str);
        let mut complaints = vec![];
        if path.is_some_and(|path| !path.starts_with('/')) {
            let at = At::Argument("health.path".into());
            complaints.push(Complaint::error(&code::WRONG_TYPE, "a path begins with `/`").at(at));
        }
        if image.is_some_and(|image| !image.contains(':')) {
            let at = At::Argument("image".into());
            complaints.push(Complaint::note(&code::NO_TAG, "the image has no tag").at(at));
        }
        complaints
    }
);

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct GetArgs {
    /// The address.
    #[schemars(transform = spec::position::<0>)]
    url: String,
    /// What the answer has to be.
    status: Option<u16>,
    /// Sent as `Authorization`.
    bearer: Option<SecretText>,
    /// What the answer has to hold.
    expect: Option<Value>,
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct GetOut {
    /// Of the answer.
    status: u16,
    /// Of the answer.
    json: Value,
}

primitive!(HttpGet, GetArgs, GetOut, "http_get", Read, |_, _| vec![]);

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RequireArgs {
    /// Names.
    #[schemars(transform = spec::position::<0>)]
    names: Vec<String>,
}

primitive!(
    RequireEnv,
    RequireArgs,
    (),
    "require_env",
    Read,
    |_, _| vec![]
);

/// A bracket that can be called in checks only.
macro_rules! bracket {
    ($type:ident, $args:ty, $name:literal) => {
        struct $type;

        impl Bracket for $type {
            type Args = $args;
            const NAME: &'static str = $name;
            const DOC: &'static str = "Is declared.";
            const EXAMPLE: &'static str = "";

            async fn enter(&self, _: &World, _: &Permit, _: &$args) -> Result<Value> {
                unreachable!("a check enters nothing")
            }
            async fn evidence(&self, _: &World, _: &Permit, _: &Value) -> Result<Value> {
                unreachable!("a check enters nothing")
            }
            async fn settle(&self, _: &Readers, _: &$args, _: &Value) -> Result<Settled> {
                unreachable!("a check settles nothing")
            }
            async fn leave(&self, _: &World, _: &Permit, _: &Value, _: End) -> Result<()> {
                unreachable!("a check enters nothing")
            }
            fn place(&self, _: &$args) -> String {
                String::new()
            }
        }
    };
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TransactionArgs {
    /// The database.
    #[schemars(transform = spec::position::<0>)]
    db: HandleOf<AnyDatabase>,
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SavepointArgs {
    /// The transaction.
    #[schemars(transform = spec::position::<0>)]
    tx: HandleOf<AnyDatabase>,
    /// Its name.
    #[schemars(transform = spec::position::<1>)]
    name: String,
}

bracket!(Transaction, TransactionArgs, "transaction");
bracket!(SqlSavepoint, SavepointArgs, "sql_savepoint");

/// What the scripts may call.
pub(crate) fn registry() -> Registry {
    let mut registry = Registry::default();
    registry.add(erase(Migrate));
    registry.add(erase(Sql));
    registry.add(erase(Query));
    registry.add(erase(WaitDb));
    registry.add(erase(Swap));
    registry.add(erase(HttpGet));
    registry.add(erase(RequireEnv));
    for bracket in [erase_bracket(Transaction), erase_bracket(SqlSavepoint)] {
        registry.brackets.insert(bracket.name(), bracket);
    }
    registry
}

/// An environment with a database, a router and plain data.
pub(crate) fn environment() -> Environment {
    let handle = |driver: &str, name: &str| {
        Handle {
            driver: driver.into(),
            name: name.into(),
            config: Map::new(),
            transaction: None,
        }
        .to_value()
    };
    Environment {
        name: "prod".into(),
        target: json!({
            "database": handle("postgres", "database"),
            "router": handle("haproxy", "router"),
            "url": "http://127.0.0.1:8080",
            "web": ["web-1", "web-2"],
            "limits": { "batch": 2 },
        }),
    }
}

/// The modules that come along.
pub(crate) const LIBRARY: pb_runtime::Library = &[
    (
        "std/roll",
        "export const LIMIT = 3;\nconst HIDDEN = 1;\nfn one_by_one(names, options) { rolling(names, |name| swap_container(name, options)) }\nprivate fn inner() { 1 }\n",
    ),
    ("std/other", "fn helper() { 1 }\n"),
];

/// Checks a script: in the environment when its name says so (`in prod: …`, `in bare: …`), as a library when it says `library: …`.
/// What cannot be read is one finding.
pub(crate) fn checked_in(name: &str, text: &str) -> Vec<Finding> {
    let as_library = [("a", text), LIBRARY[0], LIBRARY[1]];
    let script = match name.starts_with("library") {
        true => Script::from_text("root.rhai", "import \"a\" as a;", leaked(&as_library)),
        false => Script::from_text("a.rhai", text, LIBRARY),
    };
    let environment = match name.split(':').next() {
        Some("in prod") => Some(environment()),
        Some("in bare") => Some(Environment {
            name: "bare".into(),
            target: json!({ "database": "shop" }),
        }),
        _ => None,
    };
    match script {
        Ok(script) => pb_runtime::check(&script, &registry(), environment.as_ref(), None).findings,
        Err(failure) => vec![pb_runtime::refused("a.rhai", &failure, Some(text))],
    }
}

/// Libraries are compiled in; a test makes some up.
fn leaked(library: &[(&str, &str)]) -> pb_runtime::Library {
    let leak = |text: &str| -> &'static str { Box::leak(text.to_owned().into_boxed_str()) };
    let library: Vec<_> = library
        .iter()
        .map(|(name, text)| (leak(name), leak(text)))
        .collect();
    Box::leak(library.into_boxed_slice())
}

/// `1:5-9 PB0207 message`, with what else there is to say behind bars.
pub(crate) fn line(finding: &Finding) -> String {
    let level = match finding.level {
        Level::Error => "",
        Level::Warning => " warning",
        Level::Note => " note",
    };
    let file = if finding.file == "a.rhai" {
        String::new()
    } else {
        format!("{}:", finding.file)
    };
    let place = format!(
        "{file}{}:{}-{}",
        finding.line, finding.column, finding.end_column
    );
    let more = finding
        .because
        .iter()
        .chain(&finding.hint)
        .map(|line| format!(" | {line}"));
    format!(
        "{place} {}{level} {}{}",
        finding.code,
        finding.message,
        more.collect::<String>()
    )
}

/// The lines of all findings.
pub(crate) fn lines(findings: &[Finding]) -> Vec<String> {
    findings.iter().map(line).collect()
}

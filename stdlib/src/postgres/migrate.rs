//! `migrate`: brings a schema to the newest version that a folder of SQL files holds, or to an older one.

mod act;
mod action;
mod alone;
mod concurrent;
mod decide;
pub(crate) mod files;
pub(crate) mod history;
pub(crate) mod lock;
mod observe;
mod site;
mod stepwise;
mod transactional;

use super::database::{Database, place};
use super::driver::Postgres;
use super::ident::Ident;
use super::lint::{Memo, Strictness};
use super::migration_files::Version;
pub(crate) use action::Action;
pub(crate) use decide::remaining;
pub(crate) use files::Folder;
pub(crate) use history::Row;
use history::{REPEATABLE, RowState};
use pb_core::finding::{Complaint, Standing};
use pb_core::{
    Class, Decision, Effect, Failure, Handle, HandleOf, Permit, Primitive, Readers, Result, Span,
    Subject, Undo, World, code,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
pub(crate) use site::{BOOKKEEPING, Mark, Site};
use std::collections::BTreeSet;
use std::sync::Arc;
pub(crate) use transactional::plain;

/// Applies and reverts migrations.
#[derive(Default)]
pub(crate) struct Migrate {
    lint: Arc<Memo>,
}

/// The arguments of `migrate`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Args {
    /// The database.
    #[schemars(transform = pb_core::spec::position::<0>)]
    db: HandleOf<Database>,
    /// The folder of the files, `0001_name.sql` and `0001_name.down.sql`.
    #[schemars(transform = pb_core::spec::position::<1>)]
    dir: String,
    /// The schema that is migrated; names in the files are looked for in it first.
    #[serde(default = "public")]
    schema: Ident,
    /// The version to come to, older ones by down files; `0` for none. Left out, the newest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    to: Option<Version>,
    /// How long a statement waits for a lock before its file is rolled back and tried again: everyone who wants the table
    /// waits behind it.
    #[serde(default = "half_a_second")]
    lock_timeout: Span,
    /// How long a file that does not get its locks is tried again, and how long another migration is waited for.
    #[serde(default = "one_minute")]
    retry_for: Span,
    /// How long a statement may run.
    #[serde(default = "a_quarter_hour")]
    statement_timeout: Span,
    /// What `pb check` makes of statements that lock what the application needs, or are hardly meant: `"warn"`, `"error"`
    /// or `"off"`. A comment `-- pb: allow RULE because …` above a statement silences a rule for it.
    #[serde(default)]
    lint: Strictness,
    /// Where an undo goes back to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(skip)]
    back: Option<Back>,
}

fn public() -> Ident {
    Ident::try_from("public".to_owned()).expect("it is a name")
}

fn half_a_second() -> Span {
    Span::millis(500)
}

fn one_minute() -> Span {
    Span::seconds(60)
}

fn a_quarter_hour() -> Span {
    Span::seconds(15 * 60)
}

/// What a run found before it migrated, and the files that it may have applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Back {
    /// Versions that were there and stay.
    keep: BTreeSet<String>,
    /// The run that is undone: what others applied stays.
    run: String,
    folder: Folder,
}

/// The files and the rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Facts {
    run: String,
    has_schema: bool,
    rows: Vec<Row>,
    folder: Folder,
}

/// What the script gets.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Out {
    /// Versions that were applied, oldest first; `R_name` for repeatable files.
    applied: Vec<String>,
    /// Versions that were reverted, newest first.
    reverted: Vec<String>,
    /// The newest version before; `()` when there was none.
    from: Option<String>,
    /// The newest version now.
    to: Option<String>,
}

impl Args {
    /// With the usual limits.
    pub(crate) fn of(db: Handle, dir: &str, schema: Ident) -> Self {
        Self {
            db: HandleOf::new(db),
            dir: dir.into(),
            schema,
            to: None,
            lock_timeout: half_a_second(),
            retry_for: one_minute(),
            statement_timeout: a_quarter_hour(),
            lint: Strictness::default(),
            back: None,
        }
    }
}

impl Facts {
    /// Of a schema that is there, or will be.
    pub(crate) fn of(rows: Vec<Row>, folder: Folder) -> Self {
        Self {
            run: String::new(),
            has_schema: true,
            rows,
            folder,
        }
    }
}

impl Migrate {
    /// What is found in folders is shared with those that look at the same ones.
    pub(crate) fn new(lint: Arc<Memo>) -> Self {
        Self { lint }
    }
}

impl Primitive for Migrate {
    type Args = Args;
    type Facts = Facts;
    type Action = Action;
    type Out = Out;

    const NAME: &'static str = "migrate";
    const CLASS: Class = Class::Ensure;
    const DOC: &'static str = "\
Brings a schema to the newest version that a folder of SQL files holds.

Files are `0001_name.sql`, applied once and in order; `0001_name.down.sql`, which takes it back; and `R_name.sql`, applied
again whenever it changes. A file runs in one transaction, together with the row of `pb_migrations` in its schema that says
so. Where it does not get a lock within `lock_timeout` it is rolled back and tried again, until `retry_for` is spent. A file
whose first line is `-- pb: no-transaction` runs statement by statement; each that may shares a transaction with the note
that it is done, so a run that was killed goes on where it stopped. An index built with CONCURRENTLY is looked for first:
one that is being built is waited for, one that was left invalid is dropped and built again. One migration of a schema runs
at a time; others wait for it.

# Shape
`#{ changed, applied, reverted, from, to, took }`: lists of versions, and the newest version before and after.

# Errors
PB0330 the files contradict each other, or the rows; PB0331 a file was changed after it had been applied; PB0332 no way
back; PB0333 another session migrates the schema; PB0305 who holds a lock that was not free; PB0304 and PB0312 to PB0317
by what the server refused, with `file`, `line` and `column`.

# Effect
A transaction for each file; reversible where each file applied has a down file.

# Source
PostgreSQL manual, 13.3 Explicit Locking, CREATE INDEX (Building Indexes Concurrently) and 28.4 Progress Reporting.";
    const EXAMPLE: &'static str = r#"migrate(target.database, "migrations");"#;

    async fn observe(&self, read: &Readers, args: &Args) -> Result<Facts> {
        observe::observe(read, args).await
    }

    fn decide(&self, args: &Args, facts: &Facts) -> Result<Decision<Action>> {
        if args.db.0.transaction.is_some() {
            let message = "`migrate` was called within a transaction";
            return Err(Failure::new(&code::NOT_ALLOWED_HERE, message)
                .because("it commits file by file")
                .hint("move the call out of `transaction`"));
        }
        let actions = decide::remaining(args, facts)?;
        if !actions.is_empty() && !facts.has_schema {
            let schema = &args.schema;
            let message = format!("there is no schema `{schema}`");
            return Err(Failure::new(&code::MISSING_RELATION, message)
                .hint(format!(
                    "sql(db, \"CREATE SCHEMA {}\")",
                    schema.quoted().replace('"', "\\\"")
                ))
                .with("schema", schema.as_str()));
        }
        Ok(Decision::in_order(actions))
    }

    fn effect(&self, _: &Args, action: &Action) -> Effect {
        match action.transactional {
            true => Effect::Transaction,
            false => Effect::Ddl,
        }
    }

    async fn act(
        &self,
        world: &World,
        permit: &Permit,
        args: &Args,
        action: &Action,
    ) -> Result<Value> {
        let (writer, read) = (world.of::<Postgres>(permit), world.read());
        act::act(&Site { writer, read, args }, action).await
    }

    fn result(&self, _: &Args, before: &Facts, after: &Facts, outcomes: &[Value]) -> Result<Out> {
        let did = |what: &str| {
            let done = outcomes.iter().filter(|outcome| outcome["did"] == what);
            done.filter_map(|outcome| outcome["id"].as_str().map(Into::into))
                .collect()
        };
        Ok(Out {
            applied: did("applied"),
            reverted: did("reverted"),
            from: newest(&before.rows),
            to: newest(&after.rows),
        })
    }

    fn undo(&self, args: &Args, before: &Facts) -> Undo {
        if args.back.is_some() {
            return Undo::none("it was an undo itself");
        }
        if let Some(why) = decide::point_of_no_return(args, before) {
            return Undo::none(why);
        }
        let keep = before.rows.iter().filter(|row| row.version != REPEATABLE);
        Undo::call::<Self>(&Args {
            to: None,
            back: Some(Back {
                keep: keep.map(|row| row.version.clone()).collect(),
                run: before.run.clone(),
                folder: needed(args, before),
            }),
            ..args.clone()
        })
    }

    fn subjects(&self, args: &Args) -> Vec<Subject> {
        vec![Subject::new("schema", named(args))]
    }

    fn inspect(&self, known: &Map<String, Value>, stands: &Standing<'_>) -> Vec<Complaint> {
        self.lint.inspect(known, stands, false)
    }

    fn summary(&self, _: &Args, out: &Value) -> String {
        let list = |name: &str| {
            let texts = out[name].as_array().into_iter().flatten();
            texts
                .filter_map(Value::as_str)
                .collect::<Vec<_>>()
                .join(" ")
        };
        let (applied, reverted) = (list("applied"), list("reverted"));
        let now = out["to"].as_str();
        match (applied.as_str(), reverted.as_str(), now) {
            ("", "", Some(now)) => format!("at {now}"),
            ("", "", None) => "no migrations".into(),
            (applied, "", _) => applied.to_owned(),
            ("", reverted, _) => format!("{reverted} reverted"),
            (applied, reverted, _) => format!("{reverted} reverted, {applied}"),
        }
    }

    fn state(&self, args: &Args, facts: &Facts) -> Option<String> {
        let half = facts.rows.iter().find(|row| row.state != RowState::Applied);
        let half = half
            .map(|row| format!(", with `{}` half done", row.id()))
            .unwrap_or_default();
        Some(match newest(&facts.rows) {
            Some(version) => format!("{} is at {version}{half}", named(args)),
            None => format!("{} has no migrations{half}", named(args)),
        })
    }
}

/// The database, and the schema where it is not the usual one.
fn named(args: &Args) -> String {
    match args.schema.as_str() {
        "public" => place(&args.db),
        schema => format!("{}/{schema}", place(&args.db)),
    }
}

fn newest(rows: &[Row]) -> Option<String> {
    let applied = rows.iter().filter(|row| row.state == RowState::Applied);
    let versions = applied.filter_map(|row| Some((row.version()?, row.version.clone())));
    versions.max_by(|a, b| a.0.cmp(&b.0)).map(|(_, text)| text)
}

/// The migrations that the step may apply or revert, and nothing else of the folder.
fn needed(args: &Args, before: &Facts) -> Folder {
    let actions = decide::remaining(args, before).unwrap_or_default();
    let mut folder = before.folder.clone();
    let touched = |version: &str| actions.iter().any(|action| action.version == version);
    folder
        .set
        .versioned
        .retain(|migration| touched(migration.version.as_str()));
    folder.set.repeatable.clear();
    let files: BTreeSet<&str> = folder
        .set
        .versioned
        .iter()
        .flat_map(|m| [Some(&m.up), m.down.as_ref()])
        .flatten()
        .map(|script| script.file.as_str())
        .collect();
    folder.texts.retain(|file, _| files.contains(file.as_str()));
    folder
}

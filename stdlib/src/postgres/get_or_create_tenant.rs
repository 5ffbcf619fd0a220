//! `get_or_create_tenant`: a tenant with its schema, its domain and its tables, all of it or nothing.

mod decide;
mod make;
mod observe;
mod plain;
mod registry;
mod unmake;

use super::database::{Database, place};
use super::driver::Postgres;
use super::ident::{Ident, TenantName};
use super::lint::Memo;
use super::migrate::{self, Folder, Row};
use pb_core::finding::{Complaint, Standing};
use pb_core::{
    Class, Decision, Effect, HandleOf, Permit, Primitive, Readers, Result, Subject, Undo, World,
};
use registry::Registry;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::fmt;
use std::sync::Arc;

/// Makes tenants.
#[derive(Default)]
pub(crate) struct GetOrCreateTenant {
    lint: Arc<Memo>,
}

/// The arguments of `get_or_create_tenant`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Args {
    /// The database.
    #[schemars(transform = pb_core::spec::position::<0>)]
    db: HandleOf<Database>,
    /// Its name, and that of its schema: a letter from a to z, then such letters, digits and `_`.
    #[schemars(transform = pb_core::spec::position::<1>)]
    name: TenantName,
    /// The domain by which it is found; may be left out with `registry: "none"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    domain: Option<String>,
    /// More about the tenant: columns of the application's table, or a map that pb's own table keeps.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    fields: Map<String, Value>,
    /// The folder of the migrations that its schema gets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    dir: Option<String>,
    /// `"none"`, or the application's tables; left out, `public.pb_tenants` and `public.pb_domains`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    registry: Option<Registry>,
    /// The role that owns the schema.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    owner: Option<Ident>,
    /// What an undo takes away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(skip)]
    back: Option<Back>,
}

/// What the run that is undone has made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Back {
    schema: bool,
    tenant: bool,
    domain: bool,
}

/// What there is of a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Facts {
    has_schema: bool,
    /// Another schema whose name differs in the case of letters alone.
    look_alike: Option<String>,
    /// Tables and the like in the schema, besides pb's own.
    objects: i64,
    /// Whether the schema has a history of migrations.
    has_history: bool,
    rows: Vec<Row>,
    folder: Folder,
    registry: Found,
    /// Why nothing may be dropped: what somebody else has put into it.
    foreign: Vec<String>,
}

/// What the registry holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Found {
    has_tables: bool,
    /// The column by which domains refer to tenants.
    key: String,
    has_tenant: bool,
    /// The tenant that the domain belongs to.
    domain_of: Option<String>,
}

/// Everything that is missing, or everything that goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Action {
    /// In one transaction.
    Make {
        name: String,
        missing: Missing,
        /// Every file that it may take.
        folder: Folder,
        /// Whether nothing of it was there.
        is_new: bool,
    },
    /// In one transaction.
    Drop { name: String, back: Back },
}

/// What a tenant lacks.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Missing {
    schema: bool,
    tenant: bool,
    domain: Option<String>,
    migrations: Vec<migrate::Action>,
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Make {
                name,
                missing,
                is_new,
                ..
            } => {
                let verb = if *is_new { "create" } else { "complete" };
                write!(f, "{verb} tenant `{name}`: {}", missing.list())
            }
            Self::Drop { name, .. } => write!(f, "drop tenant `{name}`"),
        }
    }
}

impl Missing {
    fn is_nothing(&self) -> bool {
        *self == Self::default()
    }

    fn list(&self) -> String {
        let migrations = match self.migrations.len() {
            0 => None,
            1 => Some("1 migration".to_owned()),
            n => Some(format!("{n} migrations")),
        };
        let parts = [
            self.schema.then(|| "schema".to_owned()),
            self.tenant.then(|| "registry row".to_owned()),
            self.domain
                .as_ref()
                .map(|domain| format!("domain `{domain}`")),
            migrations,
        ];
        parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
    }
}

/// What the script gets.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Out {
    /// Whether this call made it.
    created: bool,
    /// Whether this call completed what was half there.
    repaired: bool,
    /// The name of its schema.
    schema: String,
}

impl GetOrCreateTenant {
    /// What is found in folders is shared with those that look at the same ones.
    pub(crate) fn new(lint: Arc<Memo>) -> Self {
        Self { lint }
    }
}

impl Primitive for GetOrCreateTenant {
    type Args = Args;
    type Facts = Facts;
    type Action = Action;
    type Out = Out;

    const NAME: &'static str = "get_or_create_tenant";
    const CLASS: Class = Class::Ensure;
    const DOC: &'static str = "\
Makes a tenant: its rows in the registry, its schema and the tables in it, all in one transaction.

A tenant that is complete is left alone; what is missing of one that is half there is added. Of two calls at the same time
one makes it and the other waits. In a schema that the same transaction makes, indexes are built at once where a file says
CONCURRENTLY: nobody else can see the table yet. Names differ in more than their length or the case of their letters, or
are refused.

# Shape
`#{ changed, created, repaired, schema, took }`.

# Errors
PB0334 a schema with tables and no history, a domain of another tenant, names that look alike; PB0330 and the others of
`migrate` for the files; PB0304 and its kin for what the server refuses.

# Effect
One transaction. Undo drops what this run made, and only while nobody else has put rows or tables into it.

# Source
PostgreSQL manual, CREATE SCHEMA; django-tenants 3, Client and Domain.";
    const EXAMPLE: &'static str = r#"get_or_create_tenant(target.database, "guest", #{
    domain: "guest.example.com",
    dir: "migrations/tenant",
});"#;

    async fn observe(&self, read: &Readers, args: &Args) -> Result<Facts> {
        observe::observe(read, args).await
    }

    fn decide(&self, args: &Args, facts: &Facts) -> Result<Decision<Action>> {
        Ok(Decision::in_order(
            decide::remaining(args, facts)?.into_iter().collect(),
        ))
    }

    fn effect(&self, _: &Args, _: &Action) -> Effect {
        Effect::Transaction
    }

    async fn act(
        &self,
        world: &World,
        permit: &Permit,
        args: &Args,
        action: &Action,
    ) -> Result<Value> {
        let (writer, read) = (world.of::<Postgres>(permit), world.read());
        match action {
            Action::Make { folder, .. } => make::make(writer, read, args, folder).await,
            Action::Drop { back, .. } => unmake::unmake(writer, read, args, back).await,
        }
    }

    fn result(&self, args: &Args, _: &Facts, _: &Facts, outcomes: &[Value]) -> Result<Out> {
        let did = |what: &str| outcomes.iter().any(|outcome| outcome["did"] == what);
        Ok(Out {
            created: did("created"),
            repaired: did("repaired"),
            schema: args.name.as_str().into(),
        })
    }

    fn undo(&self, args: &Args, before: &Facts) -> Undo {
        decide::undo(args, before)
    }

    fn subjects(&self, args: &Args) -> Vec<Subject> {
        vec![Subject::new(
            "schema",
            format!("{}/{}", place(&args.db), args.name),
        )]
    }

    fn inspect(&self, known: &Map<String, Value>, stands: &Standing<'_>) -> Vec<Complaint> {
        self.lint.inspect(known, stands, true)
    }

    fn summary(&self, _: &Args, out: &Value) -> String {
        match (out["created"] == true, out["repaired"] == true) {
            (true, _) => "created".into(),
            (_, true) => "completed".into(),
            _ => String::new(),
        }
    }

    fn state(&self, args: &Args, facts: &Facts) -> Option<String> {
        let is = match facts.has_schema {
            true => "is there",
            false => "is not there",
        };
        Some(format!("tenant {} {is}", args.name))
    }
}

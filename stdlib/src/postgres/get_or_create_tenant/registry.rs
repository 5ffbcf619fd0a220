//! Where tenants and their domains are written down: pb's own tables, those of django-tenants, or nowhere.
//!
//! The columns that count have the same names in both: `schema_name`; `domain`, `tenant_id`, `is_primary`.

use super::Args;
use crate::postgres::driver::{borrowed, bound};
use crate::postgres::ident::Ident;
use crate::postgres::session::Session;
use crate::postgres::table_name::in_public;
use crate::postgres::trouble::Trouble;
use pb_core::{Failure, Readers, Result, code};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Where tenants are written down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum Registry {
    /// Nowhere.
    Word(Word),
    /// In tables of the application.
    Tables(Tables),
}

/// Nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Word {
    /// Nowhere.
    None,
}

/// Tables as django-tenants makes them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tables {
    /// Table of the tenants, with a column `schema_name`.
    pub(crate) tenants: String,
    /// Table of their domains, with columns `domain`, `tenant_id` and `is_primary`.
    pub(crate) domains: String,
}

/// Both tables as SQL texts take them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Places {
    pub(crate) tenants: String,
    pub(crate) domains: String,
    /// Whether pb makes them.
    pub(crate) is_own: bool,
}

impl Places {
    /// Reads `registry`; `None` for nowhere.
    pub(crate) fn of(args: &Args) -> Result<Option<Self>> {
        let (tables, is_own) = match &args.registry {
            Some(Registry::Word(Word::None)) => return Ok(None),
            Some(Registry::Tables(tables)) => (tables.clone(), false),
            None => {
                let (tenants, domains) = ("pb_tenants".into(), "pb_domains".into());
                (Tables { tenants, domains }, true)
            }
        };
        Ok(Some(Self {
            tenants: in_public(&tables.tenants)?,
            domains: in_public(&tables.domains)?,
            is_own,
        }))
    }

    /// Makes pb's own tables.
    pub(crate) async fn create(&self, session: &Session) -> std::result::Result<(), Trouble> {
        let Self {
            tenants, domains, ..
        } = self;
        // IF NOT EXISTS looks first and makes afterwards: of two sessions at the same time one fails.
        let text = format!(
            "SELECT pg_advisory_xact_lock(hashtextextended('pb registry', 0)); \
             CREATE TABLE IF NOT EXISTS {tenants} ( \
                 id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, \
                 schema_name text NOT NULL UNIQUE, \
                 fields jsonb NOT NULL DEFAULT '{{}}', \
                 created_at timestamptz NOT NULL DEFAULT clock_timestamp(), \
                 run_id text NOT NULL); \
             CREATE TABLE IF NOT EXISTS {domains} ( \
                 id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, \
                 domain text NOT NULL UNIQUE, \
                 tenant_id bigint NOT NULL REFERENCES {tenants} ON DELETE CASCADE, \
                 is_primary boolean NOT NULL)"
        );
        session.run(&text).await.map(drop)
    }

    /// Writes the row of a tenant.
    pub(crate) async fn add_tenant(
        &self,
        session: &Session,
        read: &Readers,
        name: &str,
        fields: &Map<String, Value>,
    ) -> std::result::Result<(), Trouble> {
        let mut columns = vec!["schema_name".to_owned()];
        let mut values = vec![Value::from(name)];
        if self.is_own {
            columns.extend(["fields".to_owned(), "run_id".to_owned()]);
            values.extend([Value::Object(fields.clone()), Value::from(read.run())]);
        } else {
            for (column, value) in fields {
                columns.push(quoted(column)?);
                values.push(value.clone());
            }
        }
        let places: Vec<String> = (1..=values.len()).map(|n| format!("${n}")).collect();
        let text = format!(
            "INSERT INTO {} ({}) VALUES ({})",
            self.tenants,
            columns.join(", "),
            places.join(", ")
        );
        execute(session, read, &text, &values).await
    }

    /// Writes the row of a domain, the first one of a tenant as its primary one.
    pub(crate) async fn add_domain(
        &self,
        session: &Session,
        read: &Readers,
        name: &str,
        domain: &str,
        key: &str,
    ) -> std::result::Result<(), Trouble> {
        let Self {
            tenants, domains, ..
        } = self;
        let text = format!(
            "INSERT INTO {domains} (domain, tenant_id, is_primary) \
             SELECT $1, t.{key}, NOT EXISTS ( \
                 SELECT FROM {domains} d WHERE d.tenant_id = t.{key} AND d.is_primary) \
             FROM {tenants} t WHERE t.schema_name = $2"
        );
        execute(session, read, &text, &[domain.into(), name.into()]).await
    }
}

async fn execute(
    session: &Session,
    read: &Readers,
    text: &str,
    values: &[Value],
) -> std::result::Result<(), Trouble> {
    let prepared = session.prepare(text).await?;
    let ours = |failure| Trouble::Ours(Box::new(failure));
    let params = bound(read, &prepared, values).map_err(ours)?;
    session
        .execute(&prepared, &borrowed(&params))
        .await
        .map(drop)
}

fn quoted(column: &str) -> std::result::Result<String, Trouble> {
    Ident::try_from(column.to_owned())
        .map(|ident| ident.quoted())
        .map_err(|error| {
            let failure = Failure::new(&code::BAD_NAME, error.to_string());
            Trouble::Ours(Box::new(failure.with("option", "fields")))
        })
}

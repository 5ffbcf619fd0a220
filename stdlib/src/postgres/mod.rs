//! PostgreSQL: the driver, and every primitive that reads or changes a database.

mod advisory;
mod blockers;
pub mod checksum;
mod commit;
pub mod concurrent_index;
mod config;
mod connect;
mod cursor;
mod database;
mod destructive;
mod driver;
mod endpoint;
mod get_or_create_tenant;
pub mod ident;
mod lease;
mod lex;
mod lint;
mod locks;
mod made;
mod migrate;
mod migration_file_error;
pub mod migration_files;
#[cfg(test)]
mod noise;
mod obstacle;
mod orphans;
mod params;
mod pool;
mod query;
mod reading;
mod refusal;
mod row_counts;
mod runs;
mod script;
mod session;
pub mod split;
mod sql;
mod sql_savepoint;
pub mod sqlstate;
mod survey;
mod table_name;
mod tls;
mod transaction;
pub mod transaction_control;
mod transactions;
mod trouble;
mod version;
mod wait_db;

pub use config::{PostgresConfig, SslMode};
pub use database::Database;
pub(crate) use destructive::destroyed_by;
pub use driver::{Postgres, Reader, Writer};
pub use lint::{LintedFolder, lint_folder};
pub use runs::PostgresRuns;

use pb_core::run::{Registry, erase_bracket};
use pb_core::{Drivers, erase};
use std::sync::Arc;

/// Adds the driver and the primitives of databases.
pub fn register(registry: &mut Registry, drivers: &mut Drivers) {
    drivers.add(Postgres::default());
    let lint = Arc::new(lint::Memo::default());
    for primitive in [
        erase(get_or_create_tenant::GetOrCreateTenant::new(lint.clone())),
        erase(migrate::Migrate::new(lint)),
        erase(query::Query),
        erase(row_counts::RowCounts),
        erase(sql::Sql),
        erase(wait_db::WaitDb),
    ] {
        registry.add(primitive);
    }
    for bracket in [
        erase_bracket(sql_savepoint::SqlSavepoint),
        erase_bracket(transaction::Transaction),
    ] {
        registry.brackets.insert(bracket.name(), bracket);
    }
}

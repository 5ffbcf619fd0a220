//! Every primitive through the real `pb`, on real servers: run, run again, undone; and its likeliest mistakes.

mod command;
mod edited;
mod get_or_create_tenant;
mod health_check;
mod http_get;
mod http_post;
mod lifecycle;
mod migrate;
mod notify;
mod query;
mod require_env;
mod restore_container;
mod resumed;
mod row_counts;
mod run_once;
mod signalled;
mod sql;
mod sql_savepoint;
pub(crate) mod stage;
mod swap_container;
mod transaction;
mod wait_db;

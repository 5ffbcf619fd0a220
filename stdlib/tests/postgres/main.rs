//! The primitives against real servers, through the real kernel; started here, gone when the process ends.

mod connect;
mod lab;
mod lease;
mod migrate;
mod proxy;
mod query;
mod server;
mod sql;
mod survey;
mod tenant;
mod transaction;
mod wait_db;

//! Sessions that a dead process of the same run left on the server.

use super::driver::{LOOK, Writer};
use super::refusal::Sent;
use super::trouble::Trouble;
use pb_core::{Handle, Readers, Result};
use std::time::Duration;
use tokio::time::sleep;
use tokio_postgres::types::Type;

/// How often it is asked whether they are gone.
const LOOKS: u32 = 100;
const PAUSE: Duration = Duration::from_millis(100);

/// Ends sessions of this run that are within a transaction: their COMMIT is not sent by anybody any more. What works
/// outside of one, such as CREATE INDEX CONCURRENTLY, goes on: whoever needs its end waits for it.
///
/// # Errors
/// What keeps the server from being asked.
pub(super) async fn settle(writer: &Writer, read: &Readers, handle: &Handle) -> Result<()> {
    let told = |trouble: Trouble| trouble.into_failure(&Sent::ours("pg_stat_activity"));
    let session = writer.session(read, handle, LOOK).await.map_err(told)?;
    let sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
               WHERE application_name LIKE $1 AND pid <> pg_backend_pid() AND datname = current_database() \
               AND xact_start IS NOT NULL AND query !~* 'concurrently|^[[:space:]]*vacuum'";
    let ours = format!("pb/{}/%", read.run());
    for _ in 0..LOOKS {
        let ended = session.rows(sql, &[(&ours, Type::TEXT)]).await;
        if ended.map_err(told)?.is_empty() {
            break;
        }
        sleep(PAUSE).await;
    }
    writer.give_back(handle, session);
    Ok(())
}

//! The open transactions of a run, by the id that their handles carry.

use super::commit::Xid;
use super::refusal::Sent;
use super::session::Session;
use super::trouble::Trouble;
use pb_core::{Failure, Handle, Result, code};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::OwnedMutexGuard;

/// A session between BEGIN and its end.
pub(crate) struct Transaction {
    pub(crate) session: Session,
    /// Known from just before its COMMIT on.
    pub(crate) xid: Xid,
    /// What the server refused first; from there on it refuses everything, and this is why.
    failed: Option<Failure>,
    savepoints: u64,
}

#[derive(Default)]
pub(crate) struct Transactions {
    open: Mutex<HashMap<String, Arc<tokio::sync::Mutex<Transaction>>>>,
    made: AtomicU64,
}

impl Transactions {
    /// Adds one that has begun; gives its id.
    pub(crate) fn add(&self, session: Session) -> String {
        let id = format!("tx{}", self.made.fetch_add(1, Ordering::SeqCst) + 1);
        let transaction = Transaction {
            session,
            xid: None,
            failed: None,
            savepoints: 0,
        };
        let transaction = Arc::new(tokio::sync::Mutex::new(transaction));
        self.open().insert(id.clone(), transaction);
        id
    }

    /// The handle's transaction, for one caller at a time; `None` for a handle outside of any.
    ///
    /// # Errors
    /// `PB0010` for one that has ended.
    pub(crate) async fn of(&self, handle: &Handle) -> Result<Option<OwnedMutexGuard<Transaction>>> {
        let Some(id) = &handle.transaction else {
            return Ok(None);
        };
        let found = self.open().get(id).cloned();
        match found {
            None => Err(ended()),
            Some(transaction) => {
                let open = transaction.lock_owned().await;
                match open.session.is_usable() {
                    true => Ok(Some(open)),
                    false => Err(broken_off()),
                }
            }
        }
    }

    /// Takes it out, to end it.
    ///
    /// # Errors
    /// `PB0010` for one that has ended.
    pub(crate) async fn take(&self, id: &str) -> Result<Transaction> {
        let transaction = self.open().remove(id).ok_or_else(ended)?;
        // Whoever is in it finishes first; then nobody else can hold it any more.
        drop(transaction.lock().await);
        Ok(Arc::into_inner(transaction).ok_or_else(ended)?.into_inner())
    }

    fn open(&self) -> MutexGuard<'_, HashMap<String, Arc<tokio::sync::Mutex<Transaction>>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Transaction {
    /// A name for a savepoint that no text of a playbook uses.
    pub(crate) fn next_savepoint(&mut self) -> String {
        self.savepoints += 1;
        format!("pb_savepoint_{}", self.savepoints)
    }

    /// What went wrong first.
    pub(crate) fn failed(&self) -> Option<&Failure> {
        self.failed.as_ref()
    }

    /// Notes that the server refused a statement; everything after it is told by this story.
    pub(crate) fn refused(&mut self, trouble: Trouble, statement: &Sent<'_>) -> Failure {
        if let (Some("25P02"), Some(first)) = (trouble.sqlstate(), &self.failed) {
            let message = "the transaction had failed before, so nothing more could be done in it";
            return Failure::new(&code::SQL, message)
                .because(first.message.clone())
                .hint("put what may fail into `savepoint(tx, name, || …)`")
                .with("sqlstate", "25P02");
        }
        let failure = trouble.into_failure(statement);
        self.failed.get_or_insert_with(|| failure.clone());
        failure
    }

    /// Says that a savepoint took the failure back.
    pub(crate) fn recovered(&mut self) {
        self.failed = None;
    }
}

fn broken_off() -> Failure {
    let message = "the transaction was broken off: an earlier call in it had no answer";
    Failure::new(&code::CONNECTION_LOST, message).retryable()
}

fn ended() -> Failure {
    let message = "the handle of a transaction was used after its end";
    Failure::new(&code::NOT_ALLOWED_HERE, message)
        .hint("use the database's own handle outside of `transaction`")
}

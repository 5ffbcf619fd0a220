//! Takes servers before the first effect, makes sure before each further one that they are still ours, and gives them back.

use super::setup::Run;
use crate::code;
use crate::driver::Readers;
use crate::failure::{CallError, Failure, Result};
use crate::handle::Handle;
use crate::journal::Body;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::OnceCell;

/// The servers that this process has taken, or will.
#[derive(Default)]
pub(super) struct Leases {
    cells: Mutex<HashMap<String, Arc<OnceCell<()>>>>,
    named: OnceCell<()>,
    taken: Mutex<BTreeMap<String, Handle>>,
}

impl Run {
    /// Takes what the playbook names, as far as it can be reached: what is not there yet is taken before the first effect
    /// on itself.
    ///
    /// # Errors
    /// `PB0019` and `PB0018` when another run has it.
    pub(super) async fn take_named(&self, readers: &Readers) -> Result<()> {
        let Some(holder) = &self.0.holder else {
            return Ok(());
        };
        let all = self.0.leases.named.get_or_try_init(|| async {
            for handle in &holder.named {
                match self.take(readers, handle).await {
                    Err(failure) if is_taken(&failure) => return Err(failure),
                    _ => {}
                }
            }
            Ok(())
        });
        all.await.map(drop)
    }

    /// Takes a server, once.
    ///
    /// # Errors
    /// As `take_named`; and what keeps the server from being asked.
    pub(super) async fn take(&self, readers: &Readers, handle: &Handle) -> Result<()> {
        let Some(holder) = &self.0.holder else {
            return Ok(());
        };
        let cell = self.0.leases.cell(&handle.name);
        let once = cell.get_or_try_init(|| async {
            if let Some(epoch) = readers.hold(handle, holder).await? {
                self.0
                    .leases
                    .taken()
                    .insert(handle.name.clone(), handle.clone());
                let handle = handle.clone();
                self.0.journal.write("", 1, Body::Lease { handle, epoch });
            }
            Ok(())
        });
        once.await.map(drop)
    }

    /// Makes sure that what was taken is still ours.
    ///
    /// # Errors
    /// `PB0022`, which ends the run where it is: another one has the server now.
    pub(super) async fn still_holds(
        &self,
        readers: &Readers,
    ) -> std::result::Result<(), CallError> {
        for handle in self.0.leases.all() {
            readers.holds(&handle).await?;
        }
        Ok(())
    }

    /// Gives back what was taken, before the end is written down: a run that dies in between has done all it wanted.
    pub(super) async fn give_back(&self) {
        let readers = self.readers_for_all();
        for handle in self.0.leases.all() {
            readers.release(&handle).await;
        }
    }
}

impl Leases {
    fn cell(&self, name: &str) -> Arc<OnceCell<()>> {
        let mut cells = self.cells.lock().unwrap_or_else(PoisonError::into_inner);
        cells.entry(name.to_owned()).or_default().clone()
    }

    fn taken(&self) -> MutexGuard<'_, BTreeMap<String, Handle>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn all(&self) -> Vec<Handle> {
        self.taken().values().cloned().collect()
    }
}

fn is_taken(failure: &Failure) -> bool {
    failure.is(&code::LOCKED) || failure.is(&code::UNFINISHED)
}

//! Before the first effect on a server, writes down who it is.

use super::setup::Run;
use super::step::find_handles;
use crate::code;
use crate::driver::Readers;
use crate::failure::{Failure, Result};
use crate::journal::Body;
use serde_json::Value;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::OnceCell;

/// Handles whose server has told who it is; branches that ask at the same time wait for the one answer.
#[derive(Default)]
pub(super) struct Bound(Mutex<HashMap<String, Arc<OnceCell<()>>>>);

impl Run {
    /// Takes and binds every handle in the arguments; the next durable record takes the identities with it.
    ///
    /// # Errors
    /// Whatever asking the server fails with; then the next call asks again. `PB0019` and `PB0018` when another run has it.
    pub(super) async fn bind(&self, readers: &Readers, args: &Value) -> Result<()> {
        let mut handles = vec![];
        find_handles(args, &mut handles);
        self.take_named(readers).await?;
        for handle in handles {
            let handle = handle.without_transaction();
            self.take(readers, &handle).await?;
            self.0
                .bound
                .of(&handle.name)
                .get_or_try_init(|| async {
                    if let Some(identity) = readers.identity(&handle).await? {
                        self.is_planned_server(&handle.name, &identity)?;
                        let known = self.0.past.identity(&handle.name);
                        if known.is_some_and(|known| *known != identity) {
                            return Err(another(&handle.name, known, &identity));
                        }
                        if known.is_some() {
                            return Ok(());
                        }
                        let handle = handle.name.clone();
                        self.0
                            .journal
                            .write("", 1, Body::Identity { handle, identity });
                    }
                    Ok(())
                })
                .await?;
        }
        Ok(())
    }
}

fn another(handle: &str, known: Option<&Value>, now: &Value) -> Failure {
    let message = format!("`{handle}` is not the server that the run had worked on before");
    let known = known.cloned().unwrap_or_default();
    Failure::new(&code::OTHER_SERVER, message)
        .because(format!("it was {known}, and it is {now} now"))
        .state("nothing was done since the run died")
}

impl Bound {
    fn of(&self, name: &str) -> Arc<OnceCell<()>> {
        let mut cells = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        cells.entry(name.to_owned()).or_default().clone()
    }
}

//! One run at a time on an environment, and none beside one that has not ended.

use super::Runtime;
use pb_core::cancel::Level;
use pb_core::journal::EnvLock;
use pb_core::{Failure, Result, code};
use std::thread;
use std::time::{Duration, Instant};

/// Between two looks at a lock that is waited for.
const LOOK: Duration = Duration::from_millis(100);

impl Runtime {
    /// Takes the environment, within the time that it may be waited for.
    pub(super) fn lock(&self, env: &str) -> Result<Box<dyn EnvLock>> {
        let until = Instant::now() + self.wait;
        loop {
            match self.state.lock(env) {
                Err(failure)
                    if failure.is(&code::LOCKED)
                        && Instant::now() < until
                        && self.cancel.level() == Level::Go =>
                {
                    thread::sleep(LOOK);
                }
                other => return other,
            }
        }
    }

    /// Refuses to begin while the run before has neither ended nor been undone.
    pub(super) fn nothing_unfinished(&self, lock: &dyn EnvLock) -> Result<()> {
        let Some(id) = lock.run().filter(|id| !self.takes_over(id)) else {
            return Ok(());
        };
        match self.state.read(&id) {
            // Its journal was taken away by hand: there is nothing to go on with.
            Ok(None) => Ok(()),
            Ok(Some(history)) if history.ended().is_some() => Ok(()),
            // It was killed before anything was durable.
            Ok(Some(history)) if history.records.is_empty() && history.damage.is_none() => Ok(()),
            _ => {
                let message =
                    format!("run {id} on this environment has neither ended nor been undone");
                Err(Failure::new(&code::UNFINISHED, message)
                    .with("run", id.clone())
                    .state("nothing was touched by this one")
                    .hint(format!(
                        "pb resume {id}, or: pb rollback {id}; to leave it as it is for good: pb run … --supersede {id}"
                    )))
            }
        }
    }

    fn takes_over(&self, run: &str) -> bool {
        [&self.supersede, &self.steal]
            .into_iter()
            .any(|named| named.as_deref() == Some(run))
    }
}

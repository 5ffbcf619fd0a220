//! Tells a run to stop: first gently, then at once.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};
use tokio::sync::Notify;

/// How strongly a run was told to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Not at all.
    Go,
    /// Start nothing new; the running action may finish.
    Stop,
    /// Give up the running action too.
    Abort,
}

/// Shared by all branches of a run; it never goes back.
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    level: AtomicU8,
    cause: OnceLock<String>,
    changed: Notify,
}

impl Cancel {
    /// Raises the level.
    pub fn raise(&self, level: Level) {
        self.0.level.fetch_max(level as u8, Ordering::SeqCst);
        self.0.changed.notify_waiters();
    }

    /// Raises the level and says what made it rise, such as `SIGINT`; the first cause is the one that is kept.
    pub fn raise_for(&self, level: Level, cause: &str) {
        self.0.cause.get_or_init(|| cause.to_owned());
        self.raise(level);
    }

    /// What made the level rise; `None` when nobody said.
    pub fn cause(&self) -> Option<&str> {
        self.0.cause.get().map(String::as_str)
    }

    /// The level now.
    pub fn level(&self) -> Level {
        match self.0.level.load(Ordering::SeqCst) {
            0 => Level::Go,
            1 => Level::Stop,
            _ => Level::Abort,
        }
    }

    /// Waits until the level is at least that.
    pub async fn reached(&self, level: Level) {
        loop {
            let changed = self.0.changed.notified();
            tokio::pin!(changed);
            // Enabled before the level is read, or a change between the two would be missed.
            changed.as_mut().enable();
            if self.level() >= level {
                return;
            }
            changed.await;
        }
    }
}

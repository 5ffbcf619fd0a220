//! Time and chance, as the kernel asks for them.

use futures_util::future::BoxFuture;
use std::time::Duration;

/// Milliseconds since 1970 and a clock that never goes back.
pub trait Clock: Send + Sync {
    /// Milliseconds since 1970, for people; it may jump.
    fn now(&self) -> u64;
    /// Time since some moment before the run; it never jumps.
    fn elapsed(&self) -> Duration;
    /// Waits.
    fn sleep(&self, time: Duration) -> BoxFuture<'_, ()>;
}

/// Where run ids, jitter and `random(n)` come from.
pub trait Random: Send + Sync {
    /// Fills the buffer with bytes that nobody can foretell.
    fn fill(&self, bytes: &mut [u8]);
}

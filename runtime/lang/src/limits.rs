//! Bounds that guard against accidents: an endless loop, a text without end.

use crate::session::Session;
use crate::thrown;
use pb_core::cancel::Level;
use pb_core::{Failure, code};
use rhai::{Dynamic, Engine};
use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// What a script may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Operations of all branches together.
    pub operations: u64,
    /// Bytes that the process may grow by.
    pub memory: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            operations: 1_000_000_000,
            memory: 2 << 30,
        }
    }
}

/// How many operations pass between two looks at the totals.
const STRIDE: u32 = 4096;

thread_local! {
    static SINCE: Cell<u32> = const { Cell::new(0) };
}

impl Limits {
    pub(crate) fn set_on(self, engine: &mut Engine) {
        engine
            .set_max_call_levels(200)
            .set_max_expr_depths(256, 128)
            .set_max_string_size(16 << 20)
            .set_max_array_size(4 << 20)
            .set_max_map_size(1 << 20)
            .set_max_functions(20_000)
            .set_max_modules(1_000)
            .set_max_variables(20_000);
    }

    /// Rhai 1.27 counts no operations inside native callbacks, and misses maps that grow by `m[k] = v`: both totals are
    /// kept here. The cancel flag is read at every operation, because a script can swallow the error that it causes.
    pub(crate) fn watch(self, engine: &mut Engine, session: &Arc<Session>) {
        let (cancel, session) = (session.run.cancel().clone(), Arc::downgrade(session));
        let (operations, over_limit) = (AtomicU64::new(0), AtomicBool::new(false));
        let before = resident();
        engine.on_progress(move |_| {
            if cancel.level() > Level::Go
                || thrown::is_stopped()
                || over_limit.load(Ordering::Relaxed)
            {
                return Some(Dynamic::UNIT);
            }
            let since = SINCE.get() + 1;
            SINCE.set(since % STRIDE);
            if since < STRIDE {
                return None;
            }
            let total = operations.fetch_add(STRIDE.into(), Ordering::Relaxed) + u64::from(STRIDE);
            let over = if total > self.operations {
                format!(
                    "the playbook was ended: it ran more than {} operations",
                    self.operations
                )
            } else if total.is_multiple_of(1 << 16)
                && resident().saturating_sub(before) > self.memory
            {
                format!(
                    "the playbook was ended: it took more than {} MiB of memory",
                    self.memory >> 20
                )
            } else {
                return None;
            };
            over_limit.store(true, Ordering::Relaxed);
            if let Some(session) = session.upgrade() {
                session.over_limit(Failure::new(&code::SCRIPT, over));
            }
            Some(Dynamic::UNIT)
        });
    }
}

/// Bytes of memory that the process holds; 0 where the system does not tell.
fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm
        .split(' ')
        .nth(1)
        .and_then(|pages| pages.parse::<u64>().ok())
        .unwrap_or(0)
        * 4096
}

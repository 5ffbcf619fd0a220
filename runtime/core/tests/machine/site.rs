//! The world of the tests: named things with texts, open transactions, and trouble by script.

use crate::clock::FakeClock;
use crate::log::Log;
use pb_core::clock::Clock;
use pb_core::{Failure, Result, code};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How a call of the world goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// It says no, and nothing changed.
    Refused,
    /// The connection breaks before it was done.
    LostBefore,
    /// The connection breaks after it was done.
    LostAfter,
    /// Half of it is done, and it says so.
    Partial,
    /// Half of it is done, and it never answers.
    Hangs,
}

impl Trouble {
    pub(crate) const ALL: [Self; 5] = [
        Self::Refused,
        Self::LostBefore,
        Self::LostAfter,
        Self::Partial,
        Self::Hangs,
    ];
}

/// Shared by the test, the driver and the actions.
#[derive(Clone)]
pub(crate) struct Site {
    state: Arc<Mutex<State>>,
    clock: FakeClock,
    log: Log,
}

#[derive(Default)]
pub(crate) struct State {
    pub(crate) things: BTreeMap<String, String>,
    /// What goes wrong, at which call of that name, counted from 1.
    troubles: Vec<(String, u32, Trouble)>,
    calls: BTreeMap<String, u32>,
    busy: usize,
    most: usize,
    pub(crate) open: BTreeMap<String, BTreeMap<String, String>>,
    pub(crate) committed: BTreeSet<String>,
    pub(crate) began: u32,
    /// Whether another server answers now.
    pub(crate) is_another: bool,
}

impl Site {
    pub(crate) fn new(clock: FakeClock, log: Log) -> Self {
        Self {
            state: Arc::default(),
            clock,
            log,
        }
    }

    /// What all things are, such as `db=3 web=2`.
    pub(crate) fn all(&self) -> String {
        let things = &self.state().things;
        let told: Vec<_> = things
            .iter()
            .map(|(name, is)| format!("{name}={is}"))
            .collect();
        told.join(" ")
    }

    /// Puts a thing there without a call.
    pub(crate) fn put(&self, name: &str, is: &str) {
        self.state().things.insert(name.into(), is.into());
    }

    /// The n-th call of that name goes wrong, such as `set web`, `look web`, `commit`.
    pub(crate) fn trouble(&self, call: &str, n: u32, trouble: Trouble) {
        self.state().troubles.push((call.into(), n, trouble));
    }

    /// Nothing goes wrong any more.
    pub(crate) fn is_mended(&self) {
        self.state().troubles.clear();
    }

    /// How many actions were under way at the same time, at most, since it was asked last.
    pub(crate) fn most_at_once(&self) -> usize {
        std::mem::take(&mut self.state().most)
    }

    /// How many transactions are open.
    pub(crate) fn open_transactions(&self) -> usize {
        self.state().open.len()
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes down a call and gives the trouble that waits for it.
    fn called(&self, call: &str, more: &str) -> Option<Trouble> {
        self.log.add(format!("world {call} {more}").trim_end());
        let mut state = self.state();
        let n = state.calls.entry(call.into()).or_default();
        *n += 1;
        let n = *n;
        let mut due = state.troubles.iter();
        due.find(|(name, at, _)| name == call && *at == n)
            .map(|(.., trouble)| *trouble)
    }

    /// Does something, unless trouble waits for it; it takes a moment.
    pub(crate) async fn goes(
        &self,
        call: &str,
        more: &str,
        apply: impl FnOnce(&mut State, bool),
    ) -> Result<()> {
        let trouble = self.called(call, more);
        {
            let mut state = self.state();
            state.busy += 1;
            state.most = state.most.max(state.busy);
        }
        let _busy = Busy(self);
        self.clock.sleep(Duration::from_millis(10)).await;
        self.clock.moment().await;
        let lost = || {
            let message = format!("the connection broke during `{call}`");
            Failure::new(&code::CONNECTION_LOST, message).in_doubt()
        };
        match trouble {
            None => apply(&mut self.state(), true),
            Some(Trouble::Refused) => {
                let message = format!("`{call}` was refused");
                return Err(Failure::new(&code::PERMISSION, message));
            }
            Some(Trouble::LostBefore) => return Err(lost()),
            Some(Trouble::LostAfter) => {
                apply(&mut self.state(), true);
                return Err(lost());
            }
            Some(Trouble::Partial) => {
                apply(&mut self.state(), false);
                let message = format!("`{call}` ended with code 1");
                return Err(Failure::new(&code::EXIT_CODE, message).partial());
            }
            Some(Trouble::Hangs) => {
                apply(&mut self.state(), false);
                std::future::pending::<()>().await;
            }
        }
        self.clock.moment().await;
        Ok(())
    }

    /// Looks, unless trouble waits for it.
    pub(crate) async fn look(&self, call: &str) -> Result<()> {
        self.clock.sleep(Duration::from_millis(1)).await;
        match self.called(call, "") {
            None => Ok(()),
            Some(Trouble::Hangs) => std::future::pending().await,
            Some(_) => {
                let message = format!("`{call}` was refused");
                Err(Failure::new(&code::UNREACHABLE, message))
            }
        }
    }
}

struct Busy<'a>(&'a Site);

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.state().busy -= 1;
    }
}

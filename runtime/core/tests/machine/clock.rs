//! Time that passes only when everybody sleeps, and the executor that makes it pass.

use futures_util::future::BoxFuture;
use pb_core::cancel::{Cancel, Level};
use pb_core::clock::{Clock, Random};
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

/// A clock that stands still until nothing else can happen; then it jumps to the next sleeper.
#[derive(Clone, Default)]
pub(crate) struct FakeClock(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    /// Moments at which a process can die that have passed, and the one at which it does.
    moments: usize,
    dies_at: Option<usize>,
    dead: bool,
    /// The moment at which it is told to stop.
    stops_at: Option<(usize, Cancel)>,
    now: Duration,
    next: u64,
    sleepers: Vec<(u64, Duration, Option<Waker>)>,
}

impl FakeClock {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Goes to the next moment that somebody waits for.
    fn advance(&self) -> bool {
        let mut state = self.state();
        let Some(next) = state.sleepers.iter().map(|(_, until, _)| *until).min() else {
            return false;
        };
        state.now = state.now.max(next);
        let due = state
            .sleepers
            .iter_mut()
            .filter(|(_, until, _)| *until <= next);
        let wakers: Vec<_> = due.filter_map(|(_, _, waker)| waker.take()).collect();
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
        true
    }

    /// The process dies at the n-th of the moments to come, counted from 1; never with `None`.
    pub(crate) fn dies_at(&self, n: Option<usize>) {
        let mut state = self.state();
        state.moments = 0;
        state.dies_at = n;
        state.dead = false;
    }

    /// The process is told to stop at the n-th of the moments to come.
    pub(crate) fn stops_at(&self, n: usize, cancel: Cancel) {
        self.state().stops_at = Some((n, cancel));
    }

    /// How many moments have passed.
    pub(crate) fn moments(&self) -> usize {
        self.state().moments
    }

    /// A moment at which the process can die. The dead do not go on.
    pub(crate) async fn moment(&self) {
        let dead = {
            let mut state = self.state();
            state.moments += 1;
            state.dead |= state.dies_at == Some(state.moments);
            let now = state.moments;
            if let Some((_, cancel)) = state.stops_at.take_if(|(at, _)| *at == now) {
                cancel.raise_for(Level::Stop, "SIGTERM");
            }
            state.dead
        };
        if dead {
            std::future::pending::<()>().await;
        }
    }

    /// Runs a future to its end.
    pub(crate) fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.live(future).expect("nobody dies here")
    }

    /// Runs a future to its end, or to the death of the process. One that waits for nothing that can happen is a defect,
    /// not a hang.
    pub(crate) fn live<T>(&self, future: impl Future<Output = T>) -> Option<T> {
        let mut future = pin!(future);
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(woken.clone());
        loop {
            if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
                return Some(value);
            }
            if self.state().dead {
                return None;
            }
            if !woken.0.swap(false, Ordering::SeqCst) {
                assert!(
                    self.advance(),
                    "everything waits, and nothing can happen any more"
                );
            }
        }
    }
}

#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

impl Clock for FakeClock {
    fn now(&self) -> u64 {
        1_700_000_000_000 + self.elapsed().as_millis() as u64
    }

    fn elapsed(&self) -> Duration {
        self.state().now
    }

    fn sleep(&self, time: Duration) -> BoxFuture<'_, ()> {
        let mut state = self.state();
        let (id, until) = (state.next, state.now + time);
        state.next += 1;
        state.sleepers.push((id, until, None));
        Box::pin(Sleep { clock: self, id })
    }
}

struct Sleep<'a> {
    clock: &'a FakeClock,
    id: u64,
}

impl Future for Sleep<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut state = self.clock.state();
        let now = state.now;
        match state.sleepers.iter_mut().find(|(id, ..)| *id == self.id) {
            Some((_, until, waker)) if *until > now => {
                *waker = Some(context.waker().clone());
                Poll::Pending
            }
            _ => Poll::Ready(()),
        }
    }
}

impl Drop for Sleep<'_> {
    fn drop(&mut self) {
        self.clock
            .state()
            .sleepers
            .retain(|(id, ..)| *id != self.id);
    }
}

/// Lets everybody else go first, once.
pub(crate) async fn step_aside() {
    let mut aside = false;
    std::future::poll_fn(|context| {
        if std::mem::replace(&mut aside, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Counts upwards.
#[derive(Default)]
pub(crate) struct Counting(AtomicU64);

impl Random for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        let n = self.0.fetch_add(1, Ordering::SeqCst).to_le_bytes();
        bytes
            .iter_mut()
            .zip(n.iter().cycle())
            .for_each(|(byte, n)| *byte = *n);
    }
}

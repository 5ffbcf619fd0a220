//! Ctrl-C and its kin: first gently, then at once, then for good. Losing the terminal ends nothing.

use pb_core::cancel::{Cancel, Level};
use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{Instant, sleep_until};

/// After SIGTERM a machine may be going down: the running action gets no longer than this.
const GRACE: Duration = Duration::from_secs(5);

const INT: u8 = 2;
const TERM: u8 = 15;

/// What told the run to stop.
#[derive(Clone, Default)]
pub(crate) struct Signals(Arc<AtomicU8>);

impl Signals {
    /// The number of the first one.
    pub(crate) fn first(&self) -> Option<u8> {
        Some(self.0.load(Ordering::SeqCst)).filter(|signal| *signal > 0)
    }
}

/// Listens from now on; `say` tells people what their signal did.
pub(crate) fn watch(
    cancel: Cancel,
    say: impl Fn(&str) + Send + 'static,
) -> std::io::Result<Signals> {
    let signals = Signals::default();
    let first = signals.clone();
    // A runtime of its own: it listens before the run's runtime is there, and when all of that one's threads are busy.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let mut listening = {
        let _inside = runtime.enter();
        Listening {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            // Taken, and that is all.
            _hangup: signal(SignalKind::hangup())?,
        }
    };
    thread::Builder::new().name("signals".into()).spawn(move || {
        runtime.block_on(async {
            let mut count = 0;
            let mut deadline = None;
            loop {
                let Some(number) = listening.next(deadline).await else {
                    deadline = None;
                    cancel.raise(Level::Abort);
                    say("giving up the running step: its 5 s are over");
                    continue;
                };
                count += 1;
                match count {
                    1 => {
                        first.0.store(number, Ordering::SeqCst);
                        let name = if number == TERM { "SIGTERM" } else { "SIGINT" };
                        cancel.raise_for(Level::Stop, name);
                        if number == TERM {
                            deadline = Some(Instant::now() + GRACE);
                            say("stopping: the running step has 5 s to finish");
                        } else {
                            say("stopping: the running step may finish; Ctrl-C again gives it up");
                        }
                    }
                    2 => {
                        deadline = None;
                        cancel.raise(Level::Abort);
                        say("giving up the running step, its effect is in doubt; Ctrl-C again leaves");
                    }
                    _ => std::process::exit(i32::from(128 + number)),
                }
            }
        });
    })?;
    Ok(signals)
}

struct Listening {
    interrupt: Signal,
    terminate: Signal,
    _hangup: Signal,
}

impl Listening {
    /// The number of the next signal; `None` when the deadline came first.
    async fn next(&mut self, deadline: Option<Instant>) -> Option<u8> {
        let late = async {
            match deadline {
                Some(deadline) => sleep_until(deadline).await,
                None => pending().await,
            }
        };
        tokio::select! {
            _ = self.interrupt.recv() => Some(INT),
            _ = self.terminate.recv() => Some(TERM),
            () = late => None,
        }
    }
}

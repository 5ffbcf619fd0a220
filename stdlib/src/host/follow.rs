//! Follows a program to its end: gives it what it reads, keeps the end of what it says, shows a line now and then.

use super::output::Tail;
use crate::outside_text::one_line;
use pb_core::Scrubber;
use std::io;
use std::process::ExitStatus;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin};
use tokio::time::{Instant, timeout};

/// What a program in the background holds open is not waited for longer than this, once the program itself has ended.
const LAST_WORDS: Duration = Duration::from_millis(500);
/// Between two lines of output that are shown while it runs.
const SHOWN_EVERY: Duration = Duration::from_secs(1);
/// So much of such a line.
const SHOWN: usize = 120;

/// What a program has said so far.
#[derive(Default)]
pub(super) struct Said {
    out: Mutex<Tail>,
    err: Mutex<Tail>,
}

impl Said {
    pub(super) fn out(&self) -> MutexGuard<'_, Tail> {
        self.out.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn err(&self) -> MutexGuard<'_, Tail> {
        self.err.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The end of both streams.
    pub(super) fn texts(&self, scrubber: &Scrubber) -> (String, String) {
        (self.out().text(scrubber), self.err().text(scrubber))
    }
}

/// Returns when the program has ended, whatever it left in the background.
pub(super) async fn follow(
    child: &mut Child,
    stdin: Option<String>,
    said: &Said,
    scrubber: &Scrubber,
    show: &(impl Fn(String) + Sync),
) -> io::Result<ExitStatus> {
    let streams = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let talk = async {
        tokio::join!(
            tell(streams.0, stdin),
            listen(streams.1, &said.out, scrubber, show),
            listen(streams.2, &said.err, scrubber, show),
        );
    };
    tokio::pin!(talk);
    let ended = tokio::select! {
        biased;
        ended = child.wait() => Some(ended),
        () = &mut talk => None,
    };
    match ended {
        // It closed what it writes to, and goes on.
        None => child.wait().await,
        Some(ended) => {
            drop(timeout(LAST_WORDS, talk).await);
            ended
        }
    }
}

async fn tell(stdin: Option<ChildStdin>, text: Option<String>) {
    if let (Some(mut stdin), Some(text)) = (stdin, text) {
        // A program need not read what it is given.
        drop(stdin.write_all(text.as_bytes()).await);
    }
}

async fn listen(
    stream: Option<impl AsyncRead + Unpin>,
    said: &Mutex<Tail>,
    scrubber: &Scrubber,
    show: &(impl Fn(String) + Sync),
) {
    let Some(mut stream) = stream else {
        return;
    };
    let mut next = Instant::now() + SHOWN_EVERY;
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(n @ 1..) = stream.read(&mut buffer).await {
        let mut tail = said.lock().unwrap_or_else(PoisonError::into_inner);
        tail.push(&buffer[..n]);
        if Instant::now() < next {
            continue;
        }
        if let Some(line) = tail.last_line(scrubber) {
            show(one_line(&line, SHOWN));
            next = Instant::now() + SHOWN_EVERY;
        }
    }
}

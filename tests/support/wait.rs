//! Waiting for what gives no event, such as a server that does not listen yet.

use std::thread;
use std::time::{Duration, Instant};

const LOOK: Duration = Duration::from_millis(5);

/// Returns the first value that `look` finds; after `deadline` the error says what did not come.
pub(crate) fn until<T>(
    what: &str,
    deadline: Duration,
    mut look: impl FnMut() -> Option<T>,
) -> Result<T, String> {
    let began = Instant::now();
    loop {
        if let Some(found) = look() {
            return Ok(found);
        }
        if began.elapsed() > deadline {
            return Err(format!(
                "{what} did not come within {} s",
                deadline.as_secs()
            ));
        }
        thread::sleep(LOOK);
    }
}

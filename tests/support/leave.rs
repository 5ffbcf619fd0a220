//! Ending early, and not before everything is cleaned up.

use std::os::unix::process::CommandExt;
use std::process::Command;
use std::thread;

use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};

use super::keeper;

/// From here on Ctrl-C, SIGTERM and a lost terminal end this process by `now`.
pub(crate) fn on_signals() {
    let runtime = Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime starts");
    let handlers = runtime.enter();
    let listen = |kind| signal(kind).expect("the signal can be handled");
    let mut hangup = listen(SignalKind::hangup());
    let mut interrupt = listen(SignalKind::interrupt());
    let mut terminate = listen(SignalKind::terminate());
    drop(handlers);
    thread::spawn(move || {
        let code = runtime.block_on(async {
            tokio::select! {
                _ = hangup.recv() => 129,
                _ = interrupt.recv() => 130,
                _ = terminate.recv() => 143,
            }
        });
        super::need::say("cleaning up");
        now(code)
    });
}

/// Ends this process at once, from any thread; its place is taken by a shell that waits for all keepers, then exits
/// with `code`.
fn now(code: u8) -> ! {
    // Our ends of the pipes close on exec, and children with a parent-death signal get it.
    let wait = r#"while [ -e "$1" ]; do sleep 0.05; done; exit "$2""#;
    let folder = keeper::process_folder();
    let mut shell = Command::new("sh");
    shell
        .args(["-c", wait, "leave"])
        .arg(folder)
        .arg(code.to_string());
    panic!("a shell starts: {}", shell.exec());
}

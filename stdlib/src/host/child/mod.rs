//! Programs that outlive pb.
//!
//! pb starts a supervisor, a process of its own program (`pb __child`), and hands it an order through a pipe. The
//! supervisor starts the program by way of a third process (`pb __child begin`), which writes down who it is before it
//! becomes the program. When pb is killed the two go on: the supervisor keeps what the program says and writes down how
//! it ended, and whoever takes the run up again finds it by the key of the step.
//!
//! The supervisor has inherited a lock, its sign of life. When it is killed, the kernel kills the program.

mod begin;
mod folder;
mod order;
mod process;
mod run;
mod settle;
mod state;
mod supervise;

pub use run::Supervisor;

use std::ffi::OsString;
use std::process::ExitCode;

/// The word after which the arguments are those of `child`.
pub const CHILD: &str = "__child";

/// The word that tells the process that becomes the program from the supervisor.
const BEGIN: &str = "begin";

/// What a program does that was started with `CHILD`, given the arguments behind that: it must do nothing else.
///
/// Threads that it has started before would be missing from the program's end, so this belongs to the top of `main`.
pub fn child(args: &[OsString]) -> ExitCode {
    let done = match args.split_first() {
        None => supervise::supervise(),
        Some((word, args)) if word == BEGIN => begin::begin(args),
        Some(_) => Err(std::io::ErrorKind::InvalidInput.into()),
    };
    // Nobody reads what it would say.
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

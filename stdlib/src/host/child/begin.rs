//! The process that becomes the program: it ties its life to the supervisor's, writes down who it is, and is replaced.

use super::folder::{Exit, Folder, Start};
use super::process::Process;
use rustix::process::{getppid, setsid};
use std::ffi::OsString;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::SystemTime;

/// Comes back only when the program could not be started, having written down why.
pub(super) fn begin(args: &[OsString]) -> io::Result<()> {
    let [folder, supervisor, line, path, name, args @ ..] = args else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    // Only the process itself can ask for that, and a program started from here would not keep it.
    #[cfg(target_os = "linux")]
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
    let parent = getppid().map(|pid| pid.as_raw_nonzero().to_string());
    if parent.map(OsString::from).as_ref() != Some(supervisor) {
        return Err(io::Error::other("the supervisor has died already"));
    }
    // No signal of the terminal comes here, and no program can ask the terminal for a password.
    setsid()?;
    let folder = Folder::at(folder);
    let started = started(line).and_then(|start| folder.record_start(&start));
    let exit = match started {
        Err(error) => Exit::NotStarted {
            why: folder.named(&error),
        },
        Ok(()) => {
            let error = Command::new(path).arg0(name).args(args).exec();
            Exit::Refused {
                errno: error.raw_os_error().unwrap_or_default(),
            }
        }
    };
    folder.record_exit(&exit)
}

fn started(line: &OsString) -> io::Result<Start> {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    Ok(Start {
        process: Process::myself()?,
        since: since.map_or(0, |since| since.as_secs() as i64),
        line: line.to_string_lossy().into_owned(),
    })
}

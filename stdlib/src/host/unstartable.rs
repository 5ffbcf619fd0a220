//! Why a program could not be started, and which one was probably meant.

use super::driver::Place;
use pb_core::{Failure, code, nearest};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// `ENOEXEC`: the kernel does not know what to make of the file.
const NO_PROGRAM: i32 = 8;

/// Looks at the disk for the reason; the error alone does not tell a missing folder from a missing program.
pub(super) fn unstartable(error: &io::Error, place: &Place, name: &str, dir: &Path) -> Failure {
    let failure = Failure::new(&code::COMMAND, format!("`{name}` could not be started"));
    if !dir.is_dir() {
        let dir = dir.display();
        return failure.because(format!("the folder `{dir}` does not exist"));
    }
    let file = name.contains('/').then(|| place.base.join(name));
    match (error.kind(), file) {
        (io::ErrorKind::NotFound, None) => {
            let failure = failure.because("no program of that name is in PATH");
            match near_in_path(place, name) {
                Some(near) => failure.hint(format!("did you mean `{near}`?")),
                None => failure,
            }
        }
        (io::ErrorKind::NotFound, Some(file)) if !file.exists() => {
            let failure = failure.because(format!("`{}` does not exist", file.display()));
            match near_in_folder(&file) {
                Some(near) => failure.hint(format!("did you mean `{near}`?")),
                None => failure,
            }
        }
        (io::ErrorKind::NotFound, Some(file)) => failure.because(format!(
            "`{}` is there, the interpreter that its first line names is not",
            file.display()
        )),
        (io::ErrorKind::PermissionDenied, Some(file)) if file.is_file() => failure
            .because(format!("`{}` is not executable", file.display()))
            .hint(format!("chmod +x {}", file.display())),
        _ if error.raw_os_error() == Some(NO_PROGRAM) => failure
            .because("the file is neither a program nor a script with a `#!` in its first line"),
        _ => failure.because(error.to_string()),
    }
}

fn near_in_path(place: &Place, name: &str) -> Option<String> {
    let path = place.variables.get(OsStr::new("PATH"))?;
    let folders = std::env::split_paths(path);
    let names: Vec<String> = folders.flat_map(|folder| programs(&folder)).collect();
    nearest(name, names.iter().map(String::as_str)).map(Into::into)
}

fn near_in_folder(file: &Path) -> Option<String> {
    let names = programs(file.parent()?);
    let name = file.file_name()?.to_str()?;
    nearest(name, names.iter().map(String::as_str)).map(Into::into)
}

/// The names of what can be run in a folder.
fn programs(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let programs = entries.filter(|entry| {
        // Through links: most of /usr/bin are some.
        let found = fs::metadata(entry.path());
        found.is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
    });
    programs
        .map(|entry| entry.file_name())
        .filter_map(|name: OsString| name.into_string().ok())
        .collect()
}

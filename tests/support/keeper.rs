//! A shell that outlives this process by its cleaning up. Servers are started and stopped in it.
//!
//! Destructors do not run on SIGKILL, and a parent-death signal fires when the *thread* that forked ends, which in a test
//! process is at the end of one test. But the kernel closes our end of a pipe however we end: the shell at the other end
//! then cleans up. Stopping in the usual way is the same close, so the path that matters is tested all the time.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{LazyLock, Mutex};
use std::{env, fs, process};

use super::checkout;

/// `$1`: what to do at the end; `$2`: the lock that the keeper of the process' folder waits for. The shell stands in the
/// keeper's folder. `9<&-` keeps the lock from the servers that a line starts. The trap: who asked may be killed before
/// the answer, and a shell that SIGPIPE ends cleans up nothing.
const SHELL: &str = r#"
trap : PIPE
exec 9<"$2" && flock -s 9 && echo 0 || exit 1
while read -r line; do
  { eval "$line"; } 9<&- </dev/null >keeper.log 2>&1
  echo $? 2>/dev/null
done
{ eval "$1"; } </dev/null >/dev/null
cd / && rm -rf "$OLDPWD"
"#;

/// The folder of this process: it goes last, when the lock is no longer shared by other keepers.
static PROCESS: LazyLock<Keeper> = LazyLock::new(|| {
    let name = format!("pb-{}-{}", checkout::mark(), process::id());
    let folder = env::temp_dir().join(name);
    // A process of the same number that a power cut ended.
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir(&folder).expect("the temporary directory can be written");
    fs::write(folder.join("lock"), "").expect("our own folder can be written");
    let lock = folder.join("lock");
    Keeper::spawn(folder, &lock, "exec 9<&-; flock lock true")
});

pub(crate) struct Keeper {
    folder: PathBuf,
    shell: Mutex<Shell>,
}

struct Shell {
    child: Child,
    lines: Option<ChildStdin>,
    codes: BufReader<ChildStdout>,
}

impl Keeper {
    /// Returns a keeper with an empty folder of its own. `at_end` is shell code; the folder is removed after it.
    pub(crate) fn new(at_end: &str) -> Keeper {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let folder = PROCESS.folder.join(NEXT.fetch_add(1, Relaxed).to_string());
        fs::create_dir(&folder).expect("the folder of this process can be written");
        Keeper::spawn(folder, &PROCESS.folder.join("lock"), at_end)
    }

    fn spawn(folder: PathBuf, lock: &Path, at_end: &str) -> Keeper {
        let mut child = Command::new("sh")
            .args(["-c", SHELL, "keeper", at_end])
            .arg(lock)
            .current_dir(&folder)
            .process_group(0) // a Ctrl-C in the terminal is for us, not for the servers
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a shell starts");
        let lines = child.stdin.take();
        let codes = BufReader::new(child.stdout.take().expect("stdout is a pipe"));
        let mut shell = Shell {
            child,
            lines,
            codes,
        };
        assert_eq!(
            shell.code(),
            "0",
            "the keeper of `{}` has its lock",
            folder.display()
        );
        Keeper {
            folder,
            shell: Mutex::new(shell),
        }
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Runs one line of shell code in the folder. Variables last until the end; the error is what it printed.
    pub(crate) fn run(&self, line: &str) -> Result<(), String> {
        assert!(!line.contains('\n'), "one line: {line}");
        let mut shell = self
            .shell
            .lock()
            .expect("no test panics while it holds the shell");
        let mut lines = shell
            .lines
            .as_ref()
            .expect("the pipe is open until the end");
        writeln!(lines, "{line}").expect("the shell reads until the end");
        match shell.code().as_str() {
            "0" => Ok(()),
            code => {
                let log = fs::read(self.folder.join("keeper.log")).unwrap_or_default();
                let log = String::from_utf8_lossy(&log);
                Err(format!("exit {code} of `{line}`: {}", log.trim_end()))
            }
        }
    }
}

impl Shell {
    fn code(&mut self) -> String {
        let mut code = String::new();
        self.codes
            .read_line(&mut code)
            .expect("the shell answers each line");
        code.trim_end().to_string()
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        let shell = match self.shell.get_mut() {
            Ok(shell) => shell,
            Err(poisoned) => poisoned.into_inner(),
        };
        shell.lines = None;
        let _ = shell.child.wait();
    }
}

/// Gone when every keeper of this process has cleaned up.
pub(super) fn process_folder() -> &'static Path {
    PROCESS.folder()
}

/// `text` as one word of shell code.
pub(crate) fn quote(text: impl AsRef<Path>) -> String {
    format!(
        "'{}'",
        text.as_ref().display().to_string().replace('\'', r"'\''")
    )
}

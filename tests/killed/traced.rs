//! `pb` under ptrace: its calls to the outside are counted over all of its threads, and one of them is where it is killed,
//! told to stop, or given an error.
//!
//! Its children are not traced: what they do is not pb's own.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::os::unix::process::CommandExt;
use std::process::{Child, Stdio};
use std::sync::mpsc;
use std::thread;

use nix::errno::Errno;
use nix::libc::{self, c_long};
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use crate::support::outcome::Outcome;
use crate::support::pb::{DEADLINE, Pb, collect};

/// A kind of call by which pb touches what outlives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Call {
    /// A record becomes durable.
    Sync,
    /// To a file.
    Write,
    /// A file gets its name.
    Rename,
    Unlink,
    Connect,
    /// To a socket; not what only asks to be told something.
    Send,
    /// From a socket.
    Receive,
    /// A program is started.
    Spawn,
}

/// Before the call, which is then not made, or after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum When {
    Before,
    After,
}

/// What happens there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Blow {
    Signal(Signal),
    /// The call is not made and fails so; `Before` and `After` are the same.
    Error(Errno),
}

/// The n-th call of a kind, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Strike {
    pub(crate) call: Call,
    pub(crate) n: usize,
    pub(crate) when: When,
    pub(crate) blow: Blow,
}

pub(crate) struct Traced {
    pub(crate) outcome: Outcome,
    /// The calls in their order.
    pub(crate) calls: Vec<Call>,
    /// Whether it came to the call of the strike.
    pub(crate) struck: bool,
}

impl fmt::Display for Strike {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Strike {
            call,
            n,
            when,
            blow,
        } = self;
        let text = match blow {
            Blow::Signal(signal) => format!("{signal} {when:?} {call:?} {n}"),
            Blow::Error(errno) => format!("{errno:?} at {call:?} {n}"),
        };
        write!(f, "{}", text.to_lowercase())
    }
}

/// Runs it to its end.
pub(crate) fn run(pb: &Pb, strike: Option<Strike>) -> Traced {
    // A tracer is a thread: what it waits for are its own children and no other test's.
    thread::scope(|scope| {
        let tracer = scope.spawn(|| Tracer::start(pb, strike).run());
        tracer
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

struct Tracer {
    child: Child,
    leader: Pid,
    strike: Option<Strike>,
    calls: Vec<Call>,
    struck: bool,
    /// The thread that is within the call of the strike, and is struck on its way out.
    within: Option<Pid>,
}

impl Tracer {
    fn start(pb: &Pb, strike: Option<Strike>) -> Tracer {
        let mut command = pb.command_that_waits();
        command
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let child = command.spawn().expect("a shell starts");
        let leader = Pid::from_raw(child.id().try_into().expect("it is a pid"));
        let options = Options::PTRACE_O_TRACESYSGOOD
            | Options::PTRACE_O_TRACECLONE
            | Options::PTRACE_O_TRACEEXEC
            | Options::PTRACE_O_EXITKILL;
        ptrace::seize(leader, options).expect("our own child may be traced");
        ptrace::interrupt(leader).expect("it is traced");
        Tracer {
            child,
            leader,
            strike,
            calls: vec![],
            struck: false,
            within: None,
        }
    }

    fn run(mut self) -> Traced {
        let stdout = collect(self.child.stdout.take().expect("stdout is a pipe"));
        let stderr = collect(self.child.stderr.take().expect("stderr is a pipe"));
        let mut stdin = self.child.stdin.take().expect("stdin is a pipe");
        stdin.write_all(b"\n").expect("the shell reads");
        drop(stdin);
        let (ended, waited) = mpsc::channel::<()>();
        let leader = self.leader;
        let watch = thread::spawn(move || {
            let late = waited.recv_timeout(DEADLINE) == Err(mpsc::RecvTimeoutError::Timeout);
            if late {
                let _ = kill(leader, Signal::SIGKILL);
            }
            late
        });
        let code = loop {
            let flags = WaitPidFlag::__WALL | WaitPidFlag::__WNOTHREAD;
            let status = waitpid(None, Some(flags)).expect("there is a child until it has ended");
            match status {
                WaitStatus::Exited(pid, code) if pid == leader => break code,
                WaitStatus::Signaled(pid, signal, _) if pid == leader => break 128 + signal as i32,
                WaitStatus::Exited(..) | WaitStatus::Signaled(..) => {}
                WaitStatus::PtraceSyscall(pid) => {
                    // A thread may be killed at any time: it then cannot be asked any more.
                    let _ = self.stopped_at_a_call(pid);
                    let _ = ptrace::syscall(pid, None);
                }
                WaitStatus::Stopped(pid, signal) => drop(ptrace::syscall(pid, signal)),
                WaitStatus::PtraceEvent(pid, ..) => drop(ptrace::syscall(pid, None)),
                WaitStatus::Continued(_) | WaitStatus::StillAlive => {}
            }
        };
        drop(ended);
        let late = watch.join().expect("it does not panic");
        let text = |pipe: mpsc::Receiver<Vec<u8>>| {
            let bytes = pipe
                .recv_timeout(DEADLINE)
                .expect("what pb leaves running does not hold its output");
            String::from_utf8_lossy(&bytes).into_owned()
        };
        let outcome = Outcome {
            code,
            stdout: text(stdout),
            stderr: text(stderr),
        };
        assert!(
            !late,
            "pb was killed after {} s\n{outcome}",
            DEADLINE.as_secs()
        );
        Traced {
            outcome,
            calls: self.calls,
            struck: self.struck,
        }
    }

    fn stopped_at_a_call(&mut self, thread: Pid) -> nix::Result<()> {
        let enters = ptrace::syscall_info(thread)?.op == libc::PTRACE_SYSCALL_INFO_ENTRY;
        if !enters {
            return match self.within.take_if(|within| *within == thread) {
                Some(_) => self.strike_after(thread),
                None => Ok(()),
            };
        }
        let registers = ptrace::getregs(thread)?;
        let Some(call) = self.call(thread, &registers) else {
            return Ok(());
        };
        self.calls.push(call);
        let n = self.calls.iter().filter(|one| **one == call).count();
        let here = self
            .strike
            .filter(|strike| strike.call == call && strike.n == n);
        match here.map(|strike| (strike.blow, strike.when)) {
            None => {}
            Some((Blow::Signal(signal), When::Before)) => {
                self.struck = true;
                kill(self.leader, signal)?;
            }
            Some((Blow::Signal(_), When::After)) => self.within = Some(thread),
            Some((Blow::Error(_), _)) => {
                self.within = Some(thread);
                let orig_rax = u64::MAX;
                ptrace::setregs(
                    thread,
                    libc::user_regs_struct {
                        orig_rax,
                        ..registers
                    },
                )?;
            }
        }
        Ok(())
    }

    fn strike_after(&mut self, thread: Pid) -> nix::Result<()> {
        self.struck = true;
        match self.strike.map(|strike| strike.blow) {
            Some(Blow::Signal(signal)) => kill(self.leader, signal),
            Some(Blow::Error(errno)) => {
                let registers = ptrace::getregs(thread)?;
                let rax = i64::from(-(errno as i32)).cast_unsigned();
                ptrace::setregs(thread, libc::user_regs_struct { rax, ..registers })
            }
            None => Ok(()),
        }
    }

    /// What it is about to do, if that is of interest.
    fn call(&self, thread: Pid, registers: &libc::user_regs_struct) -> Option<Call> {
        let call = match registers.orig_rax.cast_signed() as c_long {
            libc::SYS_fdatasync | libc::SYS_fsync => Call::Sync,
            libc::SYS_rename | libc::SYS_renameat | libc::SYS_renameat2 => Call::Rename,
            libc::SYS_unlink | libc::SYS_unlinkat | libc::SYS_rmdir => Call::Unlink,
            libc::SYS_connect => Call::Connect,
            libc::SYS_sendto | libc::SYS_sendmsg if asks(thread, registers) => return None,
            libc::SYS_sendto | libc::SYS_sendmsg => Call::Send,
            libc::SYS_recvfrom | libc::SYS_recvmsg => Call::Receive,
            libc::SYS_read | libc::SYS_readv if is_socket(thread, registers.rdi) => Call::Receive,
            libc::SYS_write | libc::SYS_writev | libc::SYS_pwrite64 => {
                let file = file(thread, registers.rdi)?;
                if file.starts_with("socket:") && !asks(thread, registers) {
                    Call::Send
                } else if is_kept(&file) {
                    Call::Write
                } else {
                    return None;
                }
            }
            libc::SYS_vfork | libc::SYS_fork => Call::Spawn,
            libc::SYS_clone if registers.rdi & THREAD == 0 => Call::Spawn,
            libc::SYS_clone3 if flags(thread, registers.rdi).ok()? & THREAD == 0 => Call::Spawn,
            _ => return None,
        };
        Some(call)
    }
}

const THREAD: u64 = libc::CLONE_THREAD as u64;

/// The first field of the structure that clone3 is given.
fn flags(thread: Pid, address: u64) -> io::Result<u64> {
    let mut flags = [0; 8];
    memory(thread)?.read_exact_at(&mut flags, address)?;
    Ok(u64::from_ne_bytes(flags))
}

/// Beginnings of what only asks, or sets what goes with the connection.
const ASKS: [&[u8]; 7] = [
    b"GET ",
    b"show ",
    b"SELECT ",
    b"SET ",
    b"RESET ",
    b"BEGIN",
    b"ROLLBACK",
];

/// Whether what is sent to Docker, HAProxy or PostgreSQL leaves nothing there: pb asks for much over and over.
fn asks(thread: Pid, registers: &libc::user_regs_struct) -> bool {
    let nr = registers.orig_rax.cast_signed();
    let mut bytes = [0; 16];
    let read = memory(thread).and_then(|memory| memory.read_at(&mut bytes, registers.rsi));
    let text = match &bytes[..read.unwrap_or_default()] {
        // PostgreSQL's Query: a byte, a length. And Parse, of a statement without a name.
        [b'Q', _, _, _, _, text @ ..] | [b'P', _, _, _, _, 0, text @ ..] => text,
        text => text,
    };
    // These give addresses of what is sent.
    let is_vector = [libc::SYS_writev, libc::SYS_sendmsg].contains(&nr);
    !is_vector && ASKS.iter().any(|asks| text.starts_with(asks))
}

/// Whether it is a file that outlives the process. What a witness says is true of an earlier journal as well.
fn is_kept(file: &str) -> bool {
    let is = |prefix: &&str| file.starts_with(prefix);
    file.starts_with('/') && !["/dev/", "/memfd:"].iter().any(is) && !file.ends_with(".witness")
}

/// The file that a descriptor stands for.
fn file(thread: Pid, descriptor: u64) -> Option<String> {
    let file = fs::read_link(format!("/proc/{thread}/fd/{descriptor}")).ok()?;
    Some(file.to_string_lossy().into_owned())
}

fn is_socket(thread: Pid, descriptor: u64) -> bool {
    file(thread, descriptor).is_some_and(|file| file.starts_with("socket:"))
}

fn memory(thread: Pid) -> io::Result<File> {
    File::open(format!("/proc/{thread}/mem"))
}

//! The supervisor: starts the program, keeps what it says, writes down how it ended. It needs pb for none of that.

use super::BEGIN;
use super::folder::{Exit, Folder};
use super::order::Order;
use crate::host::follow::{Said, follow};
use crate::host::output::Output;
use pb_core::Scrubber;
use rustix::process::{Pid, Signal as Kill, kill_process_group};
use std::io::{self, Read};
use std::process::ExitStatus;
use tokio::process::{Child, Command};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Runs the program of the order on stdin. Who has its last pipe or its lock knows by their end that it is done.
pub(super) fn supervise() -> io::Result<()> {
    // One thread: the program is killed when the thread that started it ends.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let signals = Signals::listen()?;
        // An order that pb did not live to finish is no order.
        let mut text = vec![];
        io::stdin().read_to_end(&mut text)?;
        let order: Order = serde_json::from_slice(&text)?;
        // pb may be stopped, and nothing here waits for it.
        rustix::io::ioctl_fionbio(io::stdout(), true)?;
        let folder = Folder::at(&order.folder);
        let exit = run(order, &folder, signals).await?;
        folder.record_exit(&exit)
    })
}

/// What it is told by others.
struct Signals {
    /// To end the program.
    end: Signal,
    /// What is meant for everything in a terminal or on a machine that goes down. The program gets its own.
    _ignored: [Signal; 3],
}

impl Signals {
    fn listen() -> io::Result<Self> {
        Ok(Self {
            end: signal(SignalKind::user_defined1())?,
            _ignored: [
                signal(SignalKind::hangup())?,
                signal(SignalKind::interrupt())?,
                signal(SignalKind::terminate())?,
            ],
        })
    }
}

async fn run(mut order: Order, folder: &Folder, signals: Signals) -> io::Result<Exit> {
    let scrubber = Scrubber::default();
    for (value, placeholder) in &order.secrets {
        scrubber.add(value, placeholder);
    }
    let launch = &order.launch;
    let mut command = Command::new(&order.begin[0]);
    command
        .args(&order.begin[1..])
        .arg(BEGIN)
        .arg(&order.folder)
        .arg(std::process::id().to_string())
        .arg(&order.line)
        .arg(&launch.path)
        .args(&launch.argv);
    let started = launch.start(command);
    let mut child = match started {
        Ok(child) => child,
        Err(error) => {
            return Ok(match error.raw_os_error() {
                Some(errno) => Exit::Refused { errno },
                None => Exit::NotStarted {
                    why: error.to_string(),
                },
            });
        }
    };
    let said = Said::default();
    let stdin = order.launch.stdin.take();
    let status = unless_told(&mut child, stdin, &said, &scrubber, signals).await?;
    if let Some(exit) = folder.exit()? {
        return Ok(exit);
    }
    if folder.start()?.is_none() {
        let why = format!("the process that should have become the program ended with {status}");
        return Ok(Exit::NotStarted { why });
    }
    let (stdout, stderr) = said.texts(&scrubber);
    let lost = folder.keep([&stdout, &stderr]).err();
    let Output { code, signal, .. } = Output::new(status, stdout, stderr);
    Ok(Exit::Ended {
        code,
        signal,
        lost: lost.map(|error| error.to_string()),
    })
}

/// Follows it to its end, which comes at once when that is asked for.
async fn unless_told(
    child: &mut Child,
    stdin: Option<String>,
    said: &Said,
    scrubber: &Scrubber,
    mut signals: Signals,
) -> io::Result<ExitStatus> {
    let pid = child.id();
    let show = |line: String| {
        // pb may have gone, or have no time to read.
        rustix::io::write(io::stdout(), format!("{line}\n").as_bytes()).ok();
    };
    tokio::select! {
        ended = follow(child, stdin, said, scrubber, &show) => return ended,
        _ = signals.end.recv() => {}
    }
    // First the process, which then starts no other one, and has its group or will never have it.
    child.start_kill().ok();
    if let Some(group) = pid.and_then(|pid| Pid::from_raw(pid as i32)) {
        kill_process_group(group, Kill::KILL).ok();
    }
    child.wait().await
}

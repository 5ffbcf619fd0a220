//! A process that is taken for no other one: its number, when it started, and since which start of the machine.

use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process_group};
use serde::{Deserialize, Serialize};
use std::fs;
use std::io;

/// Numbers are given out again; the number, the start and the boot together are not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Process {
    pub(super) pid: u32,
    /// In clock ticks since the machine started, as proc(5) has it.
    start: u64,
    /// Of this start of the machine.
    boot: String,
}

impl Process {
    pub(super) fn myself() -> io::Result<Self> {
        let pid = std::process::id();
        let (_, start) = stat(pid)?;
        Ok(Self {
            pid,
            start,
            boot: boot()?,
        })
    }

    /// Whether it runs; what is left of one until its parent has noticed its end does not.
    pub(super) fn lives(&self) -> bool {
        let runs = stat(self.pid)
            .is_ok_and(|(state, start)| !matches!(state, 'Z' | 'X') && start == self.start);
        runs && boot().is_ok_and(|boot| boot == self.boot)
    }

    /// Kills what is left of its group. A number is not given out again as long as a group has it.
    pub(super) fn kill_group(&self) -> io::Result<()> {
        let another = stat(self.pid).is_ok_and(|(_, start)| start != self.start);
        let group = i32::try_from(self.pid).ok().and_then(Pid::from_raw);
        match group.filter(|_| !another && boot().is_ok_and(|boot| boot == self.boot)) {
            None => Ok(()),
            Some(group) => match kill_process_group(group, Signal::KILL) {
                // Nothing is left.
                Ok(()) | Err(Errno::SRCH) => Ok(()),
                Err(error) => Err(error.into()),
            },
        }
    }
}

/// State and start.
fn stat(pid: u32) -> io::Result<(char, u64)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    parse(&stat).ok_or_else(|| io::Error::other(format!("/proc/{pid}/stat was not understood")))
}

/// The name in the second field may hold blanks and parentheses.
fn parse(stat: &str) -> Option<(char, u64)> {
    let mut fields = stat.rsplit_once(") ")?.1.split(' ');
    let state = fields.next()?.chars().next()?;
    Some((state, fields.nth(18)?.parse().ok()?))
}

fn boot() -> io::Result<String> {
    let id = fs::read_to_string("/proc/sys/kernel/random/boot_id")?;
    Ok(id.trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Process {
        /// The same number, given out before.
        pub(in super::super) fn earlier(&self) -> Self {
            let start = self.start - 1;
            Self {
                start,
                ..self.clone()
            }
        }
    }

    #[test]
    fn another_start_or_boot_is_another_process() {
        let me = Process::myself().expect("it runs");
        assert!(me.lives());
        let earlier = me.earlier();
        let before = Process {
            boot: "another".into(),
            ..me
        };
        assert!(!earlier.lives() && !before.lives());
        earlier.kill_group().expect("nothing to kill");
    }

    #[test]
    fn a_name_may_look_like_the_fields_behind_it() {
        let rest = "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4711 20";
        let stat = format!("7 (a) Z (b) c) S {rest}\n");
        assert_eq!(parse(&stat), Some(('S', 4711)));
        assert_eq!(parse("7 (a) S 1 2"), None);
    }
}

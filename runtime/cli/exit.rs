//! Exit codes: what they say is whether production is clean.

use pb_core::Failure;
use pb_core::code::{self, Code};
use pb_core::journal::Ended;
use pb_core::run::Finished;
use std::process::ExitCode;

/// How the command ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done, or nothing to do.
    Done,
    /// Failed and undone.
    Undone,
    /// Usage or manifest; nothing was touched.
    Usage,
    /// The script does not pass; nothing was touched.
    Check,
    /// Changes are pending; nothing was touched.
    Pending,
    /// Failed, and a person is needed: stuck undo, frozen, past a point of no return, doubt.
    Person,
    /// Refused: an approval is missing; nothing was touched.
    Refused,
    /// A server could not be reached; nothing was touched.
    Unreachable,
    /// Told to stop by this signal.
    Signal(u8),
}

const UNREACHABLE: &[&Code] = &[
    &code::UNREACHABLE,
    &code::CONNECTION_LOST,
    &code::STARTING_UP,
];
const REFUSED: &[&Code] = &[
    &code::LOCKED,
    &code::UNFINISHED,
    &code::PLAN_MOVED,
    &code::NOT_PLANNED,
    &code::NOT_APPROVED,
];
/// Of a run that stays as it is until a person has looked.
const PERSON: &[&Code] = &[
    &code::DOUBT,
    &code::DIVERGED,
    &code::OTHER_SERVER,
    &code::DAMAGED,
    &code::LEASE_LOST,
];
const USAGE: &[&Code] = &[
    &code::PARAMETER,
    &code::MISSING_ENV,
    &code::SECRET,
    &code::POOLER,
];

impl Exit {
    /// Of an error that came before the run began.
    pub(crate) fn before_a_run(failure: &Failure) -> Self {
        let is = |codes: &[&Code]| codes.iter().any(|code| failure.is(code));
        // What is wrong with the script itself has numbers of its own; what it was given is not wrong with it.
        let of_the_script = failure.code.starts_with("PB02") || failure.is(&code::SCRIPT);
        if is(REFUSED) {
            Self::Refused
        } else if of_the_script && !is(USAGE) {
            Self::Check
        } else {
            Self::Usage
        }
    }

    /// Of an error that keeps a run from being taken up.
    pub(crate) fn before_taking_up(failure: &Failure) -> Self {
        let is = |codes: &[&Code]| codes.iter().any(|code| failure.is(code));
        if is(UNREACHABLE) {
            Self::Unreachable
        } else if is(REFUSED) {
            Self::Refused
        } else if is(PERSON) || failure.is(&code::JOURNAL) {
            // What the run had done is there, whatever keeps it from going on.
            Self::Person
        } else {
            Self::before_a_run(failure)
        }
    }

    /// Of a run that has ended; `signal` is the one that told it to stop.
    pub(crate) fn of(finished: &Finished, signal: Option<u8>) -> Self {
        let failure = finished.failure.as_ref();
        let is = |codes: &[&Code]| {
            failure.is_some_and(|failure| codes.iter().any(|code| failure.is(code)))
        };
        match finished.state {
            Some(Ended::Done) => Self::Done,
            // Asked for, and done.
            Some(Ended::Undone) if is(&[&code::ROLLED_BACK]) => Self::Done,
            Some(Ended::Undone) if finished.acted => Self::Undone,
            Some(Ended::Undone) if is(&[&code::DECLINED]) => Self::Refused,
            Some(Ended::Undone) if is(REFUSED) => Self::Refused,
            Some(Ended::Undone) if is(UNREACHABLE) => Self::Unreachable,
            Some(Ended::Undone) if is(USAGE) => Self::Usage,
            Some(Ended::Undone) => Self::Undone,
            Some(Ended::Failed | Ended::Stuck) => Self::Person,
            // The journal could not be written: what is true is known to nobody but the world.
            None if is(&[&code::JOURNAL]) && finished.acted => Self::Person,
            None if is(&[&code::JOURNAL]) => Self::Usage,
            None if is(PERSON) => Self::Person,
            // With an error, too: told to stop while it undid.
            None => Self::Signal(signal.unwrap_or(2)),
        }
    }

    /// Of the error that a planned playbook would end with; nothing was touched.
    pub(crate) fn of_a_plan(failure: &Failure) -> Self {
        let is = |codes: &[&Code]| codes.iter().any(|code| failure.is(code));
        if is(UNREACHABLE) {
            Self::Unreachable
        } else if is(USAGE) {
            Self::Usage
        } else {
            Self::Check
        }
    }

    /// The number.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Undone => 1,
            Self::Usage => 2,
            Self::Check => 3,
            Self::Pending => 4,
            Self::Person => 5,
            Self::Refused => 6,
            Self::Unreachable => 7,
            Self::Signal(signal) => 128 + signal,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        exit.code().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn every_end_has_its_code() {
        let check = |state, code: Option<&Code>, acted, signal, expected: u8| {
            let failure = code.map(|code| Failure::new(code, "x"));
            let finished = Finished {
                state,
                value: Value::Null,
                failure,
                acted,
            };
            assert_eq!(Exit::of(&finished, signal).code(), expected, "{finished:?}");
        };
        let undone = Some(Ended::Undone);
        check(Some(Ended::Done), None, true, None, 0);
        check(Some(Ended::Done), None, false, Some(2), 0);
        check(undone, Some(&code::UNHEALTHY), true, None, 1);
        check(undone, Some(&code::ENSURE), false, None, 1);
        check(undone, Some(&code::DECLINED), true, None, 1);
        check(undone, Some(&code::DECLINED), false, None, 6);
        check(undone, Some(&code::UNREACHABLE), true, None, 1);
        check(undone, Some(&code::UNREACHABLE), false, None, 7);
        check(undone, Some(&code::LOCKED), false, None, 6);
        check(undone, Some(&code::UNFINISHED), false, None, 6);
        check(None, Some(&code::LEASE_LOST), true, None, 5);
        check(undone, Some(&code::MISSING_ENV), false, None, 2);
        check(Some(Ended::Failed), Some(&code::SQL), true, None, 5);
        check(Some(Ended::Stuck), Some(&code::SQL), true, None, 5);
        check(None, None, true, Some(2), 130);
        check(None, None, false, Some(15), 143);
        check(None, Some(&code::SQL), true, Some(2), 130);
        check(None, Some(&code::JOURNAL), true, None, 5);
        check(None, Some(&code::JOURNAL), false, None, 2);
    }

    #[test]
    fn before_a_run_nothing_was_touched() {
        let check = |code, expected| {
            assert_eq!(
                Exit::before_a_run(&Failure::new(code, "x")).code(),
                expected,
                "{code:?}"
            )
        };
        for code in code::ALL.iter().filter(|code| code.id.starts_with("PB02")) {
            check(
                code,
                match code.kind {
                    "parameter" | "missing_env" => 2,
                    "plan_moved" | "not_planned" | "not_approved" => 6,
                    _ => 3,
                },
            );
        }
        check(&code::SCRIPT, 3);
        check(&code::LOCKED, 6);
        check(&code::USAGE, 2);
        check(&code::MANIFEST, 2);
        check(&code::FILE, 2);
        check(&code::SECRET, 2);
        check(&code::JOURNAL, 2);
    }

    #[test]
    fn a_run_that_cannot_be_taken_up_may_have_touched_something() {
        let check = |code, expected| {
            let exit = Exit::before_taking_up(&Failure::new(code, "x"));
            assert_eq!(exit.code(), expected, "{code:?}");
        };
        check(&code::JOURNAL, 5);
        check(&code::DAMAGED, 5);
        check(&code::LOCKED, 6);
        check(&code::UNREACHABLE, 7);
        check(&code::USAGE, 2);
    }
}

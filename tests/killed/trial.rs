//! One run that is struck, is moved on, and has come to the end that it comes to undisturbed; or what was otherwise.

use super::traced::{self, Blow, Strike};
use super::world::{Found, MESSAGE, World};
use crate::support::outcome::Outcome;
use nix::sys::signal::Signal;
use std::fmt;

/// What the script does only until an error comes, or because one came.
const CAUGHT: [&str; 3] = ["caught", "gone", "perhaps"];

/// How an end begins that a person has to look at.
const IN_DOUBT: &str = "nobody knows whether it happened, so it was not undone: ";

/// What is done about a run that was struck.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    Resume,
    RollBack,
}

/// What a run comes to that is not disturbed.
pub(super) struct Expected {
    pub(super) done: Found,
    pub(super) undone: Found,
}

pub(super) struct Trial {
    strike: Strike,
    way: Way,
    /// It came to the point.
    struck: bool,
    /// How often a person was asked.
    asked: usize,
    /// People were told nothing: a message in doubt is not sent again.
    silent: bool,
    duplicates: Vec<String>,
    others: Vec<String>,
    trouble: Option<Outcome>,
    /// What pb said when it was struck.
    said: Outcome,
}

impl Trial {
    pub(super) fn of(world: &World<'_>, strike: Strike, way: Way, expected: &Expected) -> Trial {
        let traced = traced::run(&world.pb, Some(strike));
        let mut trial = Trial {
            strike,
            way,
            struck: traced.struck,
            asked: 0,
            silent: false,
            duplicates: vec![],
            others: vec![],
            trouble: None,
            said: traced.outcome,
        };
        let moved = match strike.blow {
            Blow::Signal(signal) => trial.move_on(world, signal),
            Blow::Error(_) => trial.end(world),
        };
        match moved {
            Err(outcome) => trial.trouble = Some(outcome),
            Ok(()) => match trial.way {
                Way::Resume => trial.compare(&world.found(), &expected.done),
                Way::RollBack => trial.compare_undone(&world.found(), &expected.undone),
            },
        }
        trial
    }

    /// Of a run that was killed or told to stop, until it has come to its end; the error is what is no such end.
    fn move_on(&mut self, world: &World<'_>, signal: Signal) -> Result<(), Outcome> {
        let code = match signal {
            _ if !self.struck => 0,
            Signal::SIGKILL => 137,
            _ => 143,
        };
        let is_done = self.said.code == 0;
        // Told to stop at its last breath, it is done.
        if self.said.code != code && !(code == 143 && is_done) {
            return Err(self.said.clone());
        }
        match self.way {
            _ if !world.has_run() => self.run(world),
            Way::RollBack => self.take_up(world, "rollback"),
            Way::Resume if is_done => Ok(()),
            Way::Resume => match self.take_up(world, "resume") {
                // Killed after it had written down that it is done.
                Err(none) if none.code == 2 && none.stderr.contains("no run is unfinished") => {
                    Ok(())
                }
                other => other,
            },
        }
    }

    /// Nothing is written down: nothing was done.
    fn run(&self, world: &World<'_>) -> Result<(), Outcome> {
        let outcome = match self.way {
            Way::RollBack => return Ok(()),
            Way::Resume => world.pb.run(),
        };
        if outcome.code == 0 {
            Ok(())
        } else {
            Err(outcome)
        }
    }

    fn take_up(&mut self, world: &World<'_>, verb: &str) -> Result<(), Outcome> {
        // What is read from outside is not what it was.
        let again = world.pb.with([verb, "--yes"]).env("COLOUR", "red");
        let mut outcome = again.run();
        if let Some(key) = asked_of(&outcome) {
            self.asked += 1;
            let word = if world.was_posted() {
                "applied"
            } else {
                "not-applied"
            };
            outcome = again
                .clone()
                .args(["--settle", &format!("{key}={word}")])
                .run();
        }
        if outcome.code == 0 {
            Ok(())
        } else {
            Err(outcome)
        }
    }

    /// Of a run that met an error, until nothing is open: done, or undone. The error is what has no place in the book.
    fn end(&mut self, world: &World<'_>) -> Result<(), Outcome> {
        let defect = ["panicked", "a defect of its own"]
            .iter()
            .any(|words| self.said.stderr.contains(words));
        self.way = match self.said.code {
            _ if defect => return Err(self.said.clone()),
            0 => Way::Resume,
            1 | 2 | 7 => Way::RollBack,
            5 => {
                let runs = world.pb.with(["runs", "--output", "json"]).run();
                if runs.stdout.contains("\"state\":\"interrupted\"") {
                    self.take_up(world, "resume")?;
                    Way::Resume
                } else {
                    match self.take_up(world, "rollback") {
                        // It says of what; the rest is undone.
                        Err(outcome) if outcome.stderr.contains(IN_DOUBT) => self.asked += 1,
                        other => other?,
                    }
                    Way::RollBack
                }
            }
            _ => return Err(self.said.clone()),
        };
        Ok(())
    }

    fn compare(&mut self, found: &Found, expected: &Found) {
        // With an error the script deals as it does with the one that it throws itself.
        let is_error = matches!(self.strike.blow, Blow::Error(_));
        let may_differ = |what: &str| is_error && CAUGHT.iter().any(|caught| what.contains(caught));
        for what in both(found, expected) {
            let (found, expected) = (times(found, what), times(expected, what));
            let text = format!("{what}: {found}, not {expected}");
            match expected {
                _ if found == expected => {}
                1 if what == MESSAGE && found == 0 => self.silent = true,
                0 | 1 if found <= 1 && may_differ(what) => {}
                1.. if found > expected => self.duplicates.push(text),
                _ => self.others.push(text),
            }
        }
        self.compare_pairs(found, expected);
    }

    /// It may have been struck before it did everything: what was done was undone, and once.
    fn compare_undone(&mut self, found: &Found, expected: &Found) {
        for (what, n) in found {
            let most = times(expected, what);
            let is_caught = what.starts_with("log caught ") && *n == 1;
            if *n > most && !is_caught {
                self.duplicates.push(format!("{what}: {n}, not {most}"));
            }
        }
        self.compare_pairs(found, expected);
    }

    /// What is undone at the end was undone as often as it was done.
    fn compare_pairs(&mut self, found: &Found, expected: &Found) {
        for undone in expected.keys() {
            let Some(done) = undone.strip_suffix(" undone") else {
                continue;
            };
            let (done_times, undone_times) = (times(found, done), times(found, undone));
            if done_times != undone_times {
                self.others.push(format!(
                    "{done}: done {done_times} times, undone {undone_times} times"
                ));
            }
        }
    }
}

fn times(of: &Found, what: &str) -> usize {
    of.get(what).copied().unwrap_or_default()
}

fn both<'a>(found: &'a Found, expected: &'a Found) -> impl Iterator<Item = &'a String> {
    expected
        .keys()
        .chain(found.keys().filter(|what| !expected.contains_key(*what)))
}

/// The step that a person is asked about: only of one request nobody else can tell.
fn asked_of(outcome: &Outcome) -> Option<&str> {
    let asked = outcome.code == 5
        && outcome
            .stderr
            .contains("error[PB0014]: `http_post http://127.0.0.1:");
    let key = outcome
        .stderr
        .split("--settle '")
        .nth(1)?
        .split('=')
        .next()?;
    (asked && outcome.stderr.contains("/once`")).then_some(key)
}

#[derive(Default)]
pub(super) struct Tally {
    pub(super) points: usize,
    /// Runs that ended before they came to their point.
    missed: usize,
    asked: usize,
    silent: usize,
    duplicates: usize,
    others: usize,
    /// What was not as it should be.
    pub(super) wrong: Vec<String>,
}

impl Tally {
    /// Gives back what was not as it should be.
    pub(super) fn add(&mut self, trial: Trial) -> Option<&str> {
        self.points += usize::from(trial.struck);
        self.missed += usize::from(!trial.struck);
        self.asked += trial.asked;
        self.silent += usize::from(trial.silent);
        self.duplicates += usize::from(!trial.duplicates.is_empty());
        self.others += usize::from(!trial.others.is_empty() || trial.trouble.is_some());
        if trial.duplicates.is_empty() && trial.others.is_empty() && trial.trouble.is_none() {
            return None;
        }
        let Trial {
            strike,
            way,
            said,
            trouble,
            duplicates,
            others,
            ..
        } = trial;
        let moved = trouble.map(|outcome| format!("moved on: {outcome}"));
        let lines: Vec<_> = duplicates.into_iter().chain(others).chain(moved).collect();
        self.wrong.push(format!(
            "{strike}, then {way:?}: {}\n{said}",
            lines.join("\n  ")
        ));
        self.wrong.last().map(String::as_str)
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Tally {
            points,
            missed,
            asked,
            silent,
            duplicates,
            others,
            ..
        } = self;
        write!(
            f,
            "{points} points: {duplicates} duplicates, {others} other ends, a person asked {asked} times, \
             a message not sent again {silent} times; {missed} not come to"
        )
    }
}

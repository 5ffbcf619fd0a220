//! A fan-out over so many branches that it is told in one line, with counts and rate.

use super::ink::Tone;
use super::shown::{Line, counted};
use super::story::Running;
use super::time;

/// Fan-outs of up to so many branches are told step by step.
pub(super) const SHOWN_ONE_BY_ONE: u64 = 8;
/// A branch that takes longer than this, in milliseconds, is named.
const SLOW: u64 = 5_000;

pub(super) struct Fan {
    key: String,
    kind: String,
    branches: u64,
    pub(super) since: u64,
    finished: u64,
    failed: u64,
    open: bool,
    undone: u64,
    undo_began: u64,
    undo_ended: u64,
}

impl Fan {
    pub(super) fn new(key: &str, kind: &str, branches: u64, now: u64) -> Self {
        Self {
            key: key.to_owned(),
            kind: kind.to_owned(),
            branches,
            since: now,
            finished: 0,
            failed: 0,
            open: true,
            undone: 0,
            undo_began: 0,
            undo_ended: 0,
        }
    }

    pub(super) fn is_open(&self) -> bool {
        self.open
    }

    /// Whether a step or a scope stands in one of its branches.
    pub(super) fn holds(&self, key: &str) -> bool {
        key.strip_prefix(&self.key)
            .is_some_and(|rest| rest.starts_with('['))
    }

    /// Whether it is the fan-out itself or one of its branches.
    pub(super) fn is_about(&self, key: &str) -> bool {
        key == self.key || self.is_branch(key)
    }

    pub(super) fn begun(&self) -> Line {
        let branches = format!("{} branches", self.branches);
        self.line("▸", Tone::Code, branches, String::new())
    }

    /// A branch, or all of it, has ended; all of it is worth a line.
    pub(super) fn scope_finished(
        &mut self,
        key: &str,
        kind: &str,
        ok: bool,
        now: u64,
    ) -> Option<Line> {
        if kind == "branch" && self.is_branch(key) {
            self.finished += 1;
            self.failed += u64::from(!ok);
            return None;
        }
        self.open = false;
        let (sign, tone) = if ok {
            ("✓", Tone::Good)
        } else {
            ("✗", Tone::Bad)
        };
        let took = Some(now.saturating_sub(self.since));
        let failed = self.failures().unwrap_or_default();
        Some(Line {
            took,
            ..self.line(sign, tone, self.counts(), failed)
        })
    }

    pub(super) fn step_undone(&mut self, now: u64) {
        if self.undone == 0 {
            self.undo_began = now;
        }
        self.undone += 1;
        self.undo_ended = now;
    }

    /// What was undone in it and is not told yet.
    pub(super) fn undone(&mut self) -> Option<Line> {
        let steps = std::mem::take(&mut self.undone);
        let took = Some(self.undo_ended - self.undo_began);
        (steps > 0).then(|| Line {
            took,
            ..self.line("↶", Tone::Warn, counted(steps, "step"), String::new())
        })
    }

    pub(super) fn live(&self, running: &[Running], now: u64) -> Line {
        let took = now.saturating_sub(self.since);
        let mut said: Vec<String> = self.failures().into_iter().collect();
        if self.finished > 0 && took > 0 {
            let rate = self.finished as f64 * 1000.0 / took as f64;
            said.push(match rate {
                1.0.. => format!("{rate:.0}/s"),
                _ => format!("{:.0}/min", rate * 60.0),
            });
        }
        let slowest = running
            .iter()
            .filter(|running| self.holds(&running.key))
            .min_by_key(|running| running.since);
        if let Some(slowest) = slowest.filter(|slowest| now.saturating_sub(slowest.since) > SLOW) {
            let since = time::so_far(now.saturating_sub(slowest.since));
            said.push(format!(
                "longest: {} {} {since}",
                slowest.step.name, slowest.step.place
            ));
        }
        self.line("▸", Tone::Code, self.counts(), said.join(" · "))
    }

    fn is_branch(&self, key: &str) -> bool {
        self.holds(key) && !key[self.key.len()..].contains('/')
    }

    fn counts(&self) -> String {
        format!("{} of {}", self.finished, self.branches)
    }

    fn failures(&self) -> Option<String> {
        (self.failed > 0).then(|| format!("{} failed", self.failed))
    }

    fn line(&self, sign: &'static str, tone: Tone, place: String, text: String) -> Line {
        Line {
            sign,
            tone,
            label: self.kind.clone(),
            place,
            text,
            took: None,
        }
    }
}

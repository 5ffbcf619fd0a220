//! What has happened so far, as the lines that people read. Knows neither width nor clock; both renderings for people use it.

use super::fan::Fan;
use super::ink::Tone;
use super::shown::{Line, Live, Shown, Verbosity, counted, line};
use super::time;
use pb_core::event::{Event, Step, What};
use pb_core::run::UNDO;
use std::collections::HashMap;

/// A step that is running, or being undone.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Running {
    pub(super) key: String,
    pub(super) step: Step,
    pub(super) since: u64,
    pub(super) text: String,
}

/// The run as it is told.
pub(crate) struct Story {
    verbosity: Verbosity,
    /// Undoing is told with the step's key alone.
    steps: HashMap<String, Step>,
    running: Vec<Running>,
    fans: Vec<Fan>,
    /// Steps that changed something.
    changed: u64,
    /// Steps that found the world as wanted.
    unchanged: u64,
}

impl Story {
    /// Nothing has happened yet.
    pub(crate) fn new(verbosity: Verbosity) -> Self {
        Self {
            verbosity,
            steps: HashMap::new(),
            running: vec![],
            fans: vec![],
            changed: 0,
            unchanged: 0,
        }
    }

    /// What the event adds to what is shown for good.
    pub(crate) fn told(&mut self, event: &Event) -> Vec<Shown> {
        let mut shown = self.undone_fans(event);
        shown.extend(self.shown(event));
        if self.verbosity == Verbosity::Quiet {
            shown.retain(|shown| match shown {
                Shown::Step(line) => line.tone == Tone::Bad,
                Shown::Printed(_) => true,
                _ => false,
            });
        }
        shown
    }

    /// What is running now, oldest first: fan-outs that are told in one line, then steps.
    pub(crate) fn live(&self, now: u64) -> Vec<Live> {
        if self.verbosity == Verbosity::Quiet {
            return vec![];
        }
        let fans = self.fans.iter().filter(|fan| fan.is_open());
        let mut live: Vec<_> = fans
            .map(|fan| Live {
                since: fan.since,
                is_step: false,
                line: fan.live(&self.running, now),
            })
            .collect();
        let steps = self
            .running
            .iter()
            .filter(|running| self.fan_of(&running.key).is_none());
        live.extend(steps.map(|running| {
            let undo = running.key.ends_with(UNDO);
            let (sign, tone) = if undo {
                ("↶", Tone::Warn)
            } else {
                ("▸", Tone::Code)
            };
            Live {
                since: running.since,
                is_step: true,
                line: line(sign, tone, &running.step, &running.text),
            }
        }));
        live
    }

    fn shown(&mut self, event: &Event) -> Option<Shown> {
        match &event.what {
            What::RunStarted { playbook, env, .. } => {
                let text = format!("{env} · {playbook} · run {}", event.run);
                Some(Shown::Head { text })
            }
            What::RunResumed { playbook, env, .. } => {
                let text = format!("{env} · {playbook} · run {} is taken up", event.run);
                Some(Shown::Head { text })
            }
            What::StepStarted(step) => self.begun(step, event.t),
            What::StepProgress { key, text, done } => self.progress(key, text, *done, event.t),
            What::StepFinished {
                step,
                changed,
                summary,
                took,
            } => {
                self.ended(&step.key);
                self.changed += u64::from(*changed == Some(true));
                self.unchanged += u64::from(*changed == Some(false));
                let (sign, tone, said) = match changed {
                    Some(false) => ("=", Tone::Dim, "nothing to do"),
                    _ => ("✓", Tone::Good, ""),
                };
                let text = if summary.is_empty() { said } else { summary };
                self.unless_folded(
                    &step.key,
                    Line {
                        took: Some(*took),
                        ..line(sign, tone, step, text)
                    },
                )
            }
            What::StepFailed {
                step,
                failure,
                took,
            } => {
                self.ended(&step.key);
                let line = line("✗", Tone::Bad, step, &failure.message);
                Some(Shown::Step(Line {
                    took: Some(*took),
                    ..line
                }))
            }
            What::ScopeStarted {
                key,
                kind,
                branches,
                ..
            } => {
                let folds = self.verbosity != Verbosity::Verbose
                    && *branches > super::fan::SHOWN_ONE_BY_ONE;
                if !folds || self.fan_of(key).is_some() {
                    return None;
                }
                let fan = Fan::new(key, kind, *branches, event.t);
                let begun = fan.begun();
                self.fans.push(fan);
                Some(Shown::Begun(begun))
            }
            What::ScopeFinished { key, kind, ok } => {
                let fan = self.fans.iter_mut().find(|fan| fan.is_about(key))?;
                fan.scope_finished(key, kind, *ok, event.t).map(Shown::Step)
            }
            What::UndoStarted { scope, steps } => {
                let folded = self.fans.iter().any(|fan| fan.holds(scope));
                let text = format!("undoing {}, newest first", counted(*steps, "step"));
                (!folded).then_some(Shown::Text(Tone::Warn, text))
            }
            What::StepUndone {
                step,
                summary,
                took,
            } => {
                self.ended(&format!("{}{UNDO}", step.key));
                let line = line("↶", Tone::Warn, step, summary);
                self.unless_folded(
                    &step.key,
                    Line {
                        took: Some(*took),
                        ..line
                    },
                )
            }
            What::StepKept { step, why } => {
                let line = line("!", Tone::Warn, step, &format!("stays: {why}"));
                self.unless_folded(&step.key, line)
            }
            What::UndoFailed { step, failure } => {
                self.ended(&format!("{}{UNDO}", step.key));
                let text = format!("not undone: {}", failure.message);
                Some(Shown::Step(line("✗", Tone::Bad, step, &text)))
            }
            What::Printed { text } => Some(Shown::Printed(text.clone())),
            What::Note { text } => Some(Shown::Text(Tone::Dim, format!("note: {text}"))),
            What::RunFinished {
                state, steps, took, ..
            } => {
                self.running.clear();
                self.end(state, *steps, *took)
            }
        }
    }

    fn begun(&mut self, step: &Step, now: u64) -> Option<Shown> {
        self.steps.insert(step.key.clone(), step.clone());
        self.running.push(Running {
            key: step.key.clone(),
            step: step.clone(),
            since: now,
            text: String::new(),
        });
        let folded = self.fan_of(&step.key).is_some();
        (!folded).then(|| Shown::Begun(line("▸", Tone::Code, step, "")))
    }

    fn progress(
        &mut self,
        key: &str,
        text: &str,
        done: Option<(u64, u64)>,
        now: u64,
    ) -> Option<Shown> {
        let text = match done {
            Some((done, all)) => format!("{done} of {all} {text}"),
            None => text.to_owned(),
        };
        let known = self.running.iter().position(|running| running.key == key);
        let running = match known {
            Some(at) => &mut self.running[at],
            // Undoing begins with its first word.
            None => {
                let step = self.steps.get(key.strip_suffix(UNDO)?)?.clone();
                self.running.push(Running {
                    key: key.into(),
                    step,
                    since: now,
                    text: String::new(),
                });
                self.running.last_mut()?
            }
        };
        if running.text == text {
            return None;
        }
        running.text = text;
        let said = line("·", Tone::Dim, &running.step, &running.text);
        (self.verbosity == Verbosity::Verbose).then_some(Shown::Step(said))
    }

    fn end(&self, state: &str, steps: u64, took: u64) -> Option<Shown> {
        let changed = self.changed;
        let took = time::took(took);
        let counts = match (steps, changed) {
            (0, _) => "no steps".to_owned(),
            (_, 0) => counted(steps, "step"),
            _ => format!("{}, {changed} changed", counted(steps, "step")),
        };
        let (tone, verdict) = match state {
            "done" if changed == 0 && self.unchanged > 0 => (Tone::Good, "nothing to do"),
            "done" => (Tone::Good, "done"),
            "interrupted" => (Tone::Warn, "interrupted"),
            // The error is the last word.
            _ => return None,
        };
        Some(Shown::End(tone, format!("{verdict} · {counts} · {took}")))
    }

    /// One line for all that was undone in a fan-out, once something else is told.
    fn undone_fans(&mut self, event: &Event) -> Vec<Shown> {
        let about = match &event.what {
            What::StepUndone { step, .. } => {
                if let Some(fan) = self.fans.iter_mut().find(|fan| fan.holds(&step.key)) {
                    fan.step_undone(event.t);
                    return vec![];
                }
                &step.key
            }
            What::StepProgress { .. } | What::ScopeFinished { .. } => return vec![],
            What::UndoStarted { scope, .. } => scope,
            _ => "",
        };
        let closed = self
            .fans
            .iter_mut()
            .filter(|fan| !fan.is_open() && !fan.holds(about));
        closed.filter_map(Fan::undone).map(Shown::Step).collect()
    }

    fn unless_folded(&self, key: &str, line: Line) -> Option<Shown> {
        self.fan_of(key).is_none().then_some(Shown::Step(line))
    }

    fn fan_of(&self, key: &str) -> Option<&Fan> {
        self.fans.iter().find(|fan| fan.holds(key))
    }

    fn ended(&mut self, key: &str) {
        self.running.retain(|running| running.key != key);
    }
}

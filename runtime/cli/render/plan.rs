//! A plan as people read it: a row for each step, what it does beneath it, forks by what they depend on.

use super::clean;
use super::fit::wrap;
use super::ink::Tone;
use super::page::{Page, Row};
use super::time::so_far;
use pb_core::plan::{Arm, Node, Plan, Planned, PlannedState, Remark, WayBack};

/// All of it.
pub(crate) fn lines(plan: &Plan, page: Page) -> Vec<String> {
    let mut lines = vec![page.sentence(&format!(
        "{} · {} · plan {}",
        plan.env, plan.playbook, plan.id
    ))];
    if !plan.servers.is_empty() {
        let servers: Vec<&str> = plan.servers.keys().map(String::as_str).collect();
        let read = page.sentence(&format!("read {}, changed nothing", servers.join(", ")));
        lines.push(page.ink.paint(Tone::Dim, &read));
    }
    let mut body = Body { page, lines };
    body.nodes(&plan.nodes, 0);
    if !plan.unknown.is_empty() {
        body.lines
            .push(page.ink.paint(Tone::Strong, "unknown until run"));
        for line in &plan.unknown {
            body.wrapped(&format!("- {line}"), 2, 4, Tone::Warn);
        }
    }
    let mut lines = body.lines;
    lines.push(summary(plan, page));
    lines
}

struct Body {
    page: Page,
    lines: Vec<String>,
}

impl Body {
    fn nodes(&mut self, nodes: &[Node], depth: usize) {
        for node in nodes {
            match node {
                Node::Step(step) => self.step(step, depth),
                Node::Remark(remark) => self.remark(remark, depth),
                Node::Fork { on, arms, .. } => self.fork(on, arms, depth),
            }
        }
    }

    fn step(&mut self, step: &Planned, depth: usize) {
        let (sign, tone) = sign(step);
        let mut texts = texts(step).into_iter();
        let label = format!("{} {}", step.n, step.name);
        let row = self.page.row(&Row {
            sign,
            tone,
            label: &label,
            place: &step.place,
            text: &texts.next().unwrap_or_default(),
            time: "",
            ends: false,
        });
        self.lines.push(format!("{}{row}", "  ".repeat(depth)));
        let indent = self.page.text_column() + 2 * depth;
        for text in texts.chain(step.survey.details.iter().cloned()) {
            self.wrapped(&text, indent, indent + 2, None);
        }
        for obstacle in &step.survey.obstacles {
            self.wrapped(&format!("! {obstacle}"), indent - 2, indent, Tone::Bad);
        }
        if let Some(undo) = &step.undo {
            let (text, tone) = undone(undo, &step.name);
            self.wrapped(&text, indent, indent + 2, tone);
        }
    }

    fn remark(&mut self, remark: &Remark, depth: usize) {
        let (text, tone) = match remark.word.as_str() {
            "point_of_no_return" => (
                format!("point of no return: {}", remark.text),
                Some(Tone::Warn),
            ),
            "allow_destructive" => (
                format!("may destroy data: {}", remark.text),
                Some(Tone::Warn),
            ),
            "confirm" => (format!("asks: {}", remark.text), None),
            "ensure" => (
                format!("checked in the run: {}", within_its_scope(&remark.text)),
                None,
            ),
            "catch" => (format!("if it fails: {}", remark.text), None),
            "sleep" => (format!("waits {}", remark.text), None),
            "wait_until" => (format!("waits until {}", remark.text), None),
            word => (format!("{word}: {}", remark.text), Some(Tone::Dim)),
        };
        self.wrapped(&text, 3 + 2 * depth, 5 + 2 * depth, tone);
    }

    fn fork(&mut self, on: &str, arms: &[Arm], depth: usize) {
        let on = &within_its_scope(on);
        for arm in arms
            .iter()
            .filter(|arm| !arm.nodes.is_empty() || arm.failure.is_some())
        {
            let head = match arm.answer.as_str() {
                "true" => format!("if {on}:"),
                "false" => format!("if not {on}:"),
                answer => format!("if {on} is {answer}:"),
            };
            self.wrapped(&head, 3 + 2 * depth, 5 + 2 * depth, Tone::Strong);
            self.nodes(&arm.nodes, depth + 1);
            if let Some(failure) = &arm.failure {
                let text = format!("it fails: {}", failure.message);
                self.wrapped(&text, 5 + 2 * depth, 7 + 2 * depth, Tone::Bad);
            }
        }
    }

    /// Lines from one column on, those after the first from another one.
    fn wrapped(&mut self, text: &str, first: usize, rest: usize, tone: impl Into<Option<Tone>>) {
        let (page, tone) = (self.page, tone.into());
        let paint =
            |line: &str| tone.map_or_else(|| line.to_owned(), |tone| page.ink.paint(tone, line));
        let text = page.ink.spell(&clean::line(text)).into_owned();
        let room = match page.cuts {
            true => page.columns().saturating_sub(rest),
            false => usize::MAX,
        };
        for (at, line) in wrap(&text, room).into_iter().enumerate() {
            let indent = " ".repeat(if at == 0 { first } else { rest });
            self.lines.push(format!("{indent}{}", paint(&line)));
        }
    }
}

/// What something depends on, without the savepoints that it stands in: its place tells those.
fn within_its_scope(on: &str) -> String {
    let parts = on.split('/');
    let kept = parts.filter(|part| {
        !["savepoint:", "optional:"]
            .iter()
            .any(|word| part.starts_with(word))
    });
    kept.collect::<Vec<_>>().join("/")
}

fn sign(step: &Planned) -> (&'static str, Tone) {
    match step.state {
        PlannedState::Change => ("~", Tone::Strong),
        PlannedState::Every => ("»", Tone::Strong),
        PlannedState::Nothing => ("=", Tone::Dim),
        PlannedState::Read => ("·", Tone::Dim),
        PlannedState::Open => ("✓", Tone::Good),
        PlannedState::Waits => ("…", Tone::Warn),
        PlannedState::Unknown => ("?", Tone::Warn),
    }
}

/// What a step comes to, a line each; the first one stands in its row.
fn texts(step: &Planned) -> Vec<String> {
    let mut texts = match step.state {
        PlannedState::Change => step.actions.clone(),
        PlannedState::Every => {
            let mut actions = step.actions.clone();
            if let Some(first) = actions.first_mut() {
                first.push_str(" (every run)");
            }
            actions
        }
        PlannedState::Nothing => vec!["nothing to do".into()],
        PlannedState::Read => vec!["read".into()],
        PlannedState::Open => vec!["is so now".into()],
        PlannedState::Waits => vec![waits(step)],
        PlannedState::Unknown => vec!["unknown until run".into()],
    };
    if step.state != PlannedState::Waits {
        texts.extend(step.why.clone());
    }
    if let Some(n) = step.after {
        texts.push(match step.state {
            PlannedState::Unknown => return texts,
            PlannedState::Waits => format!("step {n} comes before it"),
            _ => format!("as things are now; decided again after step {n}"),
        });
    }
    texts
}

fn waits(step: &Planned) -> String {
    let long = step
        .waits
        .map(|seconds| format!(" up to {}", so_far((seconds * 1000.0) as u64)));
    let why = step.why.as_ref().map(|why| format!("; now: {why}"));
    format!(
        "waits{}{}",
        long.unwrap_or_default(),
        why.unwrap_or_default()
    )
}

fn undone(undo: &WayBack, name: &str) -> (String, Tone) {
    let by = |primitive: &str| match primitive == name {
        true => "undo: automatic".to_owned(),
        false => format!("undo: by {primitive}"),
    };
    match undo {
        WayBack::By(primitive) => (by(primitive), Tone::Dim),
        WayBack::Transaction(Some(primitive)) => {
            (format!("{}, or rolled back", by(primitive)), Tone::Dim)
        }
        WayBack::Transaction(None) => (
            "undo: rolled back with its transaction, none after that".into(),
            Tone::Dim,
        ),
        WayBack::None(why) => (format!("undo: none, {why}"), Tone::Warn),
    }
}

fn summary(plan: &Plan, page: Page) -> String {
    let steps = plan.steps();
    let count = |wanted: PlannedState| steps.iter().filter(|step| step.state == wanted).count();
    let parts = [
        (PlannedState::Change, "change", "changes"),
        (
            PlannedState::Every,
            "step that runs every time",
            "steps that run every time",
        ),
        (
            PlannedState::Unknown,
            "step unknown until run",
            "steps unknown until run",
        ),
    ];
    let told = parts
        .into_iter()
        .map(|(state, one, many)| (count(state), one, many));
    let told = told.filter(|(n, ..)| *n > 0);
    let told = told.map(|(n, one, many)| format!("{n} {}", if n == 1 { one } else { many }));
    let told: Vec<String> = told.collect();
    let text = match (told.is_empty(), plan.failure.is_some()) {
        (true, false) => "nothing to do".to_owned(),
        (true, true) => "it fails".to_owned(),
        (false, false) => told.join(", "),
        (false, true) => format!("{}, then it fails", told.join(", ")),
    };
    page.ink.paint(Tone::Strong, &page.sentence(&text))
}

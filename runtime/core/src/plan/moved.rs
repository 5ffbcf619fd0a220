//! What has moved since a plan was made: the plan is good while what it has read stands.

use super::{Arm, Node, Plan, Planned, PlannedState};
use crate::failure::Failure;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

impl Plan {
    /// What is not as this plan has read it, a line each; `now` is the same plan made anew.
    pub fn moved(&self, now: &Self) -> Vec<String> {
        let mut moved = vec![];
        let names = |a: &BTreeMap<String, Value>,
                     b: &BTreeMap<String, Value>|
         -> BTreeSet<String> { a.keys().chain(b.keys()).cloned().collect() };
        for file in self
            .sources
            .keys()
            .chain(now.sources.keys())
            .collect::<BTreeSet<_>>()
        {
            if self.sources.get(file) != now.sources.get(file) {
                moved.push(format!("`{file}` is another text than the planned one"));
            }
        }
        if self.params != now.params {
            moved.push("the parameters are others".into());
        }
        let target = |plan: &Self| -> BTreeMap<String, Value> {
            let table = plan.target.as_object().into_iter().flatten();
            table
                .map(|(key, value)| (key.clone(), value.clone()))
                .collect()
        };
        let (was, is) = (target(self), target(now));
        for key in names(&was, &is) {
            if was.get(&key) != is.get(&key) {
                moved.push(format!(
                    "`{key}` of the environment `{}` is another one",
                    self.env
                ));
            }
        }
        for (name, was) in &self.servers {
            match now.servers.get(name) {
                Some(is) if is == was => {}
                Some(_) => moved.push(format!("`{name}` is another server than the planned one")),
                // Where nobody answers any more, the plan made anew ends with that.
                None if now.failure.is_some() => {}
                None => moved.push(format!("which server `{name}` is cannot be told any more")),
            }
        }
        if moved.is_empty() {
            steps(&self.nodes, &now.nodes, &mut moved);
            ends(self.failure.as_ref(), now.failure.as_ref(), &mut moved);
        }
        moved
    }
}

fn steps(was: &[Node], now: &[Node], moved: &mut Vec<String>) {
    for (was, now) in was.iter().zip(now) {
        match (was, now) {
            (Node::Step(was), Node::Step(now)) if was.key == now.key => step(was, now, moved),
            (Node::Remark(was), Node::Remark(now)) if was == now => {}
            (Node::Remark(was), Node::Remark(now))
                if (&was.word, &was.site) == (&now.word, &now.site) =>
            {
                let (word, was, now) = (&was.word, &was.text, &now.text);
                moved.push(format!("`{word}` would now say `{now}`, not `{was}`"));
            }
            (
                Node::Fork { on, arms, .. },
                Node::Fork {
                    on: now_on,
                    arms: now_arms,
                    ..
                },
            ) if on == now_on => {
                for (was, now) in arms.iter().zip(now_arms) {
                    arm(was, now, moved);
                }
            }
            (_, now) => {
                // From here on the playbook goes another way; what follows cannot be compared.
                moved.push(format!("the playbook would now come to {}", named(now)));
                return;
            }
        }
    }
    if was.len() > now.len() {
        moved.push(format!(
            "the playbook would not come to {} any more",
            named(&was[now.len()])
        ));
    } else if let Some(more) = now.get(was.len()) {
        moved.push(format!(
            "the playbook would now also come to {}",
            named(more)
        ));
    }
}

fn arm(was: &Arm, now: &Arm, moved: &mut Vec<String>) {
    steps(&was.nodes, &now.nodes, moved);
    ends(was.failure.as_ref(), now.failure.as_ref(), moved);
}

/// How it ends: an error that was not there, or is not there any more.
fn ends(was: Option<&Failure>, now: Option<&Failure>, moved: &mut Vec<String>) {
    let text = |failure: &Failure| failure.message.clone();
    match (was.map(text), now.map(text)) {
        (was, now) if was == now => {}
        (_, Some(now)) => moved.push(format!("the playbook would now fail: {now}")),
        (Some(was), None) => moved.push(format!("the playbook would not fail any more: {was}")),
        (None, None) => {}
    }
}

fn step(was: &Planned, now: &Planned, moved: &mut Vec<String>) {
    let place = format!("{} {}", was.name, was.place);
    let place = place.trim_end();
    if was.args != now.args {
        moved.push(format!("`{place}` would be called with other arguments"));
    } else if [was, now].iter().all(|step| is_gate(step)) {
        // Whether it is open now is for the run to wait for.
    } else if was.actions != now.actions && was.state == now.state {
        moved.push(format!("`{place}` would now {}", others(was, now)));
    } else if was.state != now.state {
        moved.push(format!(
            "`{place}` would now {}, not {}",
            does(now),
            does(was)
        ));
    } else if was.seen != now.seen {
        moved.push(format!("what `{place}` looks at has changed"));
    }
}

fn is_gate(step: &Planned) -> bool {
    !step.changes && matches!(step.state, PlannedState::Open | PlannedState::Waits)
}

/// The actions that differ; those before and behind them are the same.
fn others(was: &Planned, now: &Planned) -> String {
    let (mut was, mut now) = (&was.actions[..], &now.actions[..]);
    while let ([a, was_rest @ ..], [b, now_rest @ ..]) = (was, now)
        && a == b
    {
        (was, now) = (was_rest, now_rest);
    }
    while let ([was_rest @ .., a], [now_rest @ .., b]) = (was, now)
        && a == b
    {
        (was, now) = (was_rest, now_rest);
    }
    match (was.join(", then "), now.join(", then ")) {
        (was, now) if was.is_empty() => format!("also {now}"),
        (was, now) if now.is_empty() => format!("not {was} any more"),
        (was, now) => format!("{now}, not {was}"),
    }
}

fn does(step: &Planned) -> String {
    match step.state {
        PlannedState::Change | PlannedState::Every => step.actions.join(", then "),
        PlannedState::Nothing => "do nothing".into(),
        PlannedState::Read => "read".into(),
        PlannedState::Open => "find its condition met".into(),
        PlannedState::Waits => "wait".into(),
        PlannedState::Unknown => "decide only in the run".into(),
    }
}

fn named(node: &Node) -> String {
    match node {
        Node::Step(step) => format!("`{} {}`", step.name, step.place).replace(" `", "`"),
        Node::Remark(remark) => format!("`{}`", remark.word),
        Node::Fork { on, .. } => format!("what depends on `{on}`"),
    }
}

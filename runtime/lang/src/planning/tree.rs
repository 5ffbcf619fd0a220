//! Puts the ways of a script together: what all of them share is said once, the rest by what it depends on.

use pb_core::Failure;
use pb_core::plan::{Arm, Node};
use pb_core::run::Met;

/// One way and how it ended.
pub(crate) struct Way {
    pub(crate) met: Vec<Met>,
    pub(crate) failure: Option<Failure>,
}

/// The nodes of all ways, and the error that all of them end with.
pub(crate) fn tree(ways: &[Way]) -> (Vec<Node>, Option<Failure>) {
    let ways: Vec<_> = ways
        .iter()
        .map(|way| (&way.met[..], &way.failure))
        .collect();
    grown(&ways)
}

type Rest<'a> = (&'a [Met], &'a Option<Failure>);

fn grown(ways: &[Rest<'_>]) -> (Vec<Node>, Option<Failure>) {
    let mut nodes = vec![];
    let mut ways = ways.to_vec();
    while let Some(first) = ways.first().and_then(|(met, _)| met.first()) {
        let node = match first {
            Met::Step(step) => Node::Step(step.clone()),
            Met::Remark(remark) => Node::Remark(remark.clone()),
            Met::Assumed { on, site, .. } => {
                let (arms, after) = arms(&ways);
                let (on, site) = (on.clone(), site.clone());
                // Whatever the answer, it fails.
                let failures: Option<Vec<&Failure>> =
                    arms.iter().map(|arm| arm.failure.as_ref()).collect();
                let failure = failures.and_then(|all| all.last().copied().cloned());
                // An answer that changes nothing is not worth asking for.
                if arms
                    .iter()
                    .any(|arm| !arm.nodes.is_empty() || arm.failure.is_some())
                {
                    nodes.push(Node::Fork { on, site, arms });
                }
                nodes.extend(after);
                return (nodes, failure);
            }
        };
        nodes.push(node);
        // The same answers lead to the same steps: all of these ways have it.
        ways.iter_mut()
            .for_each(|(met, _)| *met = met.get(1..).unwrap_or_default());
    }
    (
        nodes,
        ways.first().and_then(|(_, failure)| (*failure).clone()),
    )
}

fn arms(ways: &[Rest<'_>]) -> (Vec<Arm>, Vec<Node>) {
    let answer = |(met, _): &Rest<'_>| match met.first() {
        Some(Met::Assumed { answer, .. }) => answer.clone(),
        _ => String::new(),
    };
    let mut arms: Vec<Arm> = vec![];
    for group in ways.chunk_by(|a, b| answer(a) == answer(b)) {
        let rest: Vec<Rest<'_>> = group
            .iter()
            .map(|(met, failure)| (&met[1..], *failure))
            .collect();
        let (nodes, failure) = grown(&rest);
        arms.push(Arm {
            answer: answer(&group[0]),
            nodes,
            failure,
        });
    }
    let mut after = vec![];
    // What comes behind the fork whatever the answer is said once, behind it.
    while arms.len() > 1 && arms.iter().all(|arm| arm.failure.is_none()) {
        let same = |node: &Node| {
            let last = |arm: &Arm| arm.nodes.last().is_some_and(|last| is_same(last, node));
            arms.iter().all(last)
        };
        let Some(node) = arms[0].nodes.last().filter(|node| same(node)).cloned() else {
            break;
        };
        let node = arms
            .iter_mut()
            .filter_map(|arm| arm.nodes.pop())
            .fold(node, with_keys);
        after.insert(0, node);
    }
    (arms, after)
}

/// The same, known by the keys that it has on another way too.
fn with_keys(mut node: Node, other: Node) -> Node {
    match (&mut node, other) {
        (Node::Step(step), Node::Step(other)) => {
            for key in [other.key].into_iter().chain(other.also) {
                if key != step.key && !step.also.contains(&key) {
                    step.also.push(key);
                }
            }
        }
        (Node::Fork { arms, .. }, Node::Fork { arms: others, .. }) => {
            for (arm, other) in arms.iter_mut().zip(others) {
                let nodes = std::mem::take(&mut arm.nodes).into_iter().zip(other.nodes);
                arm.nodes = nodes.map(|(node, other)| with_keys(node, other)).collect();
            }
        }
        _ => {}
    }
    node
}

/// Whether it is the same, but for the numbers of steps.
fn is_same(node: &Node, other: &Node) -> bool {
    match (node, other) {
        (Node::Step(a), Node::Step(b)) => {
            let mut a = a.clone();
            (a.n, a.after, a.key, a.also) = (b.n, b.after, b.key.clone(), b.also.clone());
            a == *b
        }
        (
            Node::Fork { on, site, arms },
            Node::Fork {
                on: o,
                site: s,
                arms: others,
            },
        ) => {
            let same = |(a, b): (&Arm, &Arm)| {
                let nodes = a.nodes.len() == b.nodes.len()
                    && a.nodes.iter().zip(&b.nodes).all(|(a, b)| is_same(a, b));
                nodes && a.answer == b.answer && a.failure == b.failure
            };
            on == o && site == s && arms.len() == others.len() && arms.iter().zip(others).all(same)
        }
        (a, b) => a == b,
    }
}

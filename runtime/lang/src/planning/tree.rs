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
                // An answer that changes nothing is not worth asking for.
                if arms
                    .iter()
                    .any(|arm| !arm.nodes.is_empty() || arm.failure.is_some())
                {
                    nodes.push(Node::Fork { on, site, arms });
                }
                nodes.extend(after);
                return (nodes, None);
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
        let last = |arm: &Arm| arm.nodes.last().cloned();
        let Some(node) =
            last(&arms[0]).filter(|node| arms.iter().all(|arm| is_same(last(arm).as_ref(), node)))
        else {
            break;
        };
        arms.iter_mut().for_each(|arm| drop(arm.nodes.pop()));
        after.insert(0, node);
    }
    (arms, after)
}

/// Whether it is the same, but for its number and its key's.
fn is_same(node: Option<&Node>, other: &Node) -> bool {
    match (node, other) {
        (Some(Node::Step(a)), Node::Step(b)) => {
            let mut a = a.clone();
            (a.n, a.key, a.after) = (b.n, b.key.clone(), b.after);
            a == *b
        }
        (Some(a), b) => a == b,
        (None, _) => false,
    }
}

//! Runs exclude one another on a server that can tell them apart: who takes it, and how far they may go for it.

use crate::handle::Handle;
use std::collections::BTreeSet;
use std::time::Duration;

/// Takes servers for a run.
#[derive(Debug, Clone, Default)]
pub struct Holder {
    /// The playbook as it was named.
    pub playbook: String,
    /// The environment's name.
    pub env: String,
    /// Who started the run, or took it up.
    pub by: String,
    /// On which machine.
    pub host: String,
    /// As which process.
    pub pid: u32,
    /// Where its journal is, for whoever finds the server taken.
    pub journal: String,
    /// What the playbook names: taken before the first effect on anything, where it can be reached by then.
    pub named: Vec<Handle>,
    /// Names of servers that the run had when it died, not having ended: nobody may have taken them since.
    pub had: BTreeSet<String>,
    /// How long another run that works on a server is waited for.
    pub wait: Duration,
    /// A run that nobody will finish, and whose place this one takes.
    pub supersede: Option<String>,
    /// A run that loses its servers to this one, even while its process lives.
    pub steal: Option<String>,
}

impl Holder {
    /// Whether an unfinished run does not stand in the way.
    pub fn takes_over(&self, run: &str) -> bool {
        [&self.supersede, &self.steal]
            .into_iter()
            .any(|named| named.as_deref() == Some(run))
    }
}

//! Scopes: where keys come from, and what is undone together.

use crate::Failure;
use crate::code;
use crate::event::Step;
use crate::journal::TransactionStep;
use crate::primitive::Undo;
use crate::subject::Subject;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What stays readable in a key.
const IN_KEYS: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.');

/// A part of a run: a savepoint, a branch, a transaction. Cheap to clone.
#[derive(Clone)]
pub struct Scope(Arc<Inner>);

struct Inner {
    path: String,
    kind: ScopeKind,
    parent: Option<Scope>,
    /// Told to start nothing more, because a sibling failed.
    halted: AtomicBool,
    /// Something in it could not be undone: nothing older in it or around it is undone either.
    stuck: AtomicBool,
    state: Mutex<State>,
}

/// What a scope is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScopeKind {
    /// The run itself.
    Root,
    /// Undone when its body throws.
    Savepoint,
    /// Like a savepoint whose effects stay when its body throws.
    Freeze,
    /// Holds branches; so many run at the same time.
    FanOut(usize),
    /// Stands around a closure; the database undoes it.
    Transaction,
}

#[derive(Default)]
struct State {
    ordinals: HashMap<String, u32>,
    ids: HashSet<String>,
    entries: Vec<Entry>,
    /// How many entries are past undoing, and why.
    commit: Option<(usize, String)>,
    /// Points of no return that were passed.
    commits: usize,
    /// How often it was said that what it does may destroy data.
    permissions: usize,
    /// Results of calls within a transaction, until it is sealed.
    results: Vec<TransactionStep>,
    /// Results that are recorded of a transaction that is over: its calls get these, and do nothing.
    recalled: Option<Arc<HashMap<String, TransactionStep>>>,
}

/// Something that happened in a scope.
#[derive(Clone)]
pub(crate) enum Entry {
    Step(StepEntry),
    Scope(Scope),
}

/// A step that converged or acted.
#[derive(Clone)]
pub(crate) struct StepEntry {
    pub(crate) step: Step,
    pub(crate) args: Value,
    pub(crate) subjects: Vec<Subject>,
    /// Whether it can be decided again.
    pub(crate) converges: bool,
    /// `None` when it changed nothing.
    pub(crate) undo: Option<Undo>,
}

impl Scope {
    pub(crate) fn root() -> Self {
        Self::new(String::new(), ScopeKind::Root, None)
    }

    fn new(path: String, kind: ScopeKind, parent: Option<Self>) -> Self {
        Self(Arc::new(Inner {
            path,
            kind,
            parent,
            halted: AtomicBool::new(false),
            stuck: AtomicBool::new(false),
            state: Mutex::default(),
        }))
    }

    /// Its key, such as `/savepoint:release#1`; empty for the run.
    pub fn path(&self) -> &str {
        &self.0.path
    }

    /// What it is.
    pub fn kind(&self) -> &ScopeKind {
        &self.0.kind
    }

    /// Whether what is done in it stays when its body throws.
    pub(crate) fn freezes(&self) -> bool {
        match self.0.kind {
            ScopeKind::Freeze => true,
            ScopeKind::Savepoint | ScopeKind::Root => false,
            ScopeKind::FanOut(_) | ScopeKind::Transaction => {
                self.0.parent.as_ref().is_some_and(Self::freezes)
            }
        }
    }

    /// Whether it stands within a database transaction.
    pub fn in_transaction(&self) -> bool {
        self.transaction().is_some()
    }

    /// Whether it is a bracket within a transaction.
    pub(crate) fn is_nested(&self) -> bool {
        self.0.parent.as_ref().is_some_and(Self::in_transaction)
    }

    /// Tells it and everything in it to start nothing more.
    pub fn halt(&self) {
        self.0.halted.store(true, Ordering::SeqCst);
    }

    /// Whether it, or a scope around it, was told to start nothing more.
    pub fn is_halted(&self) -> bool {
        self.0.halted.load(Ordering::SeqCst) || self.0.parent.as_ref().is_some_and(Self::is_halted)
    }

    /// Notes that something in it could not be undone.
    pub(crate) fn stick(&self) {
        self.0.stuck.store(true, Ordering::SeqCst);
        if let Some(parent) = &self.0.parent {
            parent.stick();
        }
    }

    /// Whether something in it could not be undone.
    pub(crate) fn is_stuck(&self) -> bool {
        self.0.stuck.load(Ordering::SeqCst)
    }

    /// Key of the next step of that name.
    ///
    /// # Errors
    /// `PB0212` when the id was used in this scope before.
    pub(crate) fn next_key(&self, name: &str, id: Option<&str>) -> Result<String, Failure> {
        let mut state = self.state();
        let Some(id) = id else {
            let ordinal = state.ordinals.entry(name.to_owned()).or_default();
            *ordinal += 1;
            return Ok(format!("{}/{}#{ordinal}", self.0.path, encoded(name)));
        };
        if !state.ids.insert(id.to_owned()) {
            let message = format!("the id `{id}` was given to two steps of the same scope");
            return Err(Failure::new(&code::DUPLICATE_KEY, message));
        }
        Ok(format!("{}/{}", self.0.path, encoded(id)))
    }

    /// A scope within this one, entered as `kind:name#ordinal`.
    pub(crate) fn child(&self, word: &str, name: &str, kind: ScopeKind) -> Self {
        let segment = if name.is_empty() {
            word.to_owned()
        } else {
            format!("{word}:{}", encoded(name))
        };
        let mut state = self.state();
        let ordinal = state.ordinals.entry(segment.clone()).or_default();
        *ordinal += 1;
        let path = format!("{}/{segment}#{ordinal}", self.0.path);
        let child = Self::new(path, kind, Some(self.clone()));
        state.entries.push(Entry::Scope(child.clone()));
        child
    }

    /// Path of the next scope of that word in this one.
    pub(crate) fn next_child(&self, word: &str) -> String {
        let done = self.state().ordinals.get(word).copied().unwrap_or(0);
        format!("{}/{word}#{}", self.0.path, done + 1)
    }

    /// Path of the branch for one item of a fan-out.
    pub(crate) fn branch_path(&self, item: &str) -> String {
        format!("{}[{}]", self.0.path, encoded(item))
    }

    /// The branch for one item of a fan-out.
    pub(crate) fn branch(&self, item: &str) -> Self {
        let child = Self::new(
            self.branch_path(item),
            ScopeKind::Savepoint,
            Some(self.clone()),
        );
        self.state().entries.push(Entry::Scope(child.clone()));
        child
    }

    /// A scope within this one, as it is recorded.
    pub(crate) fn rebuilt(&self, path: &str, kind: ScopeKind) -> Self {
        let child = Self::new(path.to_owned(), kind, Some(self.clone()));
        self.state().entries.push(Entry::Scope(child.clone()));
        child
    }

    /// Takes out a step that is undone already.
    pub(crate) fn remove_step(&self, key: &str) {
        let is_it = |entry: &Entry| matches!(entry, Entry::Step(step) if step.step.key == key);
        let mut state = self.state();
        // Replaced, not removed: a point of no return counts the entries before it.
        for entry in state.entries.iter_mut().filter(|entry| is_it(entry)) {
            if let Entry::Step(step) = entry {
                step.undo = None;
            }
        }
    }

    pub(crate) fn add_step(&self, entry: StepEntry) {
        self.state().entries.push(Entry::Step(entry));
    }

    /// The transaction that it stands in.
    pub(crate) fn transaction(&self) -> Option<&Self> {
        match self.0.kind {
            ScopeKind::Transaction => Some(self),
            _ => self.0.parent.as_ref().and_then(Self::transaction),
        }
    }

    /// Makes it a transaction that is over, whose calls gave these results.
    pub(crate) fn recall(&self, steps: Arc<HashMap<String, TransactionStep>>) {
        self.state().recalled = Some(steps);
    }

    /// The results of the transaction that it stands in, when that is over.
    pub(crate) fn recalled(&self) -> Option<Arc<HashMap<String, TransactionStep>>> {
        let recalled = self.state().recalled.clone();
        recalled.or_else(|| self.0.parent.as_ref()?.recalled())
    }

    pub(crate) fn add_result(&self, result: TransactionStep) {
        self.state().results.push(result);
    }

    /// Hands the results of a bracket within a transaction to that transaction, whose commit decides about both.
    pub(crate) fn pass_results_on(&self, rolled_back: bool) {
        let Some(around) = self.0.parent.as_ref().and_then(Self::transaction) else {
            return;
        };
        for mut result in self.take_results() {
            if rolled_back {
                result.undo = Undo::none("it was rolled back");
            }
            around.add_result(result);
        }
    }

    pub(crate) fn take_results(&self) -> Vec<TransactionStep> {
        std::mem::take(&mut self.state().results)
    }

    /// Takes out what can be undone, oldest first, with the reason why older things cannot.
    pub(crate) fn take_entries(&self) -> (Vec<Entry>, Option<String>) {
        let mut state = self.state();
        let kept = state.commit.as_ref().map_or(0, |(n, _)| *n);
        let entries = state.entries.split_off(kept);
        (entries, state.commit.as_ref().map(|(_, why)| why.clone()))
    }

    /// Everything that happened in it, oldest first.
    pub(crate) fn entries(&self) -> Vec<Entry> {
        self.state().entries.clone()
    }

    /// From now on nothing that is done already, in this branch, is undone.
    pub(crate) fn commit(&self, why: &str) {
        {
            let mut state = self.state();
            state.commits += 1;
            let done = state.entries.len();
            state.commit = Some((done, why.to_owned()));
        }
        let mut inside = self;
        while let Some(around) = &inside.0.parent {
            // What stands before the scope is past undoing; the scope looks after its own, siblings of a branch after theirs.
            if !matches!(around.0.kind, ScopeKind::FanOut(_)) {
                let mut state = around.state();
                let before = state
                    .entries
                    .iter()
                    .position(|e| matches!(e, Entry::Scope(s) if Arc::ptr_eq(&s.0, &inside.0)));
                state.commit = Some((before.unwrap_or(state.entries.len()), why.to_owned()));
            }
            inside = around;
        }
    }

    /// How many points of no return were passed in it.
    pub(crate) fn commits(&self) -> usize {
        self.state().commits
    }

    /// Whether a point of no return was passed in it or in a scope around it.
    pub(crate) fn is_committed(&self) -> bool {
        self.commits() > 0 || self.0.parent.as_ref().is_some_and(Self::is_committed)
    }

    /// From now on, to its end, what it and the scopes in it do may destroy data.
    pub(crate) fn allow_destruction(&self) {
        self.state().permissions += 1;
    }

    /// How often that was said in it.
    pub(crate) fn permissions(&self) -> usize {
        self.state().permissions
    }

    /// Whether what it does may destroy data.
    pub(crate) fn may_destroy(&self) -> bool {
        self.permissions() > 0 || self.0.parent.as_ref().is_some_and(Self::may_destroy)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, IN_KEYS).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_count_within_their_scope() {
        let root = Scope::root();
        let key = |scope: &Scope, name, id| scope.next_key(name, id).expect("free");
        assert_eq!(key(&root, "sql", None), "/sql#1");
        let release = root.child("savepoint", "re lease", ScopeKind::Savepoint);
        assert_eq!(key(&release, "sql", None), "/savepoint:re%20lease#1/sql#1");
        assert_eq!(key(&root, "sql", None), "/sql#2");
        let each = release.child("each", "", ScopeKind::FanOut(2));
        assert_eq!(
            key(&each.branch("a/b"), "migrate", Some("one")),
            "/savepoint:re%20lease#1/each#1[a%2Fb]/one"
        );
        assert_eq!(
            root.child("savepoint", "re lease", ScopeKind::Savepoint)
                .path(),
            "/savepoint:re%20lease#2"
        );
        root.next_key("x", Some("id")).expect("free");
        assert_eq!(
            root.next_key("y", Some("id")).expect_err("used").code,
            "PB0212"
        );
    }

    #[test]
    fn a_point_of_no_return_reaches_outwards_but_not_to_siblings() {
        let root = Scope::root();
        let step = |n| StepEntry {
            step: Step {
                key: String::new(),
                n,
                name: String::new(),
                place: String::new(),
            },
            args: Value::Null,
            subjects: vec![],
            converges: false,
            undo: None,
        };
        root.add_step(step(1));
        let fan_out = root.child("each", "", ScopeKind::FanOut(2));
        let (one, two) = (fan_out.branch("1"), fan_out.branch("2"));
        one.add_step(step(2));
        two.add_step(step(3));
        one.commit("dropped");
        one.add_step(step(4));
        assert_eq!(one.take_entries().0.len(), 1);
        let (entries, why) = two.take_entries();
        assert_eq!((entries.len(), why), (1, None));
        let (entries, why) = root.take_entries();
        assert_eq!(
            (entries.len(), why.as_deref()),
            (1, Some("dropped")),
            "the fan-out stays, the step before goes"
        );
    }
}

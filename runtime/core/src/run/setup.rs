//! What a run is made of, and how it begins.

use super::approved::Approved;
use super::bind::Bound;
use super::blob::Blobs;
use super::bracket::DynBracket;
use super::lease::Leases;
use super::past::Past;
use super::planning::Planning;
use super::rehearse::Rehearsal;
use super::scope::{Scope, ScopeKind};
use crate::cancel::Cancel;
use crate::clock::{Clock, Random};
use crate::driver::{Call, Drivers, Readers};
use crate::erased::{DynPrimitive, Spec};
use crate::event::{Event, SCHEMA, Sink, Step, What};
use crate::failure::{CallError, Failure};
use crate::journal::{Body, Journal, JournalStore};
use crate::lease::Holder;
use crate::primitive::Undo;
use crate::secret::Vault;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// The primitives and brackets that scripts may call, and the drivers they use.
#[derive(Default)]
pub struct Registry {
    /// By name.
    pub primitives: BTreeMap<&'static str, Box<dyn DynPrimitive>>,
    /// By name.
    pub brackets: BTreeMap<&'static str, Box<dyn DynBracket>>,
    /// What primitives reach the world by.
    pub drivers: Arc<Drivers>,
}

impl Registry {
    /// Adds a primitive.
    pub fn add(&mut self, primitive: Box<dyn DynPrimitive>) {
        self.primitives.insert(primitive.spec().name, primitive);
    }

    /// The declarations of all primitives, by name.
    pub fn specs(&self) -> impl Iterator<Item = &Spec> {
        self.primitives.values().map(|primitive| primitive.spec())
    }
}

/// Everything a run needs from outside.
pub struct Setup {
    /// Id of the run, unique in the state directory.
    pub id: String,
    /// What scripts may call.
    pub registry: Arc<Registry>,
    /// Where the journal goes.
    pub store: Box<dyn JournalStore>,
    /// Takes the events.
    pub sink: Sink,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    pub random: Arc<dyn Random>,
    /// The run's secrets.
    pub vault: Arc<Vault>,
    /// Tells the run to stop.
    pub cancel: Cancel,
    /// Who takes servers, so that no other run works on them; `None`: nobody does.
    pub holder: Option<Holder>,
    /// The plan that it is held to; `None` where none was approved.
    pub approved: Option<Arc<Approved>>,
}

/// What is done with what a script asks for.
pub(super) enum Mode {
    /// It is done.
    Acting,
    /// What is recorded is given again, and nothing new begins.
    Rehearsing(Rehearsal),
    /// It is observed and decided, and nothing acts.
    Planning(Planning),
}

/// What the first record says.
pub struct Opening {
    /// Version of pb.
    pub pb: String,
    /// The playbook as it was named.
    pub playbook: String,
    /// Texts of the playbook and its modules, by name.
    pub sources: BTreeMap<String, String>,
    /// Values of its parameters.
    pub params: Map<String, Value>,
    /// The environment's name.
    pub env: String,
    /// The environment; secrets are references.
    pub target: Value,
    /// Who starts it.
    pub by: String,
    /// On which machine.
    pub host: String,
    /// As which process.
    pub pid: u32,
    /// A run that nobody will finish, and whose place it takes.
    pub supersedes: Option<String>,
}

/// A run that is going on. Cheap to clone; shared by all branches.
#[derive(Clone)]
pub struct Run(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) id: String,
    pub(super) registry: Arc<Registry>,
    pub(super) journal: Arc<Journal>,
    pub(super) sink: Sink,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) vault: Arc<Vault>,
    pub(super) cancel: Cancel,
    pub(super) root: Scope,
    /// What earlier processes of the run wrote down.
    pub(super) past: Past,
    readers: Readers,
    began: Duration,
    /// Steps begun so far.
    steps: AtomicU64,
    /// Whether any action had an effect, or may have had one.
    pub(super) acted: AtomicBool,
    /// Handles whose server has told who it is.
    pub(super) bound: Bound,
    pub(super) mode: Mode,
    pub(super) approved: Option<Arc<Approved>>,
    pub(super) holder: Option<Holder>,
    pub(super) leases: Leases,
    /// The first step that could not be undone; no script makes that good by catching it.
    pub(super) stuck: Mutex<Option<Failure>>,
    /// What was seen last of each thing that was undone, by the name of its step.
    pub(super) undone: Mutex<BTreeMap<String, String>>,
}

impl Run {
    /// Begins a run: its first record is durable when this returns.
    ///
    /// # Errors
    /// `PB0007` when the journal cannot be written.
    pub async fn open(setup: Setup, opening: Opening) -> Result<Self, Failure> {
        let run = Self::new(setup, Past::default(), Journal::new);
        let Opening {
            pb,
            playbook,
            sources,
            params,
            env,
            target,
            by,
            host,
            pid,
            supersedes,
        } = opening;
        run.emit(What::RunStarted {
            playbook: playbook.clone(),
            env: env.clone(),
            params: params.clone(),
        });
        let body = Body::RunOpen {
            pb,
            playbook,
            sources,
            params,
            env,
            target,
            by,
            host,
            pid,
            supersedes,
        };
        run.begin(body).await?;
        Ok(run)
    }

    /// Writes the first record of this process.
    pub(super) async fn begin(&self, body: Body) -> Result<(), Failure> {
        match self.0.journal.commit("", 1, body).await {
            Ok(()) => Ok(()),
            Err(CallError::Failed(failure) | CallError::Fatal(failure)) => Err(*failure),
            Err(CallError::Stopped) => Err(Failure::broken("journal", "stopped before it began")),
        }
    }

    pub(super) fn new(
        setup: Setup,
        past: Past,
        journal: impl FnOnce(String, Arc<dyn Clock>, Box<dyn JournalStore>) -> Journal,
    ) -> Self {
        Self::over(setup, past, Mode::Acting, journal)
    }

    pub(super) fn over(
        setup: Setup,
        past: Past,
        mode: Mode,
        journal: impl FnOnce(String, Arc<dyn Clock>, Box<dyn JournalStore>) -> Journal,
    ) -> Self {
        let Setup {
            id,
            registry,
            store,
            sink,
            clock,
            random,
            vault,
            cancel,
            holder,
            approved,
        } = setup;
        let journal = Arc::new(journal(id.clone(), clock.clone(), store));
        let keep = {
            let journal = journal.clone();
            move |body| {
                journal.write("", 1, body);
            }
        };
        let readers = Readers {
            drivers: registry.drivers.clone(),
            vault: vault.clone(),
            clock: clock.clone(),
            random,
            blobs: Arc::new(Blobs::new(Box::new(keep))),
            call: Arc::new(Call {
                run: id.clone(),
                key: String::new(),
                seq: 0,
                before: None,
                say: Box::new(|_| ()),
            }),
        };
        let acted = AtomicBool::new(past.acted);
        Self(Arc::new(Inner {
            id,
            registry,
            journal,
            sink,
            began: clock.elapsed(),
            clock,
            vault,
            cancel,
            root: Scope::root(),
            past,
            readers,
            steps: AtomicU64::new(0),
            acted,
            bound: Bound::default(),
            mode,
            approved,
            holder,
            leases: Leases::default(),
            stuck: Mutex::default(),
            undone: Mutex::default(),
        }))
    }

    /// Its id.
    pub fn id(&self) -> &str {
        &self.0.id
    }

    /// The scope of the whole run.
    pub fn root(&self) -> &Scope {
        &self.0.root
    }

    /// What tells it to stop.
    pub fn cancel(&self) -> &Cancel {
        &self.0.cancel
    }

    /// The run's clock.
    pub fn clock(&self) -> &dyn Clock {
        &*self.0.clock
    }

    /// What scripts may call.
    pub fn registry(&self) -> &Registry {
        &self.0.registry
    }

    /// Says that the script printed a line; secrets in it are taken out.
    pub fn print(&self, text: &str) {
        self.emit(What::Printed {
            text: self.0.vault.scrubber().text(text).into_owned(),
        });
    }

    /// Says and writes down something worth knowing.
    pub fn note(&self, scope: &Scope, text: &str) {
        let text = self.0.vault.scrubber().text(text).into_owned();
        self.0
            .journal
            .write(scope.path(), 1, Body::Note { text: text.clone() });
        self.emit(What::Note { text });
    }

    /// A value that the script reads from outside: the time, an environment variable, that time has passed. What is
    /// recorded is not read again.
    ///
    /// # Errors
    /// Whatever `read` fails with; a run that was told to stop.
    pub async fn read(
        &self,
        scope: &Scope,
        name: &str,
        read: impl AsyncFnOnce() -> Result<Value, CallError>,
    ) -> Result<Value, CallError> {
        let key = scope.next_key(name, None)?;
        if let Some(value) = self.0.past.value_read(&key) {
            return Ok(value.clone());
        }
        self.may_start(scope)?;
        let value = read().await.map_err(|error| match error {
            CallError::Failed(failure) => self.scrubbed(*failure).into(),
            other => other,
        })?;
        let value = self.written(value);
        self.0.journal.write(
            &key,
            1,
            Body::Read {
                name: name.into(),
                value: value.clone(),
            },
        );
        Ok(value)
    }

    /// What a person answers, and who: durable when it returns. Nobody is asked twice.
    pub async fn decide(
        &self,
        scope: &Scope,
        question: &str,
        ask: impl FnOnce(&str) -> (String, bool),
    ) -> Result<(String, bool), CallError> {
        let key = scope.next_key("confirm", None)?;
        if let Some(decision) = self.0.past.decision(&key) {
            return Ok(decision.clone());
        }
        self.may_start(scope)?;
        let question = self.0.vault.scrubber().text(question).into_owned();
        let (by, yes) = ask(&question);
        let body = Body::Decided {
            by: by.clone(),
            question,
            yes,
        };
        self.0.journal.commit(&key, 1, body).await?;
        Ok((by, yes))
    }

    /// A scope within another one.
    pub fn open_scope(&self, parent: &Scope, word: &str, name: &str, kind: ScopeKind) -> Scope {
        let scope = parent.child(word, name, kind);
        self.announce(&scope, word, name, 0);
        scope
    }

    /// The scope of a fan-out with so many branches, of which so many run at the same time.
    pub fn open_fan_out(&self, parent: &Scope, word: &str, branches: usize, width: usize) -> Scope {
        let scope = parent.child(word, "", ScopeKind::FanOut(width.max(1)));
        self.announce(&scope, word, "", branches as u64);
        scope
    }

    /// The scope of one branch.
    pub fn open_branch(&self, fan_out: &Scope, item: &str) -> Scope {
        let scope = fan_out.branch(item);
        self.announce(&scope, "branch", item, 0);
        scope
    }

    /// Whether a branch was begun by an earlier process: it is played again even where nothing new may begin.
    pub fn has_begun(&self, fan_out: &Scope, item: &str) -> bool {
        self.0.past.has_scope(&fan_out.branch_path(item))
    }

    /// Whether an earlier process opened the next scope of that word in this one.
    pub fn has_next(&self, scope: &Scope, word: &str) -> bool {
        self.0.past.has_scope(&scope.next_child(word))
    }

    /// How an earlier process ended a scope, if it did.
    pub fn recorded_end(&self, scope: &Scope) -> Option<Result<(), Failure>> {
        self.0.past.end_of_scope(scope.path())
    }

    fn announce(&self, scope: &Scope, word: &str, name: &str, branches: u64) {
        if self.recorded_end(scope).is_some() {
            return;
        }
        let width = match scope.kind() {
            ScopeKind::FanOut(width) => *width as u64,
            _ => 1,
        };
        let (kind, key) = (word.to_owned(), scope.path().to_owned());
        let name = self.0.vault.scrubber().text(name).into_owned();
        if !self.0.past.has_scope(&key) {
            let body = Body::ScopeOpen {
                scope: kind.clone(),
                name: name.clone(),
                width,
            };
            self.0.journal.write(&key, 1, body);
        }
        self.emit(What::ScopeStarted {
            key,
            kind,
            name,
            branches,
        });
    }

    /// From now on nothing that is done already, in this branch, is undone.
    pub async fn point_of_no_return(&self, scope: &Scope, why: &str) -> Result<(), CallError> {
        let why = &*self.0.vault.scrubber().text(why);
        let body = Body::CommitPoint { why: why.into() };
        if scope.commits() < self.0.past.commits(scope.path()) {
            scope.commit(why);
            return Ok(());
        }
        self.0.journal.commit(scope.path(), 1, body).await?;
        scope.commit(why);
        Ok(())
    }

    pub(super) fn emit(&self, what: What) {
        let event = Event {
            schema: SCHEMA.into(),
            run: self.0.id.clone(),
            t: self.0.clock.now(),
            what,
        };
        (self.0.sink)(&event);
    }

    /// The readers for one step; its progress is told as that of `step`.
    pub(super) fn readers(&self, step: &Step) -> Readers {
        let run = self.clone();
        let say = Box::new(move |what| run.emit(what));
        let past = self.0.past.step(&step.key);
        let before = past.and_then(|past| past.first.as_ref());
        let call = Call {
            run: self.0.id.clone(),
            key: step.key.clone(),
            seq: step.n,
            before: before.map(|(_, before, _)| before.clone()),
            say,
        };
        Readers {
            call: Arc::new(call),
            ..self.0.readers.clone()
        }
    }

    pub(super) fn next_step(&self) -> u64 {
        self.0.steps.fetch_add(1, Ordering::SeqCst) + 1
    }

    pub(super) fn steps(&self) -> u64 {
        self.0.steps.load(Ordering::SeqCst)
    }

    pub(super) fn since(&self, began: Duration) -> u64 {
        self.0.clock.elapsed().saturating_sub(began).as_millis() as u64
    }

    pub(super) fn took(&self) -> u64 {
        self.since(self.0.began)
    }

    /// Whether a new step or action may begin.
    pub(super) fn may_start(&self, scope: &Scope) -> Result<(), CallError> {
        self.0.journal.is_usable()?;
        let told = self.rehearsal().is_some()
            || self.0.cancel.level() > crate::cancel::Level::Go
            || scope.is_halted();
        if told {
            Err(CallError::Stopped)
        } else {
            Ok(())
        }
    }

    /// As it may be written down: a script may have come by the value of a secret, and passed it on.
    pub(super) fn written(&self, value: Value) -> Value {
        self.0.vault.scrubber().value(value)
    }

    /// The same for a way back.
    pub(super) fn written_undo(&self, undo: Undo) -> Undo {
        match undo {
            Undo::Call { primitive, args } => Undo::Call {
                primitive,
                args: self.written(args),
            },
            Undo::None { why } => Undo::None {
                why: self.clean(&why),
            },
        }
    }

    pub(super) fn scrubbed(&self, failure: Failure) -> Failure {
        let value = crate::erased::to_value(&failure);
        serde_json::from_value(self.0.vault.scrubber().value(value)).unwrap_or(failure)
    }
}

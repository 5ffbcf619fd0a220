//! Drivers reach into the world: a half that can only read, and a half that takes a permit.

use crate::clock::{Clock, Random};
use crate::event::What;
use crate::failure::{CallError, Failure, Result};
use crate::handle::Handle;
use crate::journal::{Body, Journal};
use crate::lease::Holder;
use crate::run::blob::{BlobRef, Blobs};
use crate::secret::Vault;
use crate::spec::Field;
use futures_util::future::BoxFuture;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::any::{Any, TypeId};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// Reaches one kind of server. Connections live in it, pooled by handle; it is shared by all branches.
pub trait Driver: Send + Sync + 'static {
    /// What observers get; it has no call that could change anything.
    type Reader: Send + Sync;
    /// What actions get.
    type Writer: Send + Sync;
    /// The key of `pb.toml` that makes a table its handle; empty for drivers without handles.
    const KEY: &'static str;

    /// The keys of such a table.
    fn config() -> Vec<Field>
    where
        Self: Sized,
    {
        vec![]
    }

    /// Refuses a table whose keys are right and whose values are not, such as one that holds a password.
    fn check(_config: &Map<String, Value>) -> Result<()>
    where
        Self: Sized,
    {
        Ok(())
    }

    /// The half that reads.
    fn reader(&self) -> &Self::Reader;
    /// The half that writes.
    fn writer(&self) -> &Self::Writer;

    /// What tells this server from every other one, such as its system identifier; recorded before the first effect.
    fn identity<'a>(
        &'a self,
        _read: &'a Readers,
        _handle: &'a Handle,
    ) -> BoxFuture<'a, Result<Option<Value>>> {
        Box::pin(async { Ok(None) })
    }

    /// Ends what a dead process of this run left running on the server, or waits for it, so that nothing changes any
    /// more while doubt is settled.
    fn settle<'a>(&'a self, _read: &'a Readers, _handle: &'a Handle) -> BoxFuture<'a, Result<()>> {
        Box::pin(async { Ok(()) })
    }

    /// Takes the server for the run, where runs can exclude one another on it: from then on it refuses the effects of every
    /// other run. Gives the number of the taking, which grows.
    ///
    /// # Errors
    /// `PB0019` when a run that lives has it, `PB0018` when one has it that has neither ended nor been undone.
    fn hold<'a>(
        &'a self,
        _read: &'a Readers,
        _handle: &'a Handle,
        _holder: &'a Holder,
    ) -> BoxFuture<'a, Result<Option<u64>>> {
        Box::pin(async { Ok(None) })
    }

    /// Makes sure that the server is still the run's.
    ///
    /// # Errors
    /// `PB0022` when another run has taken it.
    fn holds<'a>(&'a self, _read: &'a Readers, _handle: &'a Handle) -> BoxFuture<'a, Result<()>> {
        Box::pin(async { Ok(()) })
    }

    /// Gives the server back: the run has ended.
    fn release<'a>(&'a self, _read: &'a Readers, _handle: &'a Handle) -> BoxFuture<'a, ()> {
        Box::pin(async {})
    }

    /// A property of a handle as scripts see it, such as `db.url`.
    fn property(&self, _handle: &Handle, _name: &str) -> Option<Value> {
        None
    }
}

/// What a driver asks of its tables in `pb.toml`.
pub struct Table {
    /// The keys.
    pub fields: Vec<Field>,
    /// See `Driver::check`.
    pub check: fn(&Map<String, Value>) -> Result<()>,
}

trait AnyDriver: Send + Sync {
    fn identity<'a>(
        &'a self,
        read: &'a Readers,
        handle: &'a Handle,
    ) -> BoxFuture<'a, Result<Option<Value>>>;
    fn settle<'a>(&'a self, read: &'a Readers, handle: &'a Handle) -> BoxFuture<'a, Result<()>>;
    fn hold<'a>(
        &'a self,
        read: &'a Readers,
        handle: &'a Handle,
        holder: &'a Holder,
    ) -> BoxFuture<'a, Result<Option<u64>>>;
    fn holds<'a>(&'a self, read: &'a Readers, handle: &'a Handle) -> BoxFuture<'a, Result<()>>;
    fn release<'a>(&'a self, read: &'a Readers, handle: &'a Handle) -> BoxFuture<'a, ()>;
    fn property(&self, handle: &Handle, name: &str) -> Option<Value>;
}

impl<D: Driver> AnyDriver for D {
    fn identity<'a>(
        &'a self,
        read: &'a Readers,
        handle: &'a Handle,
    ) -> BoxFuture<'a, Result<Option<Value>>> {
        Driver::identity(self, read, handle)
    }
    fn settle<'a>(&'a self, read: &'a Readers, handle: &'a Handle) -> BoxFuture<'a, Result<()>> {
        Driver::settle(self, read, handle)
    }
    fn hold<'a>(
        &'a self,
        read: &'a Readers,
        handle: &'a Handle,
        holder: &'a Holder,
    ) -> BoxFuture<'a, Result<Option<u64>>> {
        Driver::hold(self, read, handle, holder)
    }
    fn holds<'a>(&'a self, read: &'a Readers, handle: &'a Handle) -> BoxFuture<'a, Result<()>> {
        Driver::holds(self, read, handle)
    }
    fn release<'a>(&'a self, read: &'a Readers, handle: &'a Handle) -> BoxFuture<'a, ()> {
        Driver::release(self, read, handle)
    }
    fn property(&self, handle: &Handle, name: &str) -> Option<Value> {
        Driver::property(self, handle, name)
    }
}

/// The drivers of a run.
#[derive(Default)]
pub struct Drivers {
    by_type: HashMap<TypeId, Arc<dyn Any + Send + Sync>>,
    by_key: HashMap<&'static str, Arc<dyn AnyDriver>>,
    tables: BTreeMap<&'static str, Table>,
}

impl Drivers {
    /// Adds one.
    pub fn add<D: Driver>(&mut self, driver: D) {
        let driver = Arc::new(driver);
        self.by_type.insert(TypeId::of::<D>(), driver.clone());
        if !D::KEY.is_empty() {
            self.by_key.insert(D::KEY, driver);
            let (fields, check) = (D::config(), D::check as fn(&_) -> _);
            self.tables.insert(D::KEY, Table { fields, check });
        }
    }

    /// The drivers whose tables of `pb.toml` are handles, by the key that makes them so.
    pub fn tables(&self) -> &BTreeMap<&'static str, Table> {
        &self.tables
    }

    /// A property of a handle as scripts see it.
    pub fn property(&self, handle: &Handle, name: &str) -> Option<Value> {
        self.by_key
            .get(handle.driver.as_str())?
            .property(handle, name)
    }

    fn of<D: Driver>(&self) -> &D {
        let driver = self
            .by_type
            .get(&TypeId::of::<D>())
            .and_then(|d| d.downcast_ref());
        driver.expect("a primitive is registered together with the drivers it uses")
    }
}

/// What belongs to the call that is running.
pub(crate) struct Call {
    pub(crate) run: String,
    pub(crate) key: String,
    pub(crate) seq: u64,
    /// What an earlier process of the run saw before the first action of the step.
    pub(crate) before: Option<Value>,
    /// Takes progress; nothing is said where the call is not a step of its own.
    pub(crate) say: Box<dyn Fn(What) + Send + Sync>,
}

/// The reading halves of all drivers, for one call.
#[derive(Clone)]
pub struct Readers {
    pub(crate) drivers: Arc<Drivers>,
    pub(crate) vault: Arc<Vault>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) blobs: Arc<Blobs>,
    pub(crate) call: Arc<Call>,
}

impl Readers {
    /// The reading half of a driver.
    pub fn of<D: Driver>(&self) -> &D::Reader {
        self.drivers.of::<D>().reader()
    }

    /// Exposes and fingerprints secrets.
    pub fn vault(&self) -> &Vault {
        &self.vault
    }

    /// The run's clock.
    pub fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    /// A number below `limit`, for jitter and names.
    pub fn random_below(&self, limit: u64) -> u64 {
        let mut bytes = [0; 8];
        self.random.fill(&mut bytes);
        u64::from_le_bytes(bytes) % limit.max(1)
    }

    /// Id of the run, for labels and `application_name`.
    pub fn run(&self) -> &str {
        &self.call.run
    }

    /// Key of the step, for labels.
    pub fn key(&self) -> &str {
        &self.call.key
    }

    /// Ordinal of the step in its run.
    pub fn seq(&self) -> u64 {
        self.call.seq
    }

    /// Keeps the bytes of a file in the journal; resume and undo read them from there.
    pub fn keep_file(&self, text: &str) -> BlobRef {
        self.blobs.put(text)
    }

    /// The bytes that `keep_file` kept, in this run or before.
    pub fn kept_file(&self, file: &BlobRef) -> Result<Arc<str>> {
        self.blobs.get(file)
    }

    /// The facts that an earlier process of the run acted on when it began this step; `None` when none did. A step goes on
    /// with the files that it began with, whatever was edited since.
    ///
    /// # Errors
    /// Facts of another shape.
    pub fn begun_with<F: DeserializeOwned>(&self) -> Result<Option<F>> {
        let before = self.call.before.clone();
        let facts = before.map(serde_json::from_value).transpose();
        facts.map_err(|error| Failure::broken("facts", error))
    }

    /// Says what is being waited for or done.
    pub fn progress(&self, text: impl Into<String>) {
        self.say(text.into(), None);
    }

    /// Says how much of how much is done.
    pub fn progress_of(&self, text: impl Into<String>, done: u64, all: u64) {
        self.say(text.into(), Some((done, all)));
    }

    fn say(&self, text: String, done: Option<(u64, u64)>) {
        let text = self.vault.scrubber().text(&text).into_owned();
        (self.call.say)(What::StepProgress {
            key: self.call.key.clone(),
            text,
            done,
        });
    }

    pub(crate) async fn identity(&self, handle: &Handle) -> Result<Option<Value>> {
        self.driver(handle)?.identity(self, handle).await
    }

    /// See `Driver::settle`.
    pub(crate) async fn settle(&self, handle: &Handle) -> Result<()> {
        self.driver(handle)?.settle(self, handle).await
    }

    /// See `Driver::hold`.
    pub(crate) async fn hold(&self, handle: &Handle, holder: &Holder) -> Result<Option<u64>> {
        self.driver(handle)?.hold(self, handle, holder).await
    }

    /// See `Driver::holds`.
    pub(crate) async fn holds(&self, handle: &Handle) -> Result<()> {
        self.driver(handle)?.holds(self, handle).await
    }

    /// See `Driver::release`.
    pub(crate) async fn release(&self, handle: &Handle) {
        if let Ok(driver) = self.driver(handle) {
            driver.release(self, handle).await;
        }
    }

    fn driver(&self, handle: &Handle) -> Result<&dyn AnyDriver> {
        let driver = self.drivers.by_key.get(handle.driver.as_str());
        driver
            .map(|driver| &**driver)
            .ok_or_else(|| Failure::broken("handle", format!("no driver `{}`", handle.driver)))
    }
}

/// Both halves of all drivers, for one action.
pub struct World {
    pub(crate) readers: Readers,
    /// `None` where nothing is written down action by action.
    pub(crate) evidence: Option<EvidenceOf>,
}

/// Which action evidence is about.
pub(crate) struct EvidenceOf {
    pub(crate) journal: Arc<Journal>,
    pub(crate) key: String,
    pub(crate) generation: u32,
    pub(crate) action: u32,
}

impl World {
    /// The writing half of a driver.
    pub fn of<D: Driver>(&self, _permit: &Permit) -> &D::Writer {
        self.readers.drivers.of::<D>().writer()
    }

    /// The reading halves.
    pub fn read(&self) -> &Readers {
        &self.readers
    }

    /// Writes down what tells later whether the action took effect: durable when it returns, so that the moment that
    /// decides, such as COMMIT, may come next.
    ///
    /// # Errors
    /// `PB0007` when the journal cannot be written; the action must not go on then.
    pub async fn keep_evidence(&self, value: Value) -> Result<()> {
        let Some(of) = &self.evidence else {
            return Ok(());
        };
        let action = of.action;
        let body = Body::Evidence { action, value };
        let kept = of.journal.commit(&of.key, of.generation, body).await;
        kept.map_err(|error| match error {
            CallError::Failed(failure) | CallError::Fatal(failure) => *failure,
            CallError::Stopped => Failure::broken("journal", "stopped"),
        })
    }
}

/// Proof that the runner has written down what is about to be done. Only the runner can make one.
#[derive(Debug)]
pub struct Permit {
    pub(crate) _made_by_the_runner: (),
}

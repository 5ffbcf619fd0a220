//! The branches of a fan-out: one for each item, each on a thread of its own, each undone by itself when it fails.

use super::scopes::close;
use crate::context::Stored;
use crate::planning::Unknown;
use crate::session::Session;
use crate::shown;
use crate::thrown;
use crate::values::{HandleValue, Record};
use pb_core::run::Scope;
use pb_core::{CallError, Failure, code};
use rhai::{Array, Dynamic, Engine, FnPtr, Map, NativeCallContext};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

/// A script recurses on its thread's stack.
pub(crate) const STACK: usize = 16 << 20;

/// A branch that is to run.
pub(super) struct Branch {
    pub(super) id: String,
    pub(super) body: FnPtr,
    pub(super) args: Vec<Dynamic>,
}

/// One branch per item of a list.
pub(super) fn branches(word: &str, list: &Dynamic, body: &FnPtr) -> Result<Vec<Branch>, Failure> {
    if let Some(unknown) = list.read_lock::<Unknown>() {
        // Planned once for all of them.
        let item = format!("each of {}", unknown.0);
        return Ok(vec![Branch {
            id: format!("‹{item}›"),
            body: body.clone(),
            args: vec![Unknown::of(item)],
        }]);
    }
    let Some(items) = list.clone().try_cast::<Array>() else {
        return Err(Failure::new(
            &code::WRONG_TYPE,
            format!("`{word}` takes a list, not {}", shown::kind(list)),
        ));
    };
    let mut branches: Vec<Branch> = vec![];
    for item in items {
        let id = item_id(&item).ok_or_else(|| {
            Failure::new(
                &code::DUPLICATE_KEY,
                format!(
                    "an item of `{word}` has no name: it is {}",
                    shown::kind(&item)
                ),
            )
            .because("items are texts, whole numbers, handles, or maps with an `id` or a `name`")
        })?;
        if branches.iter().any(|known| known.id == id) {
            return Err(Failure::new(
                &code::DUPLICATE_KEY,
                format!("`{id}` is twice in the list given to `{word}`"),
            ));
        }
        branches.push(Branch {
            id,
            body: body.clone(),
            args: vec![item],
        });
    }
    Ok(branches)
}

/// What tells an item from the others, in keys and in reports.
fn item_id(item: &Dynamic) -> Option<String> {
    let named = |map: &Map| {
        ["id", "name"]
            .iter()
            .find_map(|key| map.get(*key).and_then(item_id))
    };
    if let Ok(n) = item.as_int() {
        return Some(n.to_string());
    }
    if item.is_string() {
        return item.clone().into_string().ok();
    }
    if let Some(handle) = item.read_lock::<HandleValue>() {
        return Some(handle.0.name.clone());
    }
    if item.is::<Unknown>() {
        return shown::text(item);
    }
    if let Some(record) = item.read_lock::<Record>() {
        return named(&record.0);
    }
    item.read_lock::<Map>().and_then(|map| named(&map))
}

/// The branches of one fan-out and what came of them.
pub(super) struct Work<'a> {
    session: &'a Session,
    engine: &'a Engine,
    context: Stored,
    fan_out: &'a Scope,
    max_failures: u32,
    values: Vec<Dynamic>,
    failed: Vec<(String, Failure)>,
}

impl<'a> Work<'a> {
    pub(super) fn new(
        session: &'a Session,
        context: &'a NativeCallContext<'a>,
        fan_out: &'a Scope,
        max_failures: u32,
    ) -> Self {
        let (values, failed) = (vec![], vec![]);
        Self {
            session,
            engine: context.engine(),
            context: Stored::of(context),
            fan_out,
            max_failures,
            values,
            failed,
        }
    }

    /// Runs branches, so many at the same time. Fails once more of them failed than may.
    pub(super) fn run(&mut self, branches: &[Branch], width: usize) -> Result<(), CallError> {
        let next = AtomicUsize::new(0);
        let failed = AtomicUsize::new(self.failed.len());
        let results: Vec<_> = branches.iter().map(|_| Mutex::new(None)).collect();
        let work = || {
            while let Some(i) =
                Some(next.fetch_add(1, Ordering::SeqCst)).filter(|i| *i < branches.len())
            {
                let result = self.branch(&branches[i]);
                let too_many = match &result {
                    Ok(_) => false,
                    Err(CallError::Failed(_)) => {
                        failed.fetch_add(1, Ordering::SeqCst) + 1 > self.max_failures as usize
                    }
                    Err(_) => true,
                };
                if too_many {
                    self.fan_out.halt();
                }
                *results[i].lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
            }
        };
        thread::scope(|scope| {
            // A plan goes one way at a time, and the same way again.
            let width = if self.session.run.is_plan() { 1 } else { width };
            for _ in 0..width.min(branches.len()) {
                let thread = thread::Builder::new()
                    .name("branch".into())
                    .stack_size(STACK);
                if let Err(error) = thread.spawn_scoped(scope, work) {
                    // With fewer threads the work takes longer; with none it cannot be done here.
                    self.session.run.note(
                        self.fan_out,
                        &format!("a thread could not be started: {error}"),
                    );
                }
            }
        });
        for (branch, result) in branches.iter().zip(results) {
            match result.into_inner().unwrap_or_else(PoisonError::into_inner) {
                Some(Ok(value)) => self.values.push(value),
                Some(Err(CallError::Failed(failure))) => {
                    self.values.push(Dynamic::UNIT);
                    self.failed.push((branch.id.clone(), *failure));
                }
                Some(Err(CallError::Fatal(failure))) => return Err(CallError::Fatal(failure)),
                // Stopped, by the run or by the failure of a sibling, or never begun.
                Some(Err(CallError::Stopped)) | None => {}
            }
        }
        if self.session.run.cancel().level() > pb_core::cancel::Level::Go {
            return Err(CallError::Stopped);
        }
        if self.failed.len() <= self.max_failures as usize {
            return Ok(());
        }
        Err(self.failure().into())
    }

    /// One branch: a savepoint of its own.
    fn branch(&self, branch: &Branch) -> Result<Dynamic, CallError> {
        thrown::start_afresh();
        let session = self.session;
        if self.fan_out.is_halted() && !session.run.has_begun(self.fan_out, &branch.id) {
            return Err(CallError::Stopped);
        }
        let scope = session.run.open_branch(self.fan_out, &branch.id);
        let result = session.stored(
            &self.context,
            self.engine,
            &branch.body,
            &scope,
            branch.args.clone(),
        );
        match result {
            // A sibling failed: this one is undone too, and it is the sibling's error that counts.
            Err(CallError::Stopped)
                if session.run.cancel().level() == pb_core::cancel::Level::Go =>
            {
                let mut stopped =
                    Failure::new(&code::SCRIPT, "stopped, because another branch failed");
                session.wait(
                    session
                        .run
                        .close_scope(&scope, "branch", Some(&mut stopped)),
                )?;
                if stopped.frozen {
                    Err(stopped.into())
                } else {
                    Err(CallError::Stopped)
                }
            }
            other => close(session, &scope, "branch", other),
        }
    }

    /// The first error, with what else failed.
    fn failure(&mut self) -> Failure {
        let stuck = self
            .failed
            .iter()
            .position(|(_, failure)| failure.frozen)
            .unwrap_or(0);
        let (_, mut failure) = self.failed.remove(stuck);
        for (id, other) in &self.failed {
            failure
                .because
                .push(format!("`{id}` failed too: {}", other.message));
            failure.state.extend(other.state.iter().cloned());
        }
        if self.max_failures > 0 {
            failure
                .because
                .push(format!("`max_failures` allows {}", self.max_failures));
        }
        failure
    }

    /// The values in the order of the list; `()` for members that failed and may.
    pub(super) fn values(&mut self) -> Result<Dynamic, CallError> {
        for (id, failure) in &self.failed {
            self.session.run.note(
                self.fan_out,
                &format!("`{id}` failed, which `max_failures` allows: {failure}"),
            );
        }
        Ok(std::mem::take(&mut self.values).into())
    }
}

//! Plays a script over the world as it is, read only: every call is observed and decided, and nothing acts.

use super::past::Past;
use super::scope::Scope;
use super::setup::{Mode, Run, Setup};
use super::step::{Request, UndoWish, find_handles, finished, outside_transactions};
use crate::code;
use crate::driver::Readers;
use crate::effect::Class;
use crate::erased::{AnyAction, DynPrimitive};
use crate::event::Step;
use crate::failure::{CallError, Failure, Result, Site};
use crate::handle::Handle;
use crate::journal::{self, Journal};
use crate::plan::{Planned, PlannedState, RUN, Remark, WayBack};
use crate::primitive::{Decision, Survey, Undo};
use crate::subject::Subject;
use crate::unknown;
use futures_util::future::{Either, select};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, HashMap};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A gate's one look takes no longer.
const LONGEST_LOOK: Duration = Duration::from_secs(5);

/// What was read of the world: each thing once, however many ways the plan goes.
#[derive(Default)]
pub struct Looks {
    facts: Mutex<HashMap<(String, String), Result<Value>>>,
    surveys: Mutex<HashMap<(String, String), Survey>>,
    servers: Mutex<BTreeMap<String, Value>>,
}

/// One way through the script.
pub(super) struct Planning {
    looks: Arc<Looks>,
    way: Mutex<Way>,
}

#[derive(Default)]
struct Way {
    met: Vec<Met>,
    changed: Vec<(u64, Vec<Subject>)>,
    /// The first step of which nobody can tell what it touches.
    anything: Option<u64>,
}

/// What one way came by, in order.
#[derive(Debug, Clone, PartialEq)]
pub enum Met {
    /// A call of a primitive.
    Step(Box<Planned>),
    /// What a word says or asks.
    Remark(Remark),
    /// An answer that was assumed.
    Assumed {
        /// What was asked.
        on: String,
        /// Where.
        site: Site,
        /// The answer.
        answer: String,
    },
}

impl Looks {
    /// Which servers were read, by the name of their handle.
    pub fn servers(&self) -> BTreeMap<String, Value> {
        lock(&self.servers).clone()
    }
}

impl Planning {
    fn way(&self) -> MutexGuard<'_, Way> {
        lock(&self.way)
    }

    /// The newest step before that may change what these are.
    fn may_have_changed(&self, subjects: &[Subject]) -> Option<u64> {
        let newest = self.newest(subjects, Subject::may_be);
        newest.max(self.way().anything)
    }

    /// The newest step before that changes one of these.
    fn changed(&self, subjects: &[Subject]) -> Option<u64> {
        self.newest(subjects, Subject::is_part_of)
    }

    fn newest(&self, subjects: &[Subject], meet: fn(&Subject, &Subject) -> bool) -> Option<u64> {
        let way = self.way();
        let meets =
            |changed: &[Subject]| changed.iter().any(|c| subjects.iter().any(|s| meet(s, c)));
        let newest = way.changed.iter().rev().find(|(_, changed)| meets(changed));
        newest.map(|(n, _)| *n)
    }

    fn has_changed(&self) -> bool {
        let way = self.way();
        way.anything.is_some() || !way.changed.is_empty()
    }

    fn will_change(&self, step: &Step, subjects: Option<Vec<Subject>>) {
        let mut way = self.way();
        match subjects {
            Some(subjects) => way.changed.push((step.n, subjects)),
            None => {
                way.anything.get_or_insert(step.n);
            }
        }
    }
}

impl Run {
    /// A run that reads and decides, and does nothing. Its journal goes where the caller says, and is of no use.
    pub fn plan(setup: Setup, looks: Arc<Looks>) -> Self {
        let way = Mutex::default();
        let mode = Mode::Planning(Planning { looks, way });
        let setup = Setup {
            id: RUN.into(),
            ..setup
        };
        Self::over(setup, Past::default(), mode, Journal::new)
    }

    /// Whether nothing is done, only planned.
    pub fn is_plan(&self) -> bool {
        self.planning().is_some()
    }

    pub(super) fn planning(&self) -> Option<&Planning> {
        match &self.0.mode {
            Mode::Planning(planning) => Some(planning),
            Mode::Acting | Mode::Rehearsing(_) => None,
        }
    }

    /// Adds to the way what the language met; nothing where nothing is planned.
    pub fn met(&self, met: Met) {
        if let Some(planning) = self.planning() {
            planning.way().met.push(met);
        }
    }

    /// What the way came by.
    pub fn way(&self) -> Vec<Met> {
        self.planning()
            .map(|planning| planning.way().met.clone())
            .unwrap_or_default()
    }

    /// A call whose arguments only the run can tell.
    pub(super) fn plan_unknown(
        &self,
        planning: &Planning,
        scope: &Scope,
        primitive: &dyn DynPrimitive,
        request: &Request,
        origin: &str,
    ) -> Result<Value, CallError> {
        let step = self.plan_step(scope, request, String::new())?;
        let mut planned = planned(primitive, &step, request);
        planned.why = Some(format!("it is called with `{origin}`"));
        if acts(primitive) {
            planning.will_change(&step, None);
        }
        planning.way().met.push(Met::Step(Box::new(planned)));
        Ok(result_of(primitive, &step, Map::new()))
    }

    /// A call as it is planned, and the value that the script goes on with.
    pub(super) async fn plan_call(
        &self,
        planning: &Planning,
        scope: &Scope,
        primitive: &dyn DynPrimitive,
        request: &Request,
    ) -> Result<Value, CallError> {
        let located = |mut failure: Failure| {
            failure.chain.clone_from(&request.site);
            CallError::from(self.scrubbed(failure))
        };
        let subjects = primitive.subjects(&request.args)?;
        let place = subjects.first().map(|s| self.clean(&s.name));
        let step = self.plan_step(scope, request, place.unwrap_or_default())?;
        let args = outside_transactions(&request.args);
        let call = Call {
            run: self,
            planning,
            primitive,
            step: &step,
            args: &args,
            readers: self.readers(&step),
        };
        let mut planned = planned(primitive, &step, request);
        planned.after = match primitive.spec().class {
            Class::Read | Class::Gate => planning.may_have_changed(&subjects),
            Class::Ensure => planning.changed(&subjects),
            Class::Every => None,
        };
        let value = match primitive.spec().class {
            Class::Read => call.read(&mut planned).await,
            Class::Gate => call.gate(&mut planned).await,
            Class::Ensure | Class::Every => call.act(scope, request, &mut planned, subjects).await,
        };
        let value = value.map_err(located)?;
        planning.way().met.push(Met::Step(Box::new(planned)));
        Ok(value)
    }

    fn plan_step(
        &self,
        scope: &Scope,
        request: &Request,
        place: String,
    ) -> Result<Step, CallError> {
        self.may_start(scope)?;
        Ok(Step {
            key: scope.next_key(&request.name, request.common.id.as_deref())?,
            n: self.next_step(),
            name: request.name.clone(),
            place,
        })
    }
}

/// One call while it is planned.
struct Call<'a> {
    run: &'a Run,
    planning: &'a Planning,
    primitive: &'a dyn DynPrimitive,
    step: &'a Step,
    args: &'a Value,
    readers: Readers,
}

impl Call<'_> {
    async fn read(&self, planned: &mut Planned) -> Result<Value> {
        if let Some(n) = planned.after {
            planned.why = Some(format!("it is read after step {n}"));
            return Ok(result_of(self.primitive, self.step, Map::new()));
        }
        let facts = self.observe().await?;
        self.primitive.decide(self.args, &facts)?;
        planned.state = PlannedState::Read;
        let value = self.value(&facts)?;
        planned.seen = seen(&value);
        Ok(value)
    }

    /// Looks once: whether it will open after what is planned before it, nobody can tell.
    async fn gate(&self, planned: &mut Planned) -> Result<Value> {
        let pace = self.primitive.pace(self.args)?;
        planned.waits = pace.map(|pace| pace.deadline.0.as_secs_f64());
        let why = match self.observe().await {
            Err(failure) => Some(failure.message),
            Ok(facts) => match self.primitive.decide(self.args, &facts)? {
                Decision::Wait(why) => Some(why),
                Decision::Nothing | Decision::Act(_) if planned.after.is_none() => {
                    planned.state = PlannedState::Open;
                    return self.value(&facts);
                }
                Decision::Nothing | Decision::Act(_) => None,
            },
        };
        planned.state = PlannedState::Waits;
        planned.why = why.map(|why| self.run.clean(&why));
        Ok(result_of(self.primitive, self.step, Map::new()))
    }

    async fn act(
        &self,
        scope: &Scope,
        request: &Request,
        planned: &mut Planned,
        subjects: Vec<Subject>,
    ) -> Result<Value> {
        let primitive = self.primitive;
        let decided = match self.observe().await {
            Ok(facts) => match primitive.decide(self.args, &facts) {
                Ok(decision) => Ok((facts, decision)),
                Err(failure) => Err(failure),
            },
            Err(failure) => Err(failure),
        };
        let (facts, decision) = match decided {
            Ok(decided) => decided,
            // What is planned before it may make it possible.
            Err(failure) if self.planning.has_changed() => {
                planned.why = Some(format!("not as things are now: {}", failure.message));
                self.planning.will_change(self.step, Some(subjects));
                return Ok(result_of(primitive, self.step, Map::new()));
            }
            Err(failure) => return Err(failure),
        };
        let every = primitive.spec().class == Class::Every;
        let actions = match decision {
            Decision::Wait(why) => {
                planned.state = PlannedState::Waits;
                planned.why = Some(why);
                return Ok(result_of(primitive, self.step, Map::new()));
            }
            Decision::Nothing => {
                planned.state = PlannedState::Nothing;
                if every {
                    planned.after = self.planning.may_have_changed(&subjects);
                }
                planned.seen = seen(&facts);
                return match planned.after {
                    None => self.value(&facts),
                    Some(_) => Ok(result_of(primitive, self.step, Map::new())),
                };
            }
            Decision::Act(stages) => in_order(stages),
        };
        planned.state = match primitive.runs_every_time(self.args)? {
            true => PlannedState::Every,
            false => PlannedState::Change,
        };
        planned.seen = seen(&facts);
        planned.actions = actions.iter().map(|a| self.run.clean(&a.text)).collect();
        planned.undo = Some(self.way_back(scope, request, &facts)?);
        let values: Vec<Value> = actions.into_iter().map(|action| action.value).collect();
        planned.survey = self.survey(&facts, &values).await;
        let mut told = primitive.foresee(self.args, &facts, &values)?;
        if planned.after.is_some() {
            told.clear();
        }
        told.insert("changed".into(), true.into());
        self.planning.will_change(self.step, Some(subjects));
        Ok(result_of(primitive, self.step, told))
    }

    fn way_back(&self, scope: &Scope, request: &Request, facts: &Value) -> Result<WayBack> {
        if request.common.undo == Some(UndoWish::None) {
            return Ok(WayBack::None("the playbook says `undo: \"none\"`".into()));
        }
        if scope.freezes() {
            return Ok(WayBack::None(
                "its savepoint says `on_fail: \"freeze\"`".into(),
            ));
        }
        let undo = self.primitive.undo(self.args, facts)?;
        Ok(match (undo, scope.in_transaction()) {
            (Undo::Call { primitive, .. }, true) => WayBack::Transaction(Some(primitive)),
            (Undo::None { .. }, true) => WayBack::Transaction(None),
            (Undo::Call { primitive, .. }, false) => WayBack::By(primitive),
            (Undo::None { why }, false) => WayBack::None(self.run.clean(&why)),
        })
    }

    /// The value of a call that changes nothing.
    fn value(&self, facts: &Value) -> Result<Value> {
        let value = self.primitive.result(self.args, facts, facts, &[])?;
        let value = self.readers.vault().scrubber().value(value);
        let changed = matches!(self.primitive.spec().class, Class::Ensure | Class::Every);
        let mut value = finished(value, changed.then_some(false), 0, None);
        if let Value::Object(map) = &mut value {
            map.insert("took".into(), self.unknown("took").into());
            let result = &self.primitive.spec().result;
            for field in result.iter().filter(|field| field.passing) {
                map.insert(field.name.clone(), self.unknown(&field.name).into());
            }
            if self.primitive.spec().class == Class::Gate {
                map.insert("attempts".into(), self.unknown("attempts").into());
            }
        }
        Ok(value)
    }

    fn unknown(&self, key: &str) -> String {
        unknown::unknown(&format!("{}.{key}", self.step.shown()))
    }

    async fn observe(&self) -> Result<Value> {
        let look = (self.step.key.clone(), self.args.to_string());
        if let Some(known) = lock(&self.planning.looks.facts).get(&look) {
            return known.clone();
        }
        let limit = pin!(self.readers.clock().sleep(LONGEST_LOOK));
        let is_gate = self.primitive.spec().class == Class::Gate;
        let observe = self.primitive.observe(&self.readers, self.args);
        let facts = if is_gate {
            match select(observe, limit).await {
                Either::Left((facts, _)) => facts,
                Either::Right(_) => {
                    let message = format!("nothing answered within {} s", LONGEST_LOOK.as_secs());
                    Err(Failure::new(&code::WAIT, message))
                }
            }
        } else {
            observe.await
        };
        let facts = facts.map(|facts| self.readers.vault().scrubber().value(facts));
        if facts.is_ok() {
            self.who_was_asked().await;
        }
        lock(&self.planning.looks.facts).insert(look, facts.clone());
        facts
    }

    /// Which servers the call reads; one that does not tell is left out.
    async fn who_was_asked(&self) {
        let mut handles: Vec<Handle> = vec![];
        find_handles(self.args, &mut handles);
        for handle in handles {
            if lock(&self.planning.looks.servers).contains_key(&handle.name) {
                continue;
            }
            if let Ok(Some(identity)) = self.readers.identity(&handle).await {
                lock(&self.planning.looks.servers).insert(handle.name.clone(), identity);
            }
        }
    }

    async fn survey(&self, facts: &Value, actions: &[Value]) -> Survey {
        let look = (self.step.key.clone(), self.args.to_string());
        if let Some(known) = lock(&self.planning.looks.surveys).get(&look) {
            return known.clone();
        }
        let survey = self
            .primitive
            .survey(&self.readers, self.args, facts, actions);
        let survey = survey.await.unwrap_or_else(|failure| Survey {
            details: vec![format!("not looked at: {}", failure.message)],
            obstacles: vec![],
        });
        let clean = |lines: Vec<String>| lines.iter().map(|line| self.run.clean(line)).collect();
        let survey = Survey {
            details: clean(survey.details),
            obstacles: clean(survey.obstacles),
        };
        lock(&self.planning.looks.surveys).insert(look, survey.clone());
        survey
    }
}

fn planned(primitive: &dyn DynPrimitive, step: &Step, request: &Request) -> Planned {
    Planned {
        key: step.key.clone(),
        also: vec![],
        n: step.n,
        name: step.name.clone(),
        place: step.place.clone(),
        site: request.site.clone(),
        state: PlannedState::Unknown,
        changes: acts(primitive),
        actions: vec![],
        undo: None,
        survey: Survey::default(),
        why: None,
        after: None,
        waits: None,
        args: request.hash(),
        seen: String::new(),
    }
}

/// What the script gets of a call: what is told, and for the other keys that only the run can tell.
fn result_of(primitive: &dyn DynPrimitive, step: &Step, mut told: Map<String, Value>) -> Value {
    let spec = primitive.spec();
    if !spec.gives {
        return Value::Null;
    }
    if spec.result.is_empty() {
        return unknown::unknown(step.shown()).into();
    }
    let added: &[&str] = match spec.class {
        Class::Read => &["took"],
        Class::Gate => &["took", "attempts"],
        Class::Ensure | Class::Every => &["took", "changed"],
    };
    let names = spec.result.iter().map(|field| field.name.as_str());
    for name in names.chain(added.iter().copied()) {
        if !told.contains_key(name) {
            let unknown = unknown::unknown(&format!("{}.{name}", step.shown()));
            told.insert(name.to_owned(), unknown.into());
        }
    }
    told.into()
}

fn acts(primitive: &dyn DynPrimitive) -> bool {
    matches!(primitive.spec().class, Class::Ensure | Class::Every)
}

fn in_order(stages: Vec<Vec<Vec<AnyAction>>>) -> Vec<AnyAction> {
    stages.into_iter().flatten().flatten().collect()
}

fn seen(facts: &Value) -> String {
    journal::hash(facts.to_string().as_bytes())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

//! Rhai as playbooks see it: what is there, what is not, and the limits.

use crate::limits::Limits;
use crate::resolver::Resolver;
use crate::session::{Session, Tag};
use crate::values::{HandleValue, property};
use crate::{calls, convert, planning, thrown, values, words};
use rhai::packages::{
    BasicArrayPackage, BasicBlobPackage, BasicMapPackage, BasicMathPackage, BitFieldPackage,
    CorePackage, LogicPackage, MoreStringPackage, Package,
};
use rhai::{Dynamic, Engine, ImmutableString, Map, OptimizationLevel};
use std::sync::{Arc, Once};

/// An engine that parses playbooks and runs nothing.
pub(crate) fn parser() -> Engine {
    static SEED: Once = Once::new();
    // Names of closures depend on it; without a fixed seed they differ from process to process.
    SEED.call_once(|| {
        // An embedder that set a seed of its own keeps it: any fixed one will do.
        rhai::config::hashing::set_hashing_seed(Some([1, 2, 3, 4])).unwrap_or_default();
    });
    let mut engine = Engine::new_raw();
    // The optimizer deletes dead branches and empty loops, and what is checked must be what is written.
    engine.set_optimization_level(OptimizationLevel::None);
    engine.disable_symbol("eval");
    Limits::default().set_on(&mut engine);
    engine
}

/// An engine for one run.
pub(crate) fn for_run(session: &Arc<Session>, limits: &Limits) -> Engine {
    let mut engine = parser();
    limits.set_on(&mut engine);
    limits.watch(&mut engine, session);
    standard(&mut engine);
    engine.set_module_resolver(Resolver::new(session.script.clone()));
    engine.set_default_tag(Dynamic::from(Tag(session.run.root().clone())));
    values::register(&mut engine);
    if session.run.is_plan() {
        planning::register(&mut engine, session);
    }
    handles(&mut engine, session);
    calls::register(&mut engine, session);
    words::register(&mut engine, session);
    engine
}

/// The standard library without its clock: time comes from the run.
pub(crate) fn standard(engine: &mut Engine) {
    CorePackage::new().register_into_engine(engine);
    BitFieldPackage::new().register_into_engine(engine);
    LogicPackage::new().register_into_engine(engine);
    BasicMathPackage::new().register_into_engine(engine);
    BasicArrayPackage::new().register_into_engine(engine);
    BasicBlobPackage::new().register_into_engine(engine);
    BasicMapPackage::new().register_into_engine(engine);
    MoreStringPackage::new().register_into_engine(engine);
}

/// `db.url` and the like.
fn handles(engine: &mut Engine, session: &Arc<Session>) {
    let session = session.clone();
    engine.register_indexer_get(move |handle: &mut HandleValue, name: ImmutableString| {
        let drivers = &session.run.registry().drivers;
        if let Some(value) = drivers.property(&handle.0, &name) {
            return Ok(convert::to_dynamic(&value));
        }
        let named = [
            ("name".into(), Dynamic::from(handle.0.name.clone())),
            ("driver".into(), handle.0.driver.clone().into()),
        ];
        property(&Map::from_iter(named), &name)
    });
}

/// Runs the script of a session to its end.
pub(crate) fn run(
    session: &Arc<Session>,
    limits: &Limits,
) -> Result<serde_json::Value, pb_core::CallError> {
    thrown::start_afresh();
    let engine = for_run(session, limits);
    let result = engine.eval_ast::<Dynamic>(&session.script.root().ast);
    if thrown::is_stopped() && session.fatal.get().is_none() {
        return Err(pb_core::CallError::Stopped);
    }
    match result {
        // A value that is no data, such as a closure, is the author's; it is not the run's result.
        Ok(value) => Ok(convert::to_json("the value of the playbook", &value).unwrap_or_default()),
        Err(error) => Err(thrown::caught(
            *error,
            &session.fatal,
            session.script.name(),
        )),
    }
}

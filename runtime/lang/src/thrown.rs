//! Between errors of Rhai and failures of the kernel. Origin and call chain survive both ways.

use crate::planning;
use crate::shown;
use crate::values::Thrown;
use pb_core::{CallError, Failure, Site, code};
use rhai::{Dynamic, EvalAltResult, Map, Position};
use std::cell::Cell;
use std::sync::{Arc, Mutex, PoisonError};

thread_local! {
    /// Set when this thread was told to stop. A native callback turns the uncatchable error into a catchable one, and
    /// `sort` loses it (rhai 1.27): the flag is read at every operation, so nothing runs on.
    static STOPPED: Cell<bool> = const { Cell::new(false) };
}

/// Why a run cannot go on at all, remembered because no script may swallow it.
#[derive(Debug, Default)]
pub(crate) struct Fatal(Mutex<Option<Failure>>);

impl Fatal {
    pub(crate) fn get(&self) -> Option<Failure> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(crate) fn set(&self, failure: Failure) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get_or_insert(failure);
    }
}

/// Whether this thread was told to stop.
pub(crate) fn is_stopped() -> bool {
    STOPPED.get()
}

/// Forgets it: the thread begins another branch.
pub(crate) fn start_afresh() {
    STOPPED.set(false);
}

/// The error that a native function gives to the script.
pub(crate) fn raise(error: CallError, fatal: &Fatal, position: Position) -> Box<EvalAltResult> {
    match error {
        CallError::Failed(failure) => throw(*failure, position),
        CallError::Stopped => stop(),
        CallError::Fatal(failure) => {
            fatal.set(*failure);
            stop()
        }
    }
}

fn stop() -> Box<EvalAltResult> {
    STOPPED.set(true);
    EvalAltResult::ErrorTerminated(Dynamic::UNIT, Position::NONE).into()
}

/// A failure as a script can catch it.
pub(crate) fn throw(failure: Failure, position: Position) -> Box<EvalAltResult> {
    EvalAltResult::ErrorRuntime(Dynamic::from(Thrown(Arc::new(failure))), position).into()
}

/// What came out of a script, or of a closure, as the kernel understands it. `file` is where it was called.
pub(crate) fn caught(error: EvalAltResult, fatal: &Fatal, file: &str) -> CallError {
    if let Some(failure) = fatal.get() {
        return CallError::Fatal(Box::new(failure));
    }
    let mut frames = vec![];
    let inner = unwrapped(error, file, &mut frames);
    if matches!(inner.0, EvalAltResult::ErrorTerminated(..)) || is_stopped() {
        return CallError::Stopped;
    }
    let (inner, file) = inner;
    let position = inner.position();
    let mut failure = match planning::is_cause(&inner) {
        true => only_the_run(&inner),
        false => failure_of(inner),
    };
    let origin = Site {
        file,
        line: position.line().unwrap_or(0),
        column: position.position().unwrap_or(0),
        call: String::new(),
    };
    if failure.chain.is_empty() && origin.line > 0 {
        failure.chain.push(origin);
    }
    for frame in frames.into_iter().rev() {
        if frame.line > 0
            && !failure.chain.iter().any(|site| {
                site.file == frame.file && site.line == frame.line && site.column == frame.column
            })
        {
            failure.chain.push(frame);
        }
    }
    CallError::Failed(Box::new(failure))
}

/// Takes the calls off an error, outermost first; gives the core and the file it stands in.
fn unwrapped(error: EvalAltResult, file: &str, frames: &mut Vec<Site>) -> (EvalAltResult, String) {
    match error {
        EvalAltResult::ErrorInFunctionCall(name, source, inner, position) => {
            let call = if name.starts_with("anon$") {
                "closure".into()
            } else {
                name
            };
            let (line, column) = (
                position.line().unwrap_or(0),
                position.position().unwrap_or(0),
            );
            frames.push(Site {
                file: file.into(),
                line,
                column,
                call,
            });
            let inside = if source.is_empty() { file } else { &source };
            unwrapped(*inner, inside, frames)
        }
        EvalAltResult::ErrorInModule(name, inner, _) => {
            let inside = if name.is_empty() { file } else { &name };
            unwrapped(*inner, inside, frames)
        }
        other => (other, file.into()),
    }
}

/// A plan that cannot go on.
fn only_the_run(error: &EvalAltResult) -> Failure {
    let message = match error {
        EvalAltResult::ErrorFunctionNotFound(signature, _) => {
            format!("what `{signature}` gives is unknown until run")
        }
        _ => "what is chosen here is unknown until run".to_owned(),
    };
    Failure::new(&code::ONLY_THE_RUN, message)
}

fn failure_of(error: EvalAltResult) -> Failure {
    match error {
        EvalAltResult::ErrorRuntime(value, _) => thrown_value(&value),
        EvalAltResult::ErrorFunctionNotFound(signature, _) => Failure::new(
            &code::UNKNOWN_FUNCTION,
            format!("there is no function `{signature}`"),
        ),
        EvalAltResult::ErrorVariableNotFound(name, _) => {
            Failure::new(&code::SCRIPT, format!("there is no variable `{name}`"))
                .because("functions see their parameters alone, not the variables around them")
        }
        EvalAltResult::ErrorMismatchDataType(wanted, got, _) => {
            let got = shown::kind_named(&got);
            let message = match &*wanted {
                "bool" => format!("a condition was {got}, not true or false"),
                wanted => format!("{} has a place here, not {got}", shown::kind_named(wanted)),
            };
            Failure::new(&code::SCRIPT, message)
        }
        EvalAltResult::ErrorDataRace(name, _) => Failure::new(
            &code::SCRIPT,
            format!("`{name}` was used by its own callback"),
        )
        .because("a value cannot be read while one of its methods runs a closure over it")
        .hint("take what the closure needs out of it before the call"),
        mut other => {
            other.clear_position();
            Failure::new(&code::SCRIPT, other.to_string())
        }
    }
}

/// What a script threw: one of our errors again, a text, or a map of its own.
fn thrown_value(value: &Dynamic) -> Failure {
    if let Some(thrown) = value.read_lock::<Thrown>() {
        return (*thrown.0).clone();
    }
    if let Some(map) = value.read_lock::<Map>() {
        let text = |key: &str| map.get(key).and_then(shown::text);
        let message = text("message").unwrap_or_else(|| shown::within(value));
        let mut failure = Failure::new(&code::THROWN, message);
        failure.kind = text("kind").unwrap_or(failure.kind);
        failure.because.extend(text("because"));
        failure.hint = text("hint");
        if let Some(Ok(serde_json::Value::Object(data))) = map
            .get("data")
            .map(|d| crate::convert::to_json("`data`", d))
        {
            failure.data = data;
        }
        return failure;
    }
    let message = shown::text(value).unwrap_or_else(|| shown::within(value));
    Failure::new(&code::THROWN, message)
}

//! `now`, `timestamp` with its `elapsed`, `sleep`: the run's clock, journalled.

use super::inputs::read_anew;
use super::word::{Group, Made, Takes, Word};
use crate::convert::to_json;
use crate::session::{Native, Session};
use crate::shown;
use crate::values::{Moment, rfc3339};
use pb_core::{CallError, Failure, Span, code};
use rhai::{Dynamic, Engine, INT, NativeCallContext};
use serde_json::Value;
use std::sync::Arc;

pub(super) const NOW: Word = Word {
    name: "now",
    group: Group::Time,
    takes: &[],
    doc: "\
The time in UTC as text, such as `2026-03-01T09:00:00Z`.",
    example: "print(`released at ${now()}`);",
    made: Made::Function(now),
};

pub(super) const TIMESTAMP: Word = Word {
    name: "timestamp",
    group: Group::Time,
    takes: &[],
    doc: "\
A moment; its `elapsed` are the seconds since then, and one minus another are the seconds between them.",
    example: r#"
let began = timestamp();
migrate(target.database, "migrations");
print(`migrated in ${began.elapsed} seconds`);
"#,
    made: Made::Function(timestamp),
};

pub(super) const SLEEP: Word = Word {
    name: "sleep",
    group: Group::Time,
    takes: &[Takes::Value("time")],
    doc: "\
Waits for that time, a text such as `\"5s\"` or a number of seconds.

It ends early when the run is told to stop. What waits for something to be so is better served by `wait_until`.",
    example: r#"sleep("10ms");"#,
    made: Made::Functions(sleeps),
};

fn now(
    session: &Session,
    context: &NativeCallContext<'_>,
    _: Vec<Dynamic>,
) -> Result<Dynamic, CallError> {
    read_anew(session, context, "now", || {
        Ok(rfc3339(session.run.clock().now()).into())
    })
}

fn timestamp(
    session: &Session,
    context: &NativeCallContext<'_>,
    _: Vec<Dynamic>,
) -> Result<Dynamic, CallError> {
    moment(session, context, "timestamp")
}

/// Milliseconds since 1970 as a moment; unknown in a plan.
fn moment(
    session: &Session,
    context: &NativeCallContext<'_>,
    name: &str,
) -> Result<Dynamic, CallError> {
    let now = read_anew(session, context, name, || {
        Ok(session.run.clock().now().into())
    })?;
    Ok(match now.as_int() {
        Ok(millis) => Dynamic::from(Moment(millis as u64)),
        Err(_) => now,
    })
}

/// `elapsed` of a moment.
pub(super) fn elapsed(engine: &mut Engine, session: &Arc<Session>) {
    let session = session.clone();
    engine.register_get(
        "elapsed",
        move |context: NativeCallContext<'_>, began: &mut Moment| -> Native<f64> {
            let now = session.raised(moment(&session, &context, "elapsed"), &context)?;
            let now = now.try_cast::<Moment>().unwrap_or(*began);
            Ok((now.0 as f64 - began.0 as f64) / 1000.0)
        },
    );
}

/// Rhai has a `sleep` of its own, found before one that takes anything: the types have to be named.
fn sleeps(engine: &mut Engine, session: &Arc<Session>) {
    let (whole, part, words) = (session.clone(), session.clone(), session.clone());
    engine.register_fn(
        SLEEP.name,
        move |context: NativeCallContext<'_>, seconds: INT| {
            sleep(&whole, &context, &seconds.into())
        },
    );
    engine.register_fn(
        SLEEP.name,
        move |context: NativeCallContext<'_>, seconds: f64| sleep(&part, &context, &seconds.into()),
    );
    engine.register_fn(
        SLEEP.name,
        move |context: NativeCallContext<'_>, span: &str| sleep(&words, &context, &span.into()),
    );
}

fn sleep(session: &Session, context: &NativeCallContext<'_>, span: &Dynamic) -> Native<()> {
    if session.run.is_plan() {
        session.remark(context, shown::alone(span));
        return Ok(());
    }
    let result = to_json("the time of `sleep`", span)
        .and_then(|span| {
            serde_json::from_value::<Span>(span).map_err(|error| {
                Failure::new(
                    &code::WRONG_TYPE,
                    format!("the time of `sleep` was refused: {error}"),
                )
            })
        })
        .map_err(CallError::from)
        .and_then(|span| {
            let slept = async || pause(session, span).await.map(|()| Value::Null);
            session.wait(session.run.read(&session.scope(context), "sleep", slept))
        });
    session.raised(result.map(drop), context)
}

/// Waits, unless the run is told to stop.
pub(super) async fn pause(session: &Session, time: Span) -> Result<(), CallError> {
    tokio::select! {
        () = session.run.clock().sleep(time.0) => Ok(()),
        () = session.run.cancel().reached(pb_core::cancel::Level::Stop) => Err(CallError::Stopped),
    }
}

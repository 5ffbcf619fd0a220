//! `param`, `env_var`, `secret`, `now`, `random`, `timestamp`, `sleep`: what scripts read from outside, journalled.

use super::fan_out::pause;
use super::{options, text};
use crate::calls::raw;
use crate::convert::{to_dynamic, to_json};
use crate::session::{Native, Session};
use crate::values::{Moment, Secret, rfc3339};
use pb_core::{CallError, Failure, SecretText, Span, code, nearest};
use rhai::{Dynamic, Engine, INT, NativeCallContext};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use std::sync::Arc;

#[derive(Deserialize, JsonSchema)]
struct EnvOptions {
    /// What it is when the variable is not set.
    fallback: Option<String>,
}

pub(super) fn register(engine: &mut Engine, session: &Arc<Session>) {
    for arity in [1, 2] {
        let params = session.clone();
        raw(engine, "param", arity, move |context, args| {
            let result = text("param", "name", args.first()).and_then(|name| param(&params, &name));
            params.raised(result.map_err(CallError::from), &context)
        });
        let session = session.clone();
        raw(engine, "env_var", arity, move |context, args| {
            read(&session, &context, "env_var", || env_var(&args))
        });
    }
    let secrets = session.clone();
    raw(engine, "secret", 1, move |context, args| {
        let value = read(&secrets, &context, "secret", || {
            let reference = text("secret", "reference", args.first())?;
            secrets.vault.fetch(&reference)?;
            Ok(SecretText::reference(&reference).as_str().into())
        })?;
        let reference = value.read_lock::<Secret>().map(|secret| secret.clone());
        Ok(reference.map_or(value, Dynamic::from))
    });
    let clock = session.clone();
    raw(engine, "now", 0, move |context, _| {
        read(&clock, &context, "now", || {
            Ok(rfc3339(clock.run.clock().now()).into())
        })
    });
    let chance = session.clone();
    raw(engine, "random", 1, move |context, args| {
        read(&chance, &context, "random", || random(&chance, &args))
    });
    time(engine, session);
}

/// `timestamp`, `elapsed` and `sleep`, over the run's clock.
fn time(engine: &mut Engine, session: &Arc<Session>) {
    let clock = session.clone();
    let moment = move |context: &NativeCallContext<'_>, name: &str| -> Native<u64> {
        let millis = read(&clock, context, name, || Ok(clock.run.clock().now().into()))?;
        Ok(millis.as_int().unwrap_or(0) as u64)
    };
    let since = moment.clone();
    raw(engine, "timestamp", 0, move |context, _| {
        Ok(Dynamic::from(Moment(moment(&context, "timestamp")?)))
    });
    engine.register_get(
        "elapsed",
        move |context: NativeCallContext<'_>, began: &mut Moment| -> Native<f64> {
            Ok((since(&context, "elapsed")? as f64 - began.0 as f64) / 1000.0)
        },
    );
    // Rhai has a `sleep` of its own, found before one that takes anything: the types have to be named.
    let (whole, part, words) = (session.clone(), session.clone(), session.clone());
    engine.register_fn(
        "sleep",
        move |context: NativeCallContext<'_>, seconds: INT| {
            sleep(&whole, &context, &seconds.into())
        },
    );
    engine.register_fn(
        "sleep",
        move |context: NativeCallContext<'_>, seconds: f64| sleep(&part, &context, &seconds.into()),
    );
    engine.register_fn(
        "sleep",
        move |context: NativeCallContext<'_>, span: &str| sleep(&words, &context, &span.into()),
    );
}

/// A journalled read.
fn read(
    session: &Session,
    context: &NativeCallContext<'_>,
    name: &str,
    value: impl FnOnce() -> Result<Value, Failure>,
) -> Native {
    let value = async || value().map_err(CallError::from);
    let result = session.wait(session.run.read(&session.scope(context), name, value));
    Ok(to_dynamic(&session.raised(result, context)?))
}

fn param(session: &Session, name: &str) -> Result<Dynamic, Failure> {
    match session.params.get(name) {
        Some(value) => Ok(to_dynamic(value)),
        None => {
            let failure = Failure::new(&code::PARAMETER, format!("there is no parameter `{name}`"));
            Err(
                match nearest(name, session.params.keys().map(String::as_str)) {
                    Some(near) => failure.hint(format!("did you mean `{near}`?")),
                    None => failure.because(
                        "parameters are declared at the top level: let image = param(\"image\")",
                    ),
                },
            )
        }
    }
}

fn env_var(args: &[Dynamic]) -> Result<Value, Failure> {
    let name = text("env_var", "name", args.first())?;
    let options: EnvOptions = options("env_var", args.get(1))?;
    std::env::var(&name)
        .ok()
        .or(options.fallback)
        .map(Value::from)
        .ok_or_else(|| {
            Failure::new(
                &code::MISSING_ENV,
                format!("the environment variable `{name}` is not set"),
            )
            .hint(format!("export {name}=…, or give env_var a `fallback`"))
        })
}

fn random(session: &Session, args: &[Dynamic]) -> Result<Value, Failure> {
    const LETTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let n = args[0]
        .as_int()
        .ok()
        .filter(|n| (1..=1024).contains(n))
        .ok_or_else(|| {
            Failure::new(
                &code::WRONG_TYPE,
                "`n` of `random` takes a whole number from 1 to 1024",
            )
        })?;
    let mut text = String::new();
    while text.len() < n as usize {
        let mut byte = [0];
        session.random.fill(&mut byte);
        // Above the largest multiple of 62 some letters would come up more often.
        if byte[0] < 248 {
            text.push(char::from(LETTERS[usize::from(byte[0]) % 62]));
        }
    }
    Ok(text.into())
}

fn sleep(session: &Session, context: &NativeCallContext<'_>, span: &Dynamic) -> Native<()> {
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

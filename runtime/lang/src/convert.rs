//! Between the values of Rhai and the JSON of the kernel.

use crate::planning::Unknown;
use crate::shown;
use crate::values::{HandleValue, Moment, Record, Secret, Thrown, rfc3339};
use pb_core::{Failure, Handle, Result, SecretText, code, holds_secret};
use rhai::{Dynamic, FnPtr, Map};
use serde_json::Value;
use std::sync::Arc;

/// A value of the kernel as scripts see it.
pub(crate) fn to_dynamic(value: &Value) -> Dynamic {
    match value {
        Value::Null => Dynamic::UNIT,
        Value::Bool(b) => (*b).into(),
        Value::Number(n) => match n.as_i64() {
            Some(n) => n.into(),
            None => n.as_f64().unwrap_or(f64::NAN).into(),
        },
        Value::String(text) if holds_secret(text) => {
            Dynamic::from(Secret(SecretText::from(text.as_str())))
        }
        Value::String(text) => text.clone().into(),
        Value::Array(items) => items.iter().map(to_dynamic).collect::<rhai::Array>().into(),
        Value::Object(map) => match Handle::of_value(value) {
            Some(handle) => Dynamic::from(HandleValue(Arc::new(handle))),
            None => map
                .iter()
                .map(|(k, v)| (k.into(), to_dynamic(v)))
                .collect::<Map>()
                .into(),
        },
    }
}

/// The result of a call: its keys are known, so asking for another one is an error. So are those of its rows.
pub(crate) fn to_result(value: &Value) -> Dynamic {
    match value {
        Value::Object(map) if Handle::of_value(value).is_none() => {
            record(map.iter().map(|(k, v)| (k.into(), to_dynamic(v))).collect())
        }
        Value::Array(items) => items.iter().map(to_result).collect::<rhai::Array>().into(),
        _ => to_dynamic(value),
    }
}

/// `target` and the maps within it.
pub(crate) fn to_records(value: &Value) -> Dynamic {
    match value {
        Value::Object(map) if Handle::of_value(value).is_none() => {
            record(map.iter().map(|(k, v)| (k.into(), to_records(v))).collect())
        }
        _ => to_dynamic(value),
    }
}

fn record(map: Map) -> Dynamic {
    Dynamic::from(Record(Arc::new(map)))
}

/// A value of a script as the kernel keeps it.
///
/// # Errors
/// `PB0208` for what is no data, such as a closure; `what` names it.
pub(crate) fn to_json(what: &str, value: &Dynamic) -> Result<Value> {
    let value = value.flatten_clone();
    if value.is_unit() {
        return Ok(Value::Null);
    }
    if let Ok(b) = value.as_bool() {
        return Ok(b.into());
    }
    if let Ok(n) = value.as_int() {
        return Ok(n.into());
    }
    if let Ok(n) = value.as_float() {
        return serde_json::Number::from_f64(n)
            .map(Value::Number)
            .ok_or_else(|| {
                Failure::new(
                    &code::WRONG_TYPE,
                    format!("{what} was refused: it is {n}, which is no number"),
                )
            });
    }
    if let Ok(c) = value.as_char() {
        return Ok(c.to_string().into());
    }
    if value.is_string() {
        return Ok(value.into_string().unwrap_or_default().into());
    }
    if let Some(map) = value.read_lock::<Map>() {
        return object(what, &map);
    }
    if let Some(items) = value.read_lock::<rhai::Array>() {
        return items.iter().map(|item| to_json(what, item)).collect();
    }
    custom(what, &value)
}

fn custom(what: &str, value: &Dynamic) -> Result<Value> {
    if let Some(record) = value.read_lock::<Record>() {
        return object(what, &record.0);
    }
    if let Some(handle) = value.read_lock::<HandleValue>() {
        return Ok(handle.0.to_value());
    }
    if let Some(secret) = value.read_lock::<Secret>() {
        return Ok(secret.0.as_str().into());
    }
    if let Some(error) = value.read_lock::<Thrown>() {
        return object(what, &error.as_map());
    }
    if let Some(unknown) = value.read_lock::<Unknown>() {
        return Ok(unknown.marker().into());
    }
    if let Some(moment) = value.read_lock::<Moment>() {
        return Ok(rfc3339(moment.0).into());
    }
    let kind = if value.is::<FnPtr>() {
        "a closure"
    } else {
        shown::kind(value)
    };
    Err(Failure::new(
        &code::WRONG_TYPE,
        format!("{what} was refused: it is or holds {kind}, which is no data"),
    ))
}

fn object(what: &str, map: &Map) -> Result<Value> {
    let entries = map
        .iter()
        .map(|(k, v)| Ok((k.to_string(), to_json(what, v)?)));
    Ok(Value::Object(entries.collect::<Result<_>>()?))
}

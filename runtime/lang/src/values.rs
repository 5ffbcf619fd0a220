//! The types that scripts see besides Rhai's own: results, handles, secrets, errors, moments.

use crate::{convert, shown, thrown};
use pb_core::{Failure, Handle, SecretText, nearest};
use rhai::{Dynamic, Engine, EvalAltResult, ImmutableString, Map, Position, Variant};
use std::any::type_name;
use std::sync::Arc;

/// A map whose keys are known: the result of a call, a row, `target`. Asking for another key is an error.
#[derive(Debug, Clone)]
pub(crate) struct Record(pub(crate) Arc<Map>);

/// A handle of the environment.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct HandleValue(pub(crate) Arc<Handle>);

/// Text that holds secrets. It prints as its reference, and stays a secret when text is added to it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Secret(pub(crate) SecretText);

/// An error as scripts catch it. It keeps the place where it came from, however often it is thrown again.
#[derive(Debug, Clone)]
pub(crate) struct Thrown(pub(crate) Arc<Failure>);

/// A moment on the run's clock, in milliseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub(crate) struct Moment(pub(crate) u64);

type Got = Result<Dynamic, Box<EvalAltResult>>;

pub(crate) fn register(engine: &mut Engine) {
    type_of::<Record>(engine)
        .register_indexer_get(|r: &mut Record, key: ImmutableString| property(&r.0, &key))
        .register_fn("keys", |r: &mut Record| {
            r.0.keys()
                .map(|k| Dynamic::from(k.to_string()))
                .collect::<rhai::Array>()
        })
        .register_fn("values", |r: &mut Record| {
            r.0.values().cloned().collect::<rhai::Array>()
        })
        .register_fn("len", |r: &mut Record| r.0.len() as i64)
        .register_fn("contains", |r: &mut Record, key: ImmutableString| {
            r.0.contains_key(key.as_str())
        })
        .register_fn("get", |r: &mut Record, key: ImmutableString| {
            r.0.get(key.as_str()).cloned().unwrap_or(Dynamic::UNIT)
        })
        .register_fn("to_json", |r: &mut Record| json(&r.0))
        .register_fn("==", |a: Record, b: Record| same(a, b))
        .register_fn("!=", |a: Record, b: Record| !same(a, b));
    // Rhai's own writes the name of a type where a map holds a secret, a handle or a result.
    engine.register_fn("to_json", |map: &mut Map| json(map));
    type_of::<HandleValue>(engine)
        .register_fn("==", |a: HandleValue, b: HandleValue| a == b)
        .register_fn("!=", |a: HandleValue, b: HandleValue| a != b);
    type_of::<Secret>(engine)
        .register_fn("+", |a: Secret, b: ImmutableString| {
            Secret(format!("{}{b}", a.0).into())
        })
        .register_fn("+", |a: ImmutableString, b: Secret| {
            Secret(format!("{a}{}", b.0).into())
        })
        .register_fn("+", |a: Secret, b: Secret| {
            Secret(format!("{}{}", a.0, b.0).into())
        })
        .register_fn("==", |a: Secret, b: Secret| a == b)
        .register_fn("!=", |a: Secret, b: Secret| a != b);
    type_of::<Thrown>(engine)
        .register_indexer_get(|e: &mut Thrown, key: ImmutableString| property(&e.as_map(), &key));
    // `throw "text"` is caught as a text; `err.kind` and `err.message` have to work for it too.
    engine
        .register_get("kind", |_: &mut ImmutableString| "thrown")
        .register_get("message", |text: &mut ImmutableString| text.clone())
        .register_get("kind", |_: &mut Secret| "thrown")
        .register_get("message", |text: &mut Secret| text.clone());
    type_of::<Moment>(engine)
        .register_fn("-", |a: Moment, b: Moment| {
            (a.0 as f64 - b.0 as f64) / 1000.0
        })
        .register_fn("==", |a: Moment, b: Moment| a == b)
        .register_fn("<", |a: Moment, b: Moment| a < b)
        .register_fn(">", |a: Moment, b: Moment| a > b);
}

impl Thrown {
    /// The error as the map that scripts look into.
    pub(crate) fn as_map(&self) -> Map {
        let failure = &*self.0;
        let optional = |value: &Option<String>| value.clone().map_or(Dynamic::UNIT, Dynamic::from);
        Map::from_iter([
            ("code".into(), failure.code.clone().into()),
            ("kind".into(), failure.kind.clone().into()),
            ("message".into(), failure.message.clone().into()),
            ("because".into(), failure.because.join("\n").into()),
            ("state".into(), failure.state.join("\n").into()),
            ("hint".into(), optional(&failure.hint)),
            (
                "data".into(),
                convert::to_dynamic(&failure.data.clone().into()),
            ),
            ("step".into(), optional(&failure.step)),
            ("undone".into(), failure.undone.into_dynamic()),
        ])
    }
}

trait IntoDynamic {
    fn into_dynamic(self) -> Dynamic;
}

impl IntoDynamic for Option<bool> {
    fn into_dynamic(self) -> Dynamic {
        self.map_or(Dynamic::UNIT, Dynamic::from)
    }
}

/// Registers a type: its name, and how it prints alone and within lists and maps.
fn type_of<T: Variant + Clone>(engine: &mut Engine) -> &mut Engine {
    engine
        .register_type_with_name::<T>(shown::kind_named(type_name::<T>()))
        .register_fn("to_string", |value: &mut T| {
            shown::alone(&Dynamic::from(value.clone()))
        })
        .register_fn("to_debug", |value: &mut T| {
            shown::within(&Dynamic::from(value.clone()))
        })
}

fn same(a: Record, b: Record) -> bool {
    shown::within(&Dynamic::from(a)) == shown::within(&Dynamic::from(b))
}

fn json(map: &Map) -> Result<String, Box<EvalAltResult>> {
    let json = convert::to_json("the map", &Dynamic::from(map.clone()));
    json.map(|json| json.to_string())
        .map_err(|failure| thrown::throw(failure, Position::NONE))
}

pub(crate) fn property(map: &Map, key: &str) -> Got {
    if let Some(value) = map.get(key) {
        return Ok(value.clone());
    }
    let names = || map.keys().map(|k| k.as_str());
    let mut failure = Failure::new(
        &pb_core::code::UNKNOWN_PROPERTY,
        format!("there is no property `{key}`"),
    );
    failure = match nearest(key, names()) {
        Some(near) => failure.hint(format!("did you mean `{near}`?")),
        None => failure.because(format!(
            "there are {}",
            names()
                .map(|n| format!("`{n}`"))
                .collect::<Vec<_>>()
                .join(", ")
        )),
    };
    Err(
        EvalAltResult::ErrorRuntime(Dynamic::from(Thrown(Arc::new(failure))), Position::NONE)
            .into(),
    )
}

pub(crate) fn rfc3339(millis: u64) -> String {
    jiff::Timestamp::from_millisecond(millis as i64)
        .map_or_else(|_| millis.to_string(), |t| t.to_string())
}

//! Control words: they touch nothing themselves, they say how the calls around and inside them belong together.

mod confirm;
mod fan_out;
mod reads;
mod scopes;
mod wait_until;

pub(crate) use fan_out::STACK;

use crate::session::Session;
use pb_core::spec::{self, Field};
use pb_core::{Failure, code};
use rhai::{Dynamic, Engine, FnPtr};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::sync::Arc;

/// Registers all of them.
pub(crate) fn register(engine: &mut Engine, session: &Arc<Session>) {
    scopes::register(engine, session);
    fan_out::register(engine, session);
    wait_until::register(engine, session);
    confirm::register(engine, session);
    reads::register(engine, session);
}

/// The closure at the end of a word's arguments.
fn closure(word: &str, args: &mut Vec<Dynamic>) -> Result<FnPtr, Failure> {
    let last = args.pop().and_then(|arg| arg.try_cast::<FnPtr>());
    last.ok_or_else(|| {
        Failure::new(
            &code::WRONG_TYPE,
            format!("`{word}` takes a closure at the end, such as `|| {{ … }}`"),
        )
    })
}

/// A text argument.
fn text(word: &str, name: &str, arg: Option<&Dynamic>) -> Result<String, Failure> {
    let text = arg.and_then(|arg| arg.clone().into_string().ok());
    text.ok_or_else(|| {
        Failure::new(
            &code::WRONG_TYPE,
            format!("`{name}` of `{word}` takes a text"),
        )
    })
}

/// A map of options, or their defaults.
fn options<T: JsonSchema + DeserializeOwned>(
    word: &str,
    arg: Option<&Dynamic>,
) -> Result<T, Failure> {
    let json = match arg {
        Some(arg) => crate::convert::to_json(&format!("an option of `{word}`"), arg)?,
        None => Value::Object(serde_json::Map::new()),
    };
    let Value::Object(map) = &json else {
        return Err(Failure::new(
            &code::WRONG_TYPE,
            format!("`{word}` takes a map of options, not {}", spec::show(&json)),
        ));
    };
    spec::check(word, &Field::all_of::<T>(), map)?;
    serde_json::from_value(json).map_err(|error| {
        Failure::new(
            &code::WRONG_TYPE,
            format!("the options of `{word}` were refused: {error}"),
        )
    })
}

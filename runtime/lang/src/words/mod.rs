//! The words of the language: each is declared beside its function, and the declaration is what registers it.

mod branches;
mod confirm;
mod fan_out;
mod inputs;
mod output;
mod scopes;
mod time;
mod wait_until;
mod word;

pub(crate) use branches::STACK;
pub use word::{Group, Takes, Word};

use crate::planning::Unknown;
use crate::session::Session;
use crate::shown;
use pb_core::spec::{self, Field};
use pb_core::{Failure, code};
use rhai::{Dynamic, Engine, FnPtr};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::sync::Arc;

/// All words, by group.
pub static WORDS: &[Word] = &[
    scopes::SAVEPOINT,
    scopes::OPTIONAL,
    scopes::POINT_OF_NO_RETURN,
    scopes::ALLOW_DESTRUCTIVE,
    fan_out::EACH,
    fan_out::PARALLEL,
    fan_out::ROLLING,
    wait_until::WAIT_UNTIL,
    confirm::CONFIRM,
    confirm::ENSURE,
    inputs::PARAM,
    inputs::TARGET,
    inputs::ENV_VAR,
    inputs::SECRET,
    inputs::RANDOM,
    time::NOW,
    time::TIMESTAMP,
    time::SLEEP,
    output::PRINT,
    output::DEBUG,
];

/// Registers all of them.
pub(crate) fn register(engine: &mut Engine, session: &Arc<Session>) {
    for word in WORDS {
        word.register(engine, session);
    }
    scopes::brackets(engine, session);
    time::elapsed(engine, session);
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
    let text = arg.and_then(|arg| match arg.read_lock::<Unknown>() {
        Some(_) => shown::text(arg),
        None => arg.clone().into_string().ok(),
    });
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Runtime, Script};
    use pb_core::run::Registry;
    use std::collections::BTreeSet;

    /// Whoever registers a function beside the declarations is found here.
    #[test]
    fn what_is_registered_is_declared() {
        let folder = tempfile::tempdir().expect("a folder");
        let runtime = Runtime::builder(Registry::default()).state(folder.path());
        let runtime = runtime.build().expect("a runtime");
        let script = Script::from_text("empty.rhai", "", &[]).expect("a script");
        let (_lock, session) = runtime
            .open(&script, &serde_json::Map::new())
            .expect("a run");
        let mut engine = Engine::new_raw();
        register(&mut engine, &session);
        let registered: BTreeSet<String> = engine
            .collect_fn_metadata(None, |f| Some(f.metadata.name.to_string()), true)
            .into_iter()
            .filter(|name| name != "get$elapsed")
            .collect();
        // Rhai has these, and the word only says where their lines go; `target` is a variable.
        let elsewhere = ["print", "debug", "target"];
        let declared: BTreeSet<String> = WORDS
            .iter()
            .map(|word| word.name.to_owned())
            .filter(|name| !elsewhere.contains(&name.as_str()))
            .collect();
        assert_eq!(registered, declared);
    }

    #[test]
    fn declarations_are_whole() {
        for word in WORDS {
            let first = spec::first_line(word.doc);
            assert!(first.ends_with('.'), "{word:?}: {first}");
            assert!(!word.example.is_empty(), "{word:?} has no example");
            assert!(
                word.example.contains(word.name),
                "{word:?} is not in its example"
            );
            for option in word.options() {
                assert!(
                    !option.doc.is_empty(),
                    "{word:?} does not say what `{}` is",
                    option.name
                );
            }
        }
        let names: BTreeSet<_> = WORDS.iter().map(|word| word.name).collect();
        assert_eq!(names.len(), WORDS.len(), "a name is declared twice");
        assert!(
            WORDS.is_sorted_by_key(|word| word.group),
            "groups are torn apart"
        );
    }
}

//! A value that only the run can tell: whatever is made of it is unknown too.

use crate::session::Native;
use crate::values::Record;
use pb_core::unknown;
use rhai::{Array, Dynamic, Engine, EvalAltResult, FnPtr, ImmutableString, Map, NativeCallContext};
use std::any::TypeId;
use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

/// So many characters name an unknown value at most.
const LONGEST: usize = 400;

/// Where such a value would come from, such as `run_once#1.code == 0`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unknown(pub(crate) ImmutableString);

impl Unknown {
    pub(crate) fn of(origin: impl Into<ImmutableString>) -> Dynamic {
        Dynamic::from(Self::named(origin.into()))
    }

    /// One that is made of itself again and again would be named by texts without end.
    fn named(origin: ImmutableString) -> Self {
        let Some((end, _)) = origin.char_indices().nth(LONGEST) else {
            return Self(origin);
        };
        // Two of them stay apart.
        let mut hasher = DefaultHasher::new();
        origin.hash(&mut hasher);
        Self(format!("{}… ({:x})", &origin[..end], hasher.finish()).into())
    }

    /// As texts and arguments hold it.
    pub(crate) fn marker(&self) -> String {
        unknown::unknown(&self.0)
    }
}

/// As errors name the type.
const NAME: &str = "unknown";

/// Operators that Rhai answers for any two values, or refuses.
const OPERATORS: &[&str] = &[
    "==", "!=", "<", "<=", ">", ">=", "+", "-", "*", "/", "%", "**", "&", "|", "^", "<<", ">>",
];

/// What a list is asked by a closure, or about one of its items.
const ASKED: &[&str] = &[
    "filter", "all", "some", "find", "find_map", "retain", "drain",
];

/// Finds unknown texts in a value of the kernel, and makes them unknown values.
pub(crate) fn awake(value: Dynamic) -> Dynamic {
    if value.is_string() {
        let text = value.clone().into_string().unwrap_or_default();
        return match whole(&text) {
            Some(origin) => Unknown::of(origin),
            None => value,
        };
    }
    if let Some(items) = value.read_lock::<Array>() {
        return items.iter().cloned().map(awake).collect::<Array>().into();
    }
    let each = |map: &Map| -> Map {
        let entries = map
            .iter()
            .map(|(key, value)| (key.clone(), awake(value.clone())));
        entries.collect()
    };
    if let Some(map) = value.read_lock::<Map>() {
        return each(&map).into();
    }
    if let Some(record) = value.read_lock::<Record>() {
        return Dynamic::from(Record(Arc::new(each(&record.0))));
    }
    value
}

/// A text with unknown parts is unknown as a whole, and named by all of it.
pub(super) fn whole(text: &str) -> Option<String> {
    let origin = unknown::origin(text)?;
    Some(match text == unknown::unknown(origin) {
        true => origin.to_owned(),
        false => format!("`{}`", unknown::named(text)),
    })
}

/// Whether a value is unknown, or anything in it.
pub(super) fn holds(value: &Dynamic) -> Option<Unknown> {
    if let Some(unknown) = value.read_lock::<Unknown>() {
        return Some(unknown.clone());
    }
    if let Some(items) = value.read_lock::<Array>() {
        return items.iter().find_map(holds);
    }
    let in_map = |map: &Map| map.values().find_map(holds);
    if let Some(map) = value.read_lock::<Map>() {
        return in_map(&map);
    }
    let record = value.read_lock::<Record>()?;
    in_map(&record.0)
}

/// What can be asked of unknown values.
pub(super) fn register(engine: &mut Engine) {
    let (unknown, any) = (TypeId::of::<Unknown>(), TypeId::of::<Dynamic>());
    // Everything that has a method of that name, on an unknown value or with one among its arguments.
    for (name, arity, takes_any) in functions(engine) {
        let mut places: Vec<usize> = vec![0];
        if !takes_any {
            places.extend(1..arity);
        }
        for place in places {
            let mut types = vec![any; arity];
            types[place] = unknown;
            let named = name.clone();
            engine.register_raw_fn(&name, types, move |_, args| Ok(call(&named, args)));
        }
    }
    for name in OPERATORS {
        for types in [[unknown, any], [any, unknown], [unknown, unknown]] {
            engine.register_raw_fn(*name, types, move |_, args| {
                Ok(Unknown::of(format!(
                    "{} {name} {}",
                    shown(args[0]),
                    shown(args[1])
                )))
            });
        }
    }
    // Rhai adds anything to a text, as it prints.
    let text = TypeId::of::<ImmutableString>();
    for types in [[text, unknown], [unknown, text]] {
        engine.register_raw_fn("+", types, |_, args| {
            Ok(Unknown::of(format!(
                "{} + {}",
                shown(args[0]),
                shown(args[1])
            )))
        });
    }
    engine.register_raw_fn("+=", [text, unknown], |_, args| {
        *args[0] = Unknown::of(format!("{} + {}", shown(args[0]), shown(args[1])));
        Ok(Dynamic::UNIT)
    });
    for name in ["!", "-", "+"] {
        engine.register_raw_fn(name, [unknown], move |_, args| {
            Ok(Unknown::of(format!("{name}{}", shown(args[0]))))
        });
    }
    engine
        .register_type_with_name::<Unknown>(NAME)
        .register_fn("to_string", |value: &mut Unknown| value.marker())
        .register_fn("to_debug", |value: &mut Unknown| value.marker())
        .register_indexer_get(|value: &mut Unknown, key: ImmutableString| {
            Unknown::named(format!("{}.{key}", value.0).into())
        })
        .register_indexer_get(|value: &mut Unknown, at: i64| {
            Unknown::named(format!("{}[{at}]", value.0).into())
        });
    asked_of_lists(engine);
}

/// Names, numbers of arguments, and whether any argument behind the first may be anything, of Rhai's functions.
fn functions(engine: &Engine) -> Vec<(String, usize, bool)> {
    let found = engine.collect_fn_metadata(
        None,
        |info| {
            let metadata = info.metadata;
            let named = metadata
                .name
                .chars()
                .all(|c| c.is_alphanumeric() || c == '_');
            let ours = ["to_string", "to_debug", "print", "debug", "type_of"];
            let wanted = named
                && (1..=3).contains(&metadata.num_params)
                && !ours.contains(&metadata.name.as_str());
            let any = metadata
                .param_types
                .iter()
                .skip(1)
                .any(|t| *t == TypeId::of::<Dynamic>());
            wanted.then(|| (metadata.name.to_string(), metadata.num_params, any))
        },
        true,
    );
    let mut functions: Vec<(String, usize, bool)> = vec![];
    for (name, arity, any) in found.into_iter().collect::<BTreeSet<_>>() {
        match functions
            .iter_mut()
            .find(|(n, a, _)| (n.as_str(), *a) == (name.as_str(), arity))
        {
            Some((.., known)) => *known |= any,
            None => functions.push((name, arity, any)),
        }
    }
    functions
}

fn call(name: &str, args: &[&mut Dynamic]) -> Dynamic {
    let rest: Vec<String> = args.iter().skip(1).map(|arg| shown(arg)).collect();
    Unknown::of(format!("{}.{name}({})", shown(args[0]), rest.join(", ")))
}

fn shown(value: &Dynamic) -> String {
    match value.read_lock::<Unknown>() {
        Some(unknown) => unknown.0.to_string(),
        None => unknown::named(&crate::shown::within(value)),
    }
}

/// Rhai takes an answer that is no boolean for `false` here, without a word.
fn asked_of_lists(engine: &mut Engine) {
    let (list, any) = (TypeId::of::<Array>(), TypeId::of::<Dynamic>());
    for name in ["contains", "index_of"] {
        for (first, types) in [(list, [list, any]), (list, [list, TypeId::of::<Unknown>()])] {
            debug_assert_eq!(first, list);
            engine.register_raw_fn(name, types, move |context, args| {
                let found = holds(args[0]).or_else(|| holds(args[1]));
                match found {
                    Some(_) => Ok(call(name, args)),
                    None => position(&context, args[0], args[1]).map(|at| match name {
                        "contains" => at.is_some().into(),
                        _ => Dynamic::from(at.map_or(-1, |at| at as i64)),
                    }),
                }
            });
        }
    }
    for name in ["==", "!="] {
        engine.register_raw_fn(name, [list, list], move |context, args| {
            match holds(args[0]).or_else(|| holds(args[1])) {
                Some(_) => Ok(Unknown::of(format!(
                    "{} {name} {}",
                    shown(args[0]),
                    shown(args[1])
                ))),
                None => same_lists(&context, args[0], args[1])
                    .map(|same| (same == (name == "==")).into()),
            }
        });
    }
    for name in ASKED.iter().copied() {
        raw_asked(engine, name);
    }
}

fn position(
    context: &NativeCallContext<'_>,
    list: &Dynamic,
    wanted: &Dynamic,
) -> Native<Option<usize>> {
    let items = list
        .read_lock::<Array>()
        .map(|items| items.clone())
        .unwrap_or_default();
    for (at, item) in items.into_iter().enumerate() {
        let same = context.call_native_fn::<bool>("==", (item, wanted.clone()));
        if same.unwrap_or(false) {
            return Ok(Some(at));
        }
    }
    Ok(None)
}

fn same_lists(context: &NativeCallContext<'_>, a: &Dynamic, b: &Dynamic) -> Native<bool> {
    let items = |list: &Dynamic| {
        list.read_lock::<Array>()
            .map(|items| items.clone())
            .unwrap_or_default()
    };
    let (a, b) = (items(a), items(b));
    if a.len() != b.len() {
        return Ok(false);
    }
    for (a, b) in a.into_iter().zip(b) {
        if !context
            .call_native_fn::<bool>("==", (a, b))
            .unwrap_or(false)
        {
            return Ok(false);
        }
    }
    Ok(true)
}

/// `filter` and its kin: unknown as soon as the closure's answer is.
fn raw_asked(engine: &mut Engine, name: &'static str) {
    let types = [TypeId::of::<Array>(), TypeId::of::<FnPtr>()];
    engine.register_raw_fn(name, types, move |context, args| {
        let items = args[0]
            .read_lock::<Array>()
            .map(|items| items.clone())
            .unwrap_or_default();
        let Some(closure) = args[1].clone().try_cast::<FnPtr>() else {
            return Ok(Dynamic::UNIT);
        };
        let mut answers = vec![];
        for (at, item) in items.iter().enumerate() {
            let answer = ask(&context, &closure, item, at)?;
            if let Some(unknown) = holds(&answer) {
                return Ok(Unknown::of(format!("{name}(… {} …)", unknown.0)));
            }
            answers.push(answer);
        }
        let yes = |answer: &Dynamic| answer.as_bool().unwrap_or(false);
        let of = |wanted: bool| -> Array {
            let chosen = items
                .iter()
                .zip(&answers)
                .filter(|(_, answer)| yes(answer) == wanted);
            chosen.map(|(item, _)| item.clone()).collect()
        };
        Ok(match name {
            "filter" => of(true).into(),
            "all" => answers.iter().all(yes).into(),
            "some" => answers.iter().any(yes).into(),
            "find" => of(true).into_iter().next().unwrap_or(Dynamic::UNIT),
            "find_map" => answers
                .into_iter()
                .find(|answer| !answer.is_unit())
                .unwrap_or(Dynamic::UNIT),
            // Both keep one part and give the other.
            _ => {
                let keep = name == "retain";
                let (kept, given) = (of(keep), of(!keep));
                *args[0] = kept.into();
                given.into()
            }
        })
    });
}

/// Closures take the item, or the item and its place.
fn ask(
    context: &NativeCallContext<'_>,
    closure: &FnPtr,
    item: &Dynamic,
    at: usize,
) -> Native<Dynamic> {
    match closure.call_raw(context, None, [item.clone()]) {
        Err(error) if matches!(*error, EvalAltResult::ErrorFunctionNotFound(..)) => {
            closure.call_raw(context, None, [item.clone(), Dynamic::from(at as i64)])
        }
        other => other,
    }
}

/// Whether an error of Rhai comes from an unknown value that it was given: then only the run can tell what follows.
pub(crate) fn is_cause(error: &EvalAltResult) -> bool {
    let is = |name: &str| name == NAME || name == std::any::type_name::<Unknown>();
    match error {
        EvalAltResult::ErrorMismatchDataType(_, got, _) => is(got),
        EvalAltResult::ErrorFunctionNotFound(signature, _) => {
            let types = signature.split_once('(').map_or("", |(_, types)| types);
            types.trim_end_matches(')').split(", ").any(is)
        }
        _ => false,
    }
}

//! What Rhai brings along: names, numbers of arguments, types of results.

use super::shape::{Shape, Type};
use crate::{engine, values};
use std::collections::{BTreeMap, HashMap};
use std::ops::RangeInclusive;
use std::sync::OnceLock;

/// Functions of Rhai by name and number of arguments; in method style the receiver counts.
pub(super) struct Natives(HashMap<String, BTreeMap<usize, Shape>>);

/// What Rhai knows without a function of that name being registered, and how many arguments it takes.
const KEYWORDS: [(&str, RangeInclusive<usize>); 10] = [
    ("Fn", 1..=1),
    ("call", 1..=64),
    ("curry", 1..=64),
    ("debug", 0..=1),
    ("eval", 1..=1),
    ("is_def_fn", 2..=3),
    ("is_def_var", 1..=1),
    ("is_shared", 1..=1),
    ("print", 0..=1),
    ("type_of", 1..=1),
];

/// Those that leave their first argument as it was. Of others nobody knows.
const PURE: [&str; 29] = [
    "call",
    "contains",
    "debug",
    "ends_with",
    "extract",
    "get",
    "index_of",
    "is_def_fn",
    "is_def_var",
    "is_empty",
    "is_shared",
    "keys",
    "len",
    "map",
    "max",
    "min",
    "name",
    "parse_float",
    "parse_int",
    "parse_json",
    "print",
    "starts_with",
    "sub_string",
    "to_debug",
    "to_float",
    "to_int",
    "to_json",
    "to_string",
    "type_of",
];

/// Those that change their first argument for sure.
const WRITING: [&str; 24] = [
    "append",
    "chop",
    "clear",
    "crop",
    "dedup",
    "drain",
    "fill_with",
    "insert",
    "make_lower",
    "make_upper",
    "mixin",
    "pad",
    "pop",
    "push",
    "remove",
    "replace",
    "retain",
    "reverse",
    "set",
    "shift",
    "sort",
    "splice",
    "trim",
    "truncate",
];

impl Natives {
    /// Read off Rhai's own declarations once.
    pub(super) fn all() -> &'static Self {
        static ALL: OnceLock<Natives> = OnceLock::new();
        ALL.get_or_init(Self::read)
    }

    fn read() -> Self {
        let mut engine = engine::parser();
        engine::standard(&mut engine);
        values::register(&mut engine);
        let declared = engine.collect_fn_metadata(
            None,
            |f| {
                let name = f.metadata.name.to_string();
                let gives = Shape::named(&f.metadata.return_type);
                Some((name, f.metadata.num_params, gives))
            },
            true,
        );
        let mut natives = Self(HashMap::new());
        for (name, arity, gives) in declared {
            natives.add(&name, arity, gives);
        }
        for (name, arities) in KEYWORDS {
            for arity in arities.clone() {
                let gives = match name {
                    "type_of" => Shape::Of(Type::Text),
                    _ => Shape::Unknown,
                };
                natives.add(name, arity, gives);
            }
        }
        natives
    }

    fn add(&mut self, name: &str, arity: usize, gives: Shape) {
        let known = self.0.entry(name.to_owned()).or_default();
        let known = known.entry(arity).or_insert_with(|| gives.clone());
        // Of several types none is certain.
        if *known != gives {
            *known = Shape::Unknown;
        }
    }

    /// How many arguments a function may have, and what it gives then; nothing when there is none of that name.
    pub(super) fn named(&self, name: &str) -> Option<&BTreeMap<usize, Shape>> {
        self.0.get(name)
    }

    /// What a call gives, as far as that is certain.
    pub(super) fn gives(&self, name: &str, arity: usize) -> Shape {
        let known = self.0.get(name).and_then(|known| known.get(&arity));
        known.cloned().unwrap_or(Shape::Unknown)
    }

    /// Names that can be called, for finding the one that was meant.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        let callable = |name: &&str| {
            name.starts_with(|c: char| c.is_alphabetic()) && !name.contains("$") && *name != "eval"
        };
        self.0.keys().map(String::as_str).filter(callable)
    }

    /// Whether a method leaves its receiver as it was.
    pub(super) fn is_pure(name: &str) -> bool {
        PURE.contains(&name)
    }

    /// Whether a method changes its receiver.
    pub(super) fn is_writing(name: &str) -> bool {
        WRITING.contains(&name)
    }
}

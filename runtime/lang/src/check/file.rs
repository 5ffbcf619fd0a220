//! One file of a script, made ready to be looked through; and all of them together.

use super::Environment;
use super::bodies::{self, Functions, is_closure};
use super::shape::Shape;
use super::survey::Survey;
use super::text::Text;
use crate::params::Param;
use crate::script::{Parsed, Script};
use pb_core::run::{Common, Registry};
use pb_core::spec::{Field, Kind};
use rhai::Stmt;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;
use std::sync::LazyLock;

/// Options that every call of a primitive takes.
pub(super) static COMMON: LazyLock<Vec<Field>> = LazyLock::new(Field::all_of::<Common>);

/// Options of the words, by name.
pub(super) static WORD_OPTIONS: LazyLock<HashMap<&'static str, Vec<Field>>> = LazyLock::new(|| {
    let options = crate::words::WORDS
        .iter()
        .map(|word| (word.name, word.options()));
    options.collect()
});

/// One file.
pub(super) struct File<'a> {
    pub(super) name: &'a str,
    /// The playbook itself, no library.
    pub(super) is_root: bool,
    pub(super) text: Text<'a>,
    pub(super) parsed: &'a Parsed,
    pub(super) functions: Functions,
    pub(super) survey: Survey,
}

/// Everything that a check looks at.
pub(super) struct World<'a> {
    pub(super) registry: &'a Registry,
    pub(super) environment: Option<&'a Environment>,
    pub(super) base: Option<&'a Path>,
    /// What `target` is.
    pub(super) target: Shape,
    /// What calls of primitives give.
    pub(super) results: HashMap<&'static str, Shape>,
    /// Keys of handles that calls take from the environment when they are left out.
    pub(super) handles: HashSet<&'a str>,
    pub(super) params: &'a [Param],
    pub(super) files: BTreeMap<&'a str, File<'a>>,
}

impl<'a> World<'a> {
    pub(super) fn new(
        script: &'a Script,
        registry: &'a Registry,
        environment: Option<&'a Environment>,
        base: Option<&'a Path>,
    ) -> Self {
        let files = script.modules().map(|(name, parsed)| {
            let functions = bodies::functions(&parsed.ast);
            let survey = Survey::of(&parsed.ast, registry, |name| functions.contains_key(name));
            let file = File {
                name,
                is_root: name == script.name(),
                text: Text::new(&script.sources()[name]),
                parsed,
                functions,
                survey,
            };
            (name, file)
        });
        Self {
            registry,
            environment,
            base,
            target: environment.map_or(Shape::Environment, |environment| {
                Shape::value(environment.target.clone())
            }),
            results: registry
                .specs()
                .map(|spec| (spec.name, Shape::result(&spec.result)))
                .collect(),
            handles: registry
                .specs()
                .flat_map(|spec| &spec.fields)
                .filter_map(default_handle)
                .collect(),
            params: script.params(),
            files: files.collect(),
        }
    }

    /// Whether a map may hold a closure by that name: modules hand maps to one another.
    pub(super) fn may_hold(&self, name: &str) -> bool {
        self.files.values().any(|file| file.survey.may_hold(name))
    }

    /// Whether a function of the script may pass a point of no return.
    pub(super) fn lifts(&self) -> bool {
        self.files.values().any(|file| file.survey.lifts)
    }
}

fn default_handle(field: &Field) -> Option<&str> {
    match &field.kind {
        Kind::Handle { default, .. } => default.as_deref(),
        _ => None,
    }
}

impl File<'_> {
    /// Names of its functions.
    pub(super) fn named_functions(&self) -> impl Iterator<Item = &str> {
        self.functions
            .keys()
            .map(|name| name.as_str())
            .filter(|name| !is_closure(name))
    }

    /// Whether a variable is declared at its top.
    pub(super) fn declares_at_top(&self, name: &str) -> bool {
        self.parsed.ast.statements().iter().any(
            |statement| matches!(statement, Stmt::Var(variable, ..) if variable.0.name == name),
        )
    }
}

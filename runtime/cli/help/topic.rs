//! What can be explained: primitives and brackets of the registry, words of the language.

use pb_core::run::{Common, DynBracket, Registry};
use pb_core::spec::{Field, Kind};
use pb_core::{Class, Spec};
use pb_runtime::{WORDS, Word};

/// A page of `pb help`.
pub(super) struct Topic<'a> {
    pub(super) name: &'a str,
    /// What it is listed under.
    pub(super) group: String,
    pub(super) signature: String,
    pub(super) doc: &'a str,
    /// Its arguments and options.
    pub(super) fields: Vec<Field>,
    /// The options that it shares with other calls.
    pub(super) everywhere: Vec<Field>,
    pub(super) result: Vec<Field>,
    pub(super) example: &'a str,
}

/// Primitives by what they work on and by name, then words as the language lists them.
pub(super) fn topics(registry: &Registry) -> Vec<Topic<'_>> {
    let brackets = registry.brackets.values();
    let mut topics: Vec<_> = registry
        .specs()
        .map(of_primitive)
        .chain(brackets.map(|bracket| of_bracket(bracket.as_ref())))
        .collect();
    topics.sort_by(|a, b| (&a.group, a.name).cmp(&(&b.group, b.name)));
    topics.extend(WORDS.iter().map(of_word));
    topics
}

fn of_primitive(spec: &Spec) -> Topic<'_> {
    let everywhere =
        Field::all_of::<Common>()
            .into_iter()
            .filter(|field| match field.name.as_str() {
                "undo" => matches!(spec.class, Class::Ensure | Class::Every),
                "timeout" => !matches!(spec.class, Class::Gate),
                _ => true,
            });
    // A result is given, not asked for.
    let result = spec.result.iter().cloned().map(|field| Field {
        required: false,
        ..field
    });
    Topic {
        name: spec.name,
        group: area(spec.name, &spec.fields),
        signature: signature(spec.name, &spec.fields, &[]),
        doc: spec.doc,
        fields: spec.fields.clone(),
        everywhere: everywhere.collect(),
        result: result.collect(),
        example: spec.example,
    }
}

fn of_bracket(bracket: &dyn DynBracket) -> Topic<'_> {
    Topic {
        name: bracket.name(),
        group: area(bracket.name(), bracket.fields()),
        signature: signature(bracket.word(), bracket.fields(), &["f"]),
        doc: bracket.doc(),
        fields: bracket.fields().to_vec(),
        everywhere: vec![],
        result: vec![],
        example: bracket.example(),
    }
}

fn of_word(word: &Word) -> Topic<'_> {
    Topic {
        name: word.name,
        group: word.group.to_string(),
        signature: word.signature(),
        doc: word.doc,
        fields: word.options(),
        everywhere: vec![],
        result: vec![],
        example: word.example,
    }
}

/// What it works on: the first handle that it takes.
fn area(name: &str, fields: &[Field]) -> String {
    let driver = fields.iter().find_map(|field| match &field.kind {
        Kind::Handle { drivers, .. } => drivers.first(),
        _ => None,
    });
    match driver.map(String::as_str) {
        Some("postgres") => "Databases".into(),
        Some("docker") => "Containers".into(),
        Some("slack" | "discord" | "webhook") => "Chat".into(),
        Some(other) => other.to_owned(),
        None if name.starts_with("http_") || name == "health_check" => "HTTP".into(),
        None => "Other".into(),
    }
}

/// `wait_db(db?, #{ state, dns }?)`.
fn signature(name: &str, fields: &[Field], closure: &[&str]) -> String {
    let optional = |field: &Field| {
        let left_out = !field.required
            || matches!(
                field.kind,
                Kind::Handle {
                    default: Some(_),
                    ..
                }
            );
        if left_out { "?" } else { "" }
    };
    let mut parts: Vec<String> = vec![];
    let mut keys = vec![];
    let mut needed = false;
    for field in fields {
        if field.position.is_some() {
            parts.push(format!("{}{}", field.name, optional(field)));
        } else {
            keys.push(field.name.as_str());
            needed |= field.required;
        }
    }
    if !keys.is_empty() {
        let mark = if needed { "" } else { "?" };
        parts.push(format!("#{{ {} }}{mark}", keys.join(", ")));
    }
    parts.extend(closure.iter().map(|name| (*name).to_owned()));
    format!("{name}({})", parts.join(", "))
}

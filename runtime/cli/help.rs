//! `pb help`: the reference of a primitive, read off its declaration.

use crate::arguments;
use crate::console::Console;
use crate::refusal::Refusal;
use crate::render::fit::{pad, width, wrap};
use crate::render::ink::Tone;
use crate::render::page::Page;
use pb_core::run::{Common, Registry};
use pb_core::spec::{Field, Kind, first_line};
use pb_core::{Class, Failure, code, nearest};
use serde_json::Value;
use std::collections::BTreeMap;

/// What can be called: a primitive, or a bracket around a closure.
struct Word<'a> {
    name: &'a str,
    doc: &'a str,
    example: &'a str,
    fields: &'a [Field],
    result: &'a [Field],
    /// `None` for brackets.
    class: Option<Class>,
}

fn words(registry: &Registry) -> Vec<Word<'_>> {
    let primitives = registry.specs().map(|spec| Word {
        name: spec.name,
        doc: spec.doc,
        example: spec.example,
        fields: &spec.fields,
        result: &spec.result,
        class: Some(spec.class),
    });
    let brackets = registry.brackets.values().map(|bracket| Word {
        name: bracket.name(),
        doc: bracket.doc(),
        example: bracket.example(),
        fields: bracket.fields(),
        result: &[],
        class: None,
    });
    let mut words: Vec<_> = primitives.chain(brackets).collect();
    words.sort_by_key(|word| word.name);
    words
}

/// The page of a primitive.
pub(crate) fn explain(name: &str, registry: &Registry, console: &Console) -> Result<(), Refusal> {
    let words = words(registry);
    let Some(word) = words.iter().find(|word| word.name == name) else {
        let failure = Failure::new(&code::USAGE, format!("there is no primitive `{name}`"));
        let verb = arguments::command(None).find_subcommand(name).is_some();
        return Err(match nearest(name, words.iter().map(|word| word.name)) {
            _ if verb => failure.hint(format!("pb {name} --help")),
            Some(near) => failure.hint(format!("did you mean `pb help {near}`?")),
            None => failure.hint("pb help"),
        }
        .into());
    };
    page(word, console.stdout)
        .iter()
        .for_each(|line| console.result(line));
    Ok(())
}

/// All primitives, by what they work on.
pub(crate) fn list(registry: &Registry, console: &Console) {
    overview(&words(registry), console.stdout)
        .iter()
        .for_each(|line| console.result(line));
}

fn overview(words: &[Word<'_>], page: Page) -> Vec<String> {
    let mut areas: BTreeMap<String, Vec<&Word<'_>>> = BTreeMap::new();
    for word in words {
        areas.entry(area(word)).or_default().push(word);
    }
    let widest = words.iter().map(|word| word.name.len()).max().unwrap_or(0);
    let mut lines = vec![];
    for (area, words) in areas {
        lines.push(page.ink.paint(Tone::Strong, &area));
        for word in words {
            lines.extend(entry(
                word.name,
                &[first_line(word.doc).to_owned()],
                widest,
                page,
            ));
        }
        lines.push(String::new());
    }
    lines.push("`pb help NAME` tells all about one of them.".into());
    lines
}

/// What it works on: the first handle that it takes.
fn area(word: &Word<'_>) -> String {
    let driver = word.fields.iter().find_map(|field| match &field.kind {
        Kind::Handle { drivers, .. } => drivers.first(),
        _ => None,
    });
    match driver.map(String::as_str) {
        Some("postgres") => "Databases".into(),
        Some("docker") => "Containers".into(),
        Some("slack" | "discord" | "webhook") => "Chat".into(),
        Some(other) => other.to_owned(),
        None if word.name.starts_with("http_") || word.name == "health_check" => "HTTP".into(),
        None => "Other".into(),
    }
}

fn page(word: &Word<'_>, page: Page) -> Vec<String> {
    let mut lines = wrap(&signature(word), page.columns() - 2);
    for (at, line) in lines.iter_mut().enumerate() {
        let indent = if at == 0 { "" } else { "  " };
        *line = format!("{indent}{}", page.ink.paint(Tone::Strong, line));
    }
    lines.push(String::new());
    lines.extend(text(word.doc, 0, page));
    let (positional, options): (Vec<&Field>, Vec<&Field>) = word
        .fields
        .iter()
        .partition(|field| field.position.is_some());
    lines.extend(fields("Arguments", &positional, page));
    lines.extend(fields("Options", &options, page));
    let common = Field::all_of::<Common>();
    let everywhere: Vec<&Field> = common
        .iter()
        .filter(|field| match field.name.as_str() {
            "undo" => matches!(word.class, Some(Class::Ensure | Class::Every)),
            "timeout" => !matches!(word.class, Some(Class::Gate)),
            _ => true,
        })
        .filter(|_| word.class.is_some())
        .collect();
    lines.extend(fields("Options of every call", &everywhere, page));
    // A result is given, not asked for.
    let result = word.result.iter().cloned().map(|field| Field {
        required: false,
        ..field
    });
    let result: Vec<Field> = result.collect();
    lines.extend(fields("Result", &result.iter().collect::<Vec<_>>(), page));
    lines.push(String::new());
    lines.push(page.ink.paint(Tone::Strong, "Example"));
    lines.extend(
        word.example
            .trim()
            .lines()
            .map(|line| format!("  {}", page.ink.paint(Tone::Code, line))),
    );
    lines
}

/// `wait_db(db?, #{ state, dns }?)`.
fn signature(word: &Word<'_>) -> String {
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
    for field in word.fields {
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
    if word.class.is_none() {
        parts.push("f".into());
    }
    format!("{}({})", word.name, parts.join(", "))
}

fn fields(title: &str, fields: &[&Field], page: Page) -> Vec<String> {
    if fields.is_empty() {
        return vec![];
    }
    let mut lines = vec![String::new(), page.ink.paint(Tone::Strong, title)];
    let widest = fields
        .iter()
        .map(|field| width(&field.name))
        .max()
        .unwrap_or(0);
    for field in fields {
        let mut said = vec![field.doc.clone(), takes(field)];
        said.retain(|said| !said.is_empty());
        if let Some(inner) = inner(&field.kind) {
            let names: Vec<_> = inner.iter().map(|field| field.name.as_str()).collect();
            said.push(format!("keys: {}", names.join(", ")));
        }
        lines.extend(entry(&field.name, &said, widest, page));
    }
    lines
}

/// What a field takes, and what it is when it is left out.
fn takes(field: &Field) -> String {
    let fallback = match (&field.fallback, &field.kind) {
        (Some(fallback), _) if !is_empty(fallback) => format!(", {fallback} when left out"),
        (
            _,
            Kind::Handle {
                default: Some(key), ..
            },
        ) => format!(", `target.{key}` when left out"),
        _ if field.required => ", required".into(),
        _ => String::new(),
    };
    format!("{}{fallback}", field.kind)
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::String(text) => text.is_empty(),
        _ => false,
    }
}

/// The keys of a map of options, also where a list or something else is taken too.
fn inner(kind: &Kind) -> Option<&[Field]> {
    match kind {
        Kind::Options(fields) => Some(fields),
        Kind::List(inner) | Kind::MapOf(inner) => self::inner(inner),
        Kind::AnyOf(kinds) => kinds.iter().find_map(inner),
        _ => None,
    }
}

/// A name, and beside it what is said of it.
fn entry(name: &str, said: &[String], widest: usize, page: Page) -> Vec<String> {
    let mut lines: Vec<String> = said
        .iter()
        .flat_map(|said| text(said, widest + 4, page))
        .collect();
    if let Some(first) = lines.first_mut() {
        let name = page.ink.paint(Tone::Code, &pad(name, widest));
        *first = format!("  {name}  {}", first.trim_start());
    }
    lines
}

/// The lines of a text. Paragraphs and list items are filled anew: doc comments are broken where their source is.
fn text(text: &str, indent: usize, page: Page) -> Vec<String> {
    let mut filled: Vec<String> = vec![];
    for line in text.trim().lines() {
        // `# Shape The rows.` and `Shape: The rows.` are written by different people and mean the same.
        let heading = line
            .strip_prefix("# ")
            .map(|line| line.replacen(' ', ": ", 1));
        let starts = heading.is_some();
        let line = heading.as_deref().unwrap_or(line);
        let starts = starts || line.is_empty() || line.starts_with(['-', '|', ' ']);
        match filled.last_mut().filter(|last| !starts && !last.is_empty()) {
            Some(last) => *last += &format!(" {line}"),
            None => filled.push(line.to_owned()),
        }
    }
    let columns = page.columns().saturating_sub(indent);
    let lines = filled
        .iter()
        .flat_map(|line| wrap(&page.ink.spell(line), columns));
    lines
        .map(|line| format!("{:indent$}{line}", "").trim_end().to_owned())
        .collect()
}

//! `pb help`: the reference of primitives and words, read off their declarations.

mod topic;

use crate::arguments;
use crate::console::Console;
use crate::refusal::Refusal;
use crate::render::fit::{pad, width, wrap};
use crate::render::ink::Tone;
use crate::render::page::Page;
use pb_core::run::Registry;
use pb_core::spec::{Field, Kind, first_line};
use pb_core::{Failure, code, nearest};
use serde_json::Value;
use topic::{Topic, topics};

/// The page of a primitive or a word.
pub(crate) fn explain(name: &str, registry: &Registry, console: &Console) -> Result<(), Refusal> {
    let topics = topics(registry);
    let Some(topic) = topics.iter().find(|topic| topic.name == name) else {
        let message = format!("there is neither a primitive nor a word `{name}`");
        let failure = Failure::new(&code::USAGE, message);
        let verb = arguments::command(None).find_subcommand(name).is_some();
        return Err(match nearest(name, topics.iter().map(|topic| topic.name)) {
            _ if verb => failure.hint(format!("pb {name} --help")),
            Some(near) => failure.hint(format!("did you mean `pb help {near}`?")),
            None => failure.hint("pb help"),
        }
        .into());
    };
    page(topic, console.stdout)
        .iter()
        .for_each(|line| console.result(line));
    Ok(())
}

/// All primitives by what they work on, then all words by group.
pub(crate) fn list(registry: &Registry, console: &Console) {
    overview(&topics(registry), console.stdout)
        .iter()
        .for_each(|line| console.result(line));
}

fn overview(topics: &[Topic<'_>], page: Page) -> Vec<String> {
    let widest = topics
        .iter()
        .map(|topic| topic.name.len())
        .max()
        .unwrap_or(0);
    let mut lines = vec![];
    for group in topics.chunk_by(|a, b| a.group == b.group) {
        lines.push(page.ink.paint(Tone::Strong, &group[0].group));
        for topic in group {
            let said = [first_line(topic.doc).to_owned()];
            lines.extend(entry(topic.name, &said, widest, page));
        }
        lines.push(String::new());
    }
    lines.push("`pb help NAME` tells all about one of them.".into());
    lines
}

fn page(topic: &Topic<'_>, page: Page) -> Vec<String> {
    let mut lines = wrap(&topic.signature, page.columns() - 2);
    for (at, line) in lines.iter_mut().enumerate() {
        let indent = if at == 0 { "" } else { "  " };
        *line = format!("{indent}{}", page.ink.paint(Tone::Strong, line));
    }
    lines.push(String::new());
    lines.extend(text(topic.doc, 0, page));
    let (positional, options): (Vec<Field>, Vec<Field>) = topic
        .fields
        .iter()
        .cloned()
        .partition(|field| field.position.is_some());
    lines.extend(fields("Arguments", &positional, page));
    lines.extend(fields("Options", &options, page));
    lines.extend(fields("Options of every call", &topic.everywhere, page));
    lines.extend(fields("Result", &topic.result, page));
    lines.push(String::new());
    lines.push(page.ink.paint(Tone::Strong, "Example"));
    lines.extend(
        topic
            .example
            .trim()
            .lines()
            .map(|line| format!("  {}", page.ink.paint(Tone::Code, line))),
    );
    lines
}

fn fields(title: &str, fields: &[Field], page: Page) -> Vec<String> {
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

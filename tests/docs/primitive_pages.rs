//! One page per primitive and bracket, made from its declaration.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use pb_core::run::{Common, Registry};
use pb_core::spec::{Field, Kind};
use pb_core::{Class, Spec};
use pb_runtime::Script;
use serde_json::Value;

use super::generated::{self, MARK};
use crate::rules::{none, repository_files};

const FOLDER: &str = "book/src/reference/primitives";
/// As its pages see it.
const ERRORS: &str = "../errors.md";

/// What a page shows of a call.
pub(super) struct Shown {
    pub(super) name: String,
    /// As scripts call it.
    word: String,
    /// Its file, relative to the root of the repository.
    pub(super) file: PathBuf,
    /// `None` for brackets.
    class: Option<Class>,
    pub(super) doc: String,
    pub(super) example: String,
    pub(super) fields: Vec<Field>,
    result: Vec<Field>,
}

pub(super) fn registry() -> Registry {
    pb_stdlib::registry(Path::new("."), None)
}

/// Every primitive and bracket, by name.
pub(super) fn all() -> Vec<Shown> {
    let registry = registry();
    let primitives = registry.specs().map(of_spec);
    let brackets = registry.brackets.values().map(|bracket| Shown {
        name: bracket.name().to_owned(),
        word: bracket.word().to_owned(),
        file: file_of(bracket.name()),
        class: None,
        doc: bracket.doc().to_owned(),
        example: bracket.example().to_owned(),
        fields: bracket.fields().to_vec(),
        result: vec![],
    });
    let mut all: Vec<_> = primitives.chain(brackets).collect();
    all.sort_by(|a, b| a.name.cmp(&b.name));
    for shown in &mut all {
        // What has to be said is read first.
        let place = |field: &Field| (field.position.unwrap_or(u64::MAX), !field.required);
        shown.fields.sort_by_key(place);
    }
    all
}

fn of_spec(spec: &Spec) -> Shown {
    Shown {
        name: spec.name.to_owned(),
        word: spec.name.to_owned(),
        file: file_of(spec.name),
        class: Some(spec.class),
        doc: spec.doc.to_owned(),
        example: spec.example.to_owned(),
        fields: spec.fields.clone(),
        result: spec.result.clone(),
    }
}

/// One primitive per file, or folder, named after it.
fn file_of(name: &str) -> PathBuf {
    let [file, folder] = [format!("{name}.rs"), format!("{name}/mod.rs")];
    let mut files = repository_files().into_iter().filter(|path| {
        path.starts_with("stdlib/src") && (path.ends_with(&file) || path.ends_with(&folder))
    });
    files
        .next()
        .unwrap_or_else(|| panic!("`{name}` has no file of its own, stdlib/src/<area>/{name}.rs"))
}

impl Shown {
    /// The folder that its file lies in, such as `postgres`.
    pub(super) fn area(&self) -> &str {
        let mut parts = self.file.iter().skip(2);
        parts.next().and_then(|area| area.to_str()).unwrap()
    }

    /// `wait_db(db?, #{ … }?)`.
    pub(super) fn signature(&self) -> String {
        let places = self.fields.iter().filter(|field| field.position.is_some());
        let mut parts: Vec<String> = places
            .map(|field| match may_be_left_out(field) {
                true => format!("{}?", field.name),
                false => field.name.clone(),
            })
            .collect();
        parts.extend(self.options_shown());
        if self.class.is_none() {
            parts.push("f".into());
        }
        format!("{}({})", self.word, parts.join(", "))
    }

    /// All options, and the question mark when none of them is needed.
    fn options_shown(&self) -> Option<String> {
        let options = self.fields.iter().filter(|field| field.position.is_none());
        let (names, needed): (Vec<_>, Vec<_>) = options
            .map(|field| (field.name.as_str(), field.required))
            .unzip();
        let mark = if needed.contains(&true) { "" } else { "?" };
        (!names.is_empty()).then(|| format!("#{{ {} }}{mark}", names.join(", ")))
    }

    /// The keys of its result with those that the kernel adds; none when it is no map.
    fn result_fields(&self) -> Vec<(String, String, String)> {
        let mut rows: Vec<_> = self
            .result
            .iter()
            .map(|field| {
                (
                    field.name.clone(),
                    field.kind.to_string(),
                    one_line(&field.doc),
                )
            })
            .collect();
        let mut add = |name: &str, kind: &str, doc: &str| {
            rows.push((name.into(), kind.into(), doc.into()));
        };
        match self.class {
            Some(Class::Ensure | Class::Every) => {
                add("changed", "true or false", "Whether it changed anything.");
            }
            Some(Class::Gate) => add("attempts", "a whole number", "How often it looked."),
            Some(Class::Read) | None => {}
        }
        add("took", "a number", "Seconds, retries and waits included.");
        rows
    }

    fn page(&self) -> String {
        let mut page = format!("{MARK}`{}`. -->\n\n", self.file.display());
        let (first, rest) = self.doc.split_once('\n').unwrap_or((&self.doc, ""));
        writeln!(page, "# {}\n\n{first}\n", self.name).unwrap();
        writeln!(page, "```text\n{}\n```\n", wrapped(&self.signature())).unwrap();
        writeln!(page, "{}\n", kind_of(self.class)).unwrap();
        if !rest.trim().is_empty() {
            writeln!(page, "{}\n", sections(rest.trim())).unwrap();
        }
        page += "## Arguments\n\n";
        page += &self.arguments();
        if !self.result.is_empty() {
            page += "## Result\n\nA map; asking it for another key is an error.\n\n";
            page += "| key | type | what |\n|---|---|---|\n";
            for (name, kind, doc) in self.result_fields() {
                writeln!(page, "| `{name}` | {} | {} |", cell(&kind), cell(&doc)).unwrap();
            }
            page.push('\n');
        }
        writeln!(page, "## Example\n\n```rhai\n{}\n```", self.example.trim()).unwrap();
        page
    }

    /// What waits has a `deadline`, and what only looks has nothing to undo.
    fn has_use_for(&self, common: &str) -> bool {
        match self.class {
            Some(Class::Gate) => !["timeout", "undo"].contains(&common),
            Some(Class::Read) => common != "undo",
            Some(Class::Ensure | Class::Every) | None => true,
        }
    }

    fn arguments(&self) -> String {
        let mut text = String::new();
        let mut nested = vec![];
        if !self.fields.is_empty() {
            text += &table(&self.fields, "", &mut nested);
        }
        // Nested maps are added while they are walked.
        let mut at = 0;
        while at < nested.len() {
            let (path, fields): (String, Vec<Field>) = nested[at].clone();
            writeln!(text, "### `{path}`\n").unwrap();
            text += &table(&fields, &path, &mut nested);
            at += 1;
        }
        if self.class.is_none() {
            return text + "At the end stands the closure.\n\n";
        }
        let own = |name: &str| self.fields.iter().any(|field| field.name == name);
        let common = Field::all_of::<Common>();
        let names = common
            .iter()
            .filter(|field| !own(&field.name) && self.has_use_for(&field.name));
        let names: Vec<_> = names.map(|field| format!("`{}`", field.name)).collect();
        let link = "[Options of every call](../primitives.md#options-of-every-call)";
        writeln!(text, "{link}: {}.\n", names.join(", ")).unwrap();
        text
    }
}

fn may_be_left_out(field: &Field) -> bool {
    let handle = matches!(
        &field.kind,
        Kind::Handle {
            default: Some(_),
            ..
        }
    );
    !field.required || handle
}

fn kind_of(class: Option<Class>) -> &'static str {
    match class {
        Some(Class::Read) => {
            "A [read](../../concepts/kernel.md#four-kinds-of-steps): it looks and tells, and changes nothing."
        }
        Some(Class::Gate) => {
            "A [gate](../../concepts/kernel.md#four-kinds-of-steps): it looks until a condition holds."
        }
        Some(Class::Ensure) => {
            "An [ensure step](../../concepts/kernel.md#four-kinds-of-steps): a second run finds nothing to do."
        }
        Some(Class::Every) => {
            "It [runs every time](../../concepts/kernel.md#four-kinds-of-steps): there is nothing that it could find done."
        }
        None => "A bracket: it stands around a closure.",
    }
}

/// The table of the fields; the maps among them go to `nested` under their path.
pub(super) fn table(
    fields: &[Field],
    path: &str,
    nested: &mut Vec<(String, Vec<Field>)>,
) -> String {
    let mut text = "| name | type | default | what |\n|---|---|---|---|\n".to_owned();
    for field in fields {
        let inside = match path {
            "" => field.name.clone(),
            path => format!("{path}.{}", field.name),
        };
        let mut maps = vec![];
        options_in(&field.kind, &mut maps);
        nested.extend(
            maps.into_iter()
                .map(|fields| (inside.clone(), fields.to_vec())),
        );
        let name = match field.position {
            Some(_) => format!("**`{}`**", field.name),
            None => format!("`{}`", field.name),
        };
        let kind = cell(&field.kind.to_string());
        let (default, doc) = (cell(&default_of(field)), cell(&one_line(&field.doc)));
        writeln!(text, "| {name} | {kind} | {default} | {doc} |").unwrap();
    }
    text + "\n"
}

fn options_in<'a>(kind: &'a Kind, found: &mut Vec<&'a [Field]>) {
    match kind {
        Kind::Options(fields) => found.push(fields),
        Kind::List(inner) | Kind::MapOf(inner) => options_in(inner, found),
        Kind::AnyOf(kinds) => kinds.iter().for_each(|kind| options_in(kind, found)),
        Kind::Text | Kind::Secret | Kind::Int | Kind::Number | Kind::Bool | Kind::Duration => {}
        Kind::Choice(_) | Kind::Handle { .. } | Kind::Any => {}
    }
}

fn default_of(field: &Field) -> String {
    match (&field.kind, &field.fallback) {
        (
            Kind::Handle {
                default: Some(key), ..
            },
            _,
        ) => format!("`target.{key}`"),
        _ if field.required => "needed".into(),
        (_, Some(Value::Object(map))) if map.is_empty() => "`#{}`".into(),
        // A map of defaults repeats what its own table says.
        (_, Some(Value::Object(_)) | None) => String::new(),
        (_, Some(value)) => format!("`{value}`"),
    }
}

/// The parts of a reference text that have a name; some authors write them as headings, some as the first word.
const PARTS: &[&str] = &["Shape", "Errors", "Effect", "Source"];

/// The paragraphs of a reference text, each part with its name in bold, each code a link to what it means.
fn sections(text: &str) -> String {
    let mut page = String::new();
    for line in text.lines() {
        let part = PARTS.iter().find_map(|part| {
            let rest = line.strip_prefix("# ").unwrap_or(line).strip_prefix(part)?;
            match rest.strip_prefix(": ") {
                Some(rest) => Some((part, format!("{rest}\n"))),
                None if rest.is_empty() => Some((part, String::new())),
                None => None,
            }
        });
        page += &match part {
            Some((part, rest)) => format!("**{part}:** {}", linked(&rest, ERRORS)),
            None => linked(line, ERRORS) + "\n",
        };
    }
    page.trim_end().to_owned()
}

/// Every code of an error as a link to what it means, on the page of errors.
pub(super) fn linked(text: &str, errors: &str) -> String {
    let mut linked = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("PB") {
        let digits = rest
            .get(at + 2..at + 6)
            .filter(|n| n.bytes().all(|b| b.is_ascii_digit()));
        match digits {
            None => linked += &rest[..at + 2],
            Some(digits) => {
                linked += rest[..at].trim_end_matches('`');
                write!(linked, "[PB{digits}]({errors}#PB{digits})").unwrap();
            }
        }
        rest = match digits {
            None => &rest[at + 2..],
            Some(_) => rest[at + 6..].trim_start_matches('`'),
        };
    }
    linked + rest
}

/// Lines of a hundred characters at most, broken between options.
fn wrapped(signature: &str) -> String {
    let mut lines = vec![String::new()];
    for word in signature.split_inclusive(' ') {
        let line = lines.last_mut().unwrap();
        match line.chars().count() + word.trim_end().chars().count() > 100 {
            true => lines.push(format!("    {word}")),
            false => line.push_str(word),
        }
    }
    lines
        .iter()
        .map(|line| line.trim_end())
        .collect::<Vec<_>>()
        .join("\n")
}

fn one_line(doc: &str) -> String {
    doc.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

#[test]
fn every_primitive_has_the_page_of_its_declaration() {
    for shown in all() {
        generated::page(format!("{FOLDER}/{}.md", shown.name), &shown.page());
    }
}

#[test]
fn no_page_is_about_a_primitive_that_is_gone() {
    let known: Vec<_> = all().into_iter().map(|shown| shown.name).collect();
    let stale = repository_files().into_iter().filter(|path| {
        let stem = path.file_stem().unwrap().to_str().unwrap();
        path.starts_with(FOLDER) && !known.iter().any(|name| name == stem)
    });
    let stale: Vec<_> = stale.map(|path| path.display().to_string()).collect();
    none(&stale, "delete these pages: no primitive has that name");
}

/// Options are keys of map literals and results are read as properties: neither may be a word that Rhai reserves.
#[test]
fn scripts_can_write_every_name() {
    let reserved = |name: &str| {
        let option = format!("#{{ {name}: 1 }}");
        let key = format!("let map = #{{}}; map.{name}");
        [option, key]
            .iter()
            .any(|text| Script::from_text("name.rhai", text, &[]).is_err())
    };
    let mut found = vec![];
    for shown in all() {
        let names = shown.fields.iter().chain(&shown.result);
        let names = names.map(|field| field.name.as_str());
        found.extend(
            names
                .filter(|name| reserved(name))
                .map(|name| format!("{}: {name}", shown.name)),
        );
    }
    none(&found, "rename these: Rhai reserves the word");
}

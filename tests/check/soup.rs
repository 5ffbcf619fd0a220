//! Scripts that nobody would write, of our own words: grown from a grammar, shaken out of tokens, cut out of playbooks.

use std::fmt::Write;
use std::path::Path;

use pb_core::run::Registry;
use pb_core::spec::{Field, Kind};
use pb_runtime::WORDS;

use super::chance::Chance;
use super::mutant::mutant;
use super::pieces::{LITERALS, NAMES, TOKENS};
use crate::rules::{extension, read, repository_files};

/// How deep statements stand within one another.
const TOP: usize = 3;

/// What scripts are made of.
pub(super) struct Soup {
    calls: Vec<(String, Vec<Field>)>,
    keys: Vec<String>,
    playbooks: Vec<String>,
}

impl Soup {
    pub(super) fn new(registry: &Registry) -> Self {
        let mut calls: Vec<_> = registry
            .specs()
            .map(|spec| (spec.name.to_owned(), spec.fields.clone()))
            .collect();
        let brackets = registry.brackets.values();
        calls.extend(brackets.map(|one| (one.name().to_owned(), one.fields().to_vec())));
        calls.extend(
            WORDS
                .iter()
                .map(|word| (word.name.to_owned(), word.options())),
        );
        let mut keys = vec![
            "id".into(),
            "retry".into(),
            "timeout".into(),
            "undo".into(),
            "nonsense".into(),
        ];
        calls
            .iter()
            .for_each(|(_, fields)| names(fields, &mut keys));
        let ours = |path: &Path| path.starts_with("tests/check") || path.starts_with("playbooks");
        let playbooks = repository_files().into_iter();
        let playbooks = playbooks.filter(|path| ours(path) && extension(path) == "rhai");
        Self {
            calls,
            keys,
            playbooks: playbooks.map(|path| read(&path)).collect(),
        }
    }

    pub(super) fn script(&self, chance: &mut Chance) -> String {
        match chance.below(4) {
            0 => mutant(&self.playbooks, chance),
            1 => self.tokens(chance),
            _ => {
                let mut text = String::new();
                for _ in 0..=chance.below(12) {
                    self.statement(chance, TOP, &mut text);
                }
                text
            }
        }
    }

    fn tokens(&self, chance: &mut Chance) -> String {
        let mut text = String::new();
        for _ in 0..chance.below(60) {
            match chance.below(3) {
                0 => text.push_str(&chance.of(&self.calls).0),
                1 => text.push_str(chance.of(&self.keys).as_str()),
                _ => text.push_str(TOKENS[chance.below(TOKENS.len())]),
            }
            text.push_str(["", " ", "\n", " "][chance.below(4)]);
        }
        text
    }

    fn statement(&self, chance: &mut Chance, depth: usize, text: &mut String) {
        let within = depth.saturating_sub(1);
        let name = (*chance.of(NAMES)).to_owned();
        let value = self.value(chance, within);
        let kind = match depth {
            0 => chance.below(4),
            // Functions and imports stand at the top.
            TOP => chance.below(12),
            _ => chance.below(10),
        };
        match kind {
            0 => write!(text, "let {name} = {value};"),
            1 => write!(text, "{name} = {value};"),
            2 | 3 => write!(text, "{};", self.call(chance, within)),
            4 => write!(
                text,
                "if {value} == {name} {{\n{}}} else {{ {name} }}",
                self.block(chance, within)
            ),
            5 => write!(
                text,
                "for ({name}, at) in [{value}] {{\n{}}}",
                self.block(chance, within)
            ),
            10 => write!(
                text,
                "fn {name}_{}({name}) {{\n{}}}",
                chance.below(9999),
                self.block(chance, within)
            ),
            7 => write!(
                text,
                "try {{\n{}}} catch (err) {{ print(err.{name}); }}",
                self.block(chance, within)
            ),
            8 => write!(
                text,
                "switch {value} {{ 1 => {name}, \"a\" if {name} => {value}, _ => () }}"
            ),
            9 => write!(
                text,
                "while {name} {{\n{}{}}}",
                self.block(chance, within),
                chance.of(&["break;\n", "continue;\n", "return;\n", ""])
            ),
            6 => write!(
                text,
                "{name}.{}[{value}] += {value};",
                chance.of(&self.keys)
            ),
            _ => write!(
                text,
                "import \"{}\" as {name};\n{name}::{}({value});",
                ["std/rollout", "std/rollout", "./x"][chance.below(3)],
                chance.of(NAMES)
            ),
        }
        .unwrap();
        text.push('\n');
    }

    fn block(&self, chance: &mut Chance, depth: usize) -> String {
        let mut text = String::new();
        for _ in 0..=chance.below(3) {
            self.statement(chance, depth, &mut text);
        }
        text
    }

    fn call(&self, chance: &mut Chance, depth: usize) -> String {
        let (name, fields) = chance.of(&self.calls);
        let mut args = vec![];
        for _ in 0..chance.below(3) {
            args.push(self.value(chance, depth.min(1)));
        }
        if chance.one_in(2) {
            let mut options = vec![];
            for _ in 0..=chance.below(4) {
                let key = match fields.is_empty() || chance.one_in(3) {
                    true => chance.of(&self.keys).clone(),
                    false => chance.of(fields).name.clone(),
                };
                options.push((key, self.value(chance, depth)));
            }
            // Rhai refuses a key that stands there twice.
            options.sort();
            options.dedup_by(|a, b| a.0 == b.0);
            let options = options.iter().map(|(key, value)| format!("{key}: {value}"));
            args.push(format!("#{{ {} }}", options.collect::<Vec<_>>().join(", ")));
        }
        if chance.one_in(3) {
            args.push(format!(
                "|{}| {{\n{}}}",
                chance.of(NAMES),
                self.block(chance, depth.saturating_sub(1))
            ));
        }
        match chance.one_in(5) && !args.is_empty() {
            true => format!("({}).{name}({})", args[0], args[1..].join(", ")),
            false => format!("{name}({})", args.join(", ")),
        }
    }

    fn value(&self, chance: &mut Chance, depth: usize) -> String {
        let kind = if depth == 0 {
            chance.below(2)
        } else {
            chance.below(8)
        };
        match kind {
            0 => (*chance.of(LITERALS)).to_owned(),
            1 => (*chance.of(NAMES)).to_owned(),
            2 => format!(
                "[{}, {}]",
                self.value(chance, depth - 1),
                self.value(chance, depth - 1)
            ),
            3 => format!(
                "#{{ {}: {} }}",
                chance.of(&self.keys),
                self.value(chance, depth - 1)
            ),
            4 => format!("`a ${{{}}} b`", self.value(chance, depth - 1)),
            5 => format!(
                "{}{}{}",
                self.value(chance, depth - 1),
                chance.of(&[" + ", " == ", " ?? ", "?.", ".", " in "]),
                chance.of(NAMES)
            ),
            6 => format!("|{}| {}", chance.of(NAMES), self.value(chance, depth - 1)),
            _ => self.call(chance, depth - 1),
        }
    }
}

/// The names of fields and of what stands in them.
fn names(fields: &[Field], names_of: &mut Vec<String>) {
    for field in fields {
        names_of.push(field.name.clone());
        inner(&field.kind, names_of);
    }
}

fn inner(kind: &Kind, names_of: &mut Vec<String>) {
    match kind {
        Kind::Options(fields) => names(fields, names_of),
        Kind::List(kind) | Kind::MapOf(kind) => inner(kind, names_of),
        Kind::AnyOf(kinds) => kinds.iter().for_each(|kind| inner(kind, names_of)),
        _ => {}
    }
}

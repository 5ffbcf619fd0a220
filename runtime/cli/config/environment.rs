//! Reads the tables of a `pb.toml`. Everything that is not understood is an error at its place.

use super::document::Document;
use super::{Drivers, LOCAL, handle};
use crate::refusal::Refusal;
use pb_core::{SecretText, nearest};
use serde_json::{Map, Value};
use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

/// What stands at the top of a `pb.toml`.
const TABLES: &[&str] = &["package", "dependencies", "env"];
/// Where secrets come from.
const SOURCES: &[&str] = &["env", "file", "cmd"];

/// The key of an environment that is touched with special care.
const PROTECTED: &str = "protected";

pub(super) type Key<'a> = Spanned<DeString<'a>>;
pub(super) type Item<'a> = Spanned<DeValue<'a>>;

/// What a table of an environment says.
pub(super) struct Read {
    /// As scripts see it.
    pub(super) target: Value,
    pub(super) protected: bool,
}

/// The environment of that name; `None` for the local one, which need not be there.
pub(super) fn read(
    document: &Document,
    name: &str,
    drivers: &Drivers,
) -> Result<Option<Read>, Refusal> {
    let parsed = DeTable::parse(&document.text).map_err(|error| {
        let span = error.span().unwrap_or(0..0);
        Refusal::from(
            document
                .wrong(span, "`pb.toml` could not be parsed")
                .because(error.message().trim()),
        )
    })?;
    let reader = Reader { document, drivers };
    let mut chosen = None;
    let mut names = vec![];
    for (key, item) in parsed.get_ref().iter() {
        if !TABLES.contains(&&**key.get_ref()) {
            return Err(reader.unknown(key, "`pb.toml` has no table", TABLES));
        }
        if &**key.get_ref() != "env" {
            continue;
        }
        // All of them are read: a mistake in one should not wait for the night on which it is needed.
        for (env, table) in reader.table(item, "`env`")?.iter() {
            let path = format!("env.{}", env.get_ref());
            let read = reader.environment(&path, reader.table(table, &format!("`{path}`"))?)?;
            if &**env.get_ref() == name {
                chosen = Some(read);
            }
            names.push(env.get_ref().to_string());
        }
    }
    if chosen.is_some() || name == LOCAL {
        return Ok(chosen);
    }
    let complaint = document.wrong(0..0, format!("there is no environment `{name}`"));
    let known = names
        .iter()
        .map(|name| format!("`{name}`"))
        .collect::<Vec<_>>()
        .join(", ");
    let because = if known.is_empty() {
        "`pb.toml` has none".into()
    } else {
        format!("`pb.toml` has {known}")
    };
    let complaint = complaint.because(because);
    Err(match nearest(name, names.iter().map(String::as_str)) {
        Some(near) => complaint.hint(format!("did you mean `-e {near}`?")).into(),
        None => complaint.into(),
    })
}

/// Turns what TOML says into what scripts see.
pub(super) struct Reader<'a> {
    pub(super) document: &'a Document,
    pub(super) drivers: &'a Drivers,
}

impl Reader<'_> {
    fn environment(&self, path: &str, table: &DeTable<'_>) -> Result<Read, Refusal> {
        let mut target = Map::new();
        let mut protected = false;
        for (key, item) in table.iter() {
            let name: &str = key.get_ref();
            if self.drivers.contains_key(name) && item.get_ref().as_table().is_none() {
                let message = format!(
                    "`{name}` is a driver, not a name: `{path}` needs a table of its own for it"
                );
                return Err(self
                    .document
                    .wrong(key.span(), message)
                    .hint(format!("main = {{ {name} = … }}"))
                    .into());
            }
            // It is about runs, not for them: a playbook that did something else there would not be the one that was tried.
            if name == PROTECTED {
                protected = item.get_ref().as_bool().ok_or_else(|| {
                    let message = format!("`{PROTECTED}` of `{path}` takes true or false");
                    self.document.wrong(item.span(), message)
                })?;
                continue;
            }
            target.insert(
                name.to_owned(),
                self.value(&format!("{path}.{name}"), name, item)?,
            );
        }
        let target = target.into();
        Ok(Read { target, protected })
    }

    /// `path` is for messages, `name` is what a handle is called by.
    pub(super) fn value(&self, path: &str, name: &str, item: &Item<'_>) -> Result<Value, Refusal> {
        Ok(match item.get_ref() {
            DeValue::String(text) => self.text(path, text, item)?,
            DeValue::Boolean(yes) => (*yes).into(),
            DeValue::Datetime(moment) => moment.to_string().into(),
            DeValue::Integer(n) => {
                let digits = n.as_str().replace('_', "");
                let value = i64::from_str_radix(&digits, n.radix());
                value
                    .map_err(|_| {
                        self.document
                            .wrong(item.span(), format!("`{path}` is too large a number"))
                    })?
                    .into()
            }
            DeValue::Float(n) => {
                let value = n
                    .as_str()
                    .replace('_', "")
                    .parse::<f64>()
                    .ok()
                    .filter(|n| n.is_finite());
                value
                    .ok_or_else(|| {
                        self.document
                            .wrong(item.span(), format!("`{path}` is no finite number"))
                    })?
                    .into()
            }
            DeValue::Array(items) => {
                let values = items.iter().enumerate().map(|(at, item)| {
                    let [path, name] = [path, name].map(|text| format!("{text}[{at}]"));
                    self.value(&path, &name, item)
                });
                Value::Array(values.collect::<Result<_, _>>()?)
            }
            DeValue::Table(table) => handle::read(self, path, name, item, table)?,
        })
    }

    pub(super) fn plain(
        &self,
        path: &str,
        name: &str,
        table: &DeTable<'_>,
    ) -> Result<Map<String, Value>, Refusal> {
        let entries = table.iter().map(|(key, item)| {
            let key: &str = key.get_ref();
            let [path, name] = [path, name].map(|text| format!("{text}.{key}"));
            Ok((key.to_owned(), self.value(&path, &name, item)?))
        });
        entries.collect()
    }

    fn text(&self, path: &str, text: &str, item: &Item<'_>) -> Result<Value, Refusal> {
        if let Some(reference) = text.strip_prefix("secret:") {
            let (source, rest) = reference.split_once(':').unwrap_or((reference, ""));
            if !SOURCES.contains(&source) || rest.is_empty() {
                let message = format!("`{path}` is no reference to a secret");
                let complaint = self.document.wrong(item.span(), message);
                let complaint = complaint.because(
                    "a reference is `secret:env:NAME`, `secret:file:PATH` or `secret:cmd:COMMAND`",
                );
                return Err(match nearest(source, SOURCES.iter().copied()) {
                    Some(near) if near != source => {
                        complaint.hint(format!("did you mean `secret:{near}:{rest}`?"))
                    }
                    _ => complaint,
                }
                .into());
            }
        } else if super::password::find(text).is_some() {
            let message = format!("`{path}` holds a password");
            let complaint = self.document.wrong(item.span(), message);
            let complaint = complaint
                .because("`pb.toml` is read by many; a secret is named there, not written down");
            return Err(complaint
                .hint("write `secret:env:NAME` and put the whole text into that variable")
                .into());
        }
        Ok(SecretText::of_config(text).as_str().into())
    }

    fn table<'t, 'd>(&self, item: &'t Item<'d>, what: &str) -> Result<&'t DeTable<'d>, Refusal> {
        let wrong = || {
            self.document
                .wrong(item.span(), format!("{what} takes a table"))
        };
        Ok(item.get_ref().as_table().ok_or_else(wrong)?)
    }

    pub(super) fn unknown(&self, key: &Key<'_>, what: &str, known: &[&str]) -> Refusal {
        let name: &str = key.get_ref();
        let complaint = self.document.wrong(key.span(), format!("{what} `{name}`"));
        match nearest(name, known.iter().copied()) {
            Some(near) => complaint.hint(format!("did you mean `{near}`?")).into(),
            None => {
                let known = known
                    .iter()
                    .map(|name| format!("`{name}`"))
                    .collect::<Vec<_>>()
                    .join(", ");
                complaint.because(format!("there are {known}")).into()
            }
        }
    }
}

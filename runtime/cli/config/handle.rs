//! A table with a driver's key is a handle: a database, an engine, a router.

use super::environment::{Item, Key, Reader};
use crate::refusal::Refusal;
use pb_core::{Handle, Table, spec};
use serde_json::Value;
use toml::de::DeTable;

/// The table as a handle, or as plain data when it names no driver.
pub(super) fn read(
    reader: &Reader<'_>,
    path: &str,
    name: &str,
    item: &Item<'_>,
    table: &DeTable<'_>,
) -> Result<Value, Refusal> {
    let document = reader.document;
    let mut keys = table
        .keys()
        .filter(|key| reader.drivers.contains_key(&**key.get_ref()));
    let (first, second) = (keys.next(), keys.next());
    let Some(first) = first else {
        typed_wrong(reader, path, table)?;
        return Ok(reader.plain(path, name, table)?.into());
    };
    let driver: &str = first.get_ref();
    if let Some(second) = second {
        let message = format!(
            "`{path}` names two drivers, `{driver}` and `{}`",
            second.get_ref()
        );
        return Err(document.wrong(second.span(), message).into());
    }
    let config = reader.plain(path, name, table)?;
    let Table { fields, check } = &reader.drivers[driver];
    let checked = spec::check(path, fields, &config).and_then(|()| check(&config));
    checked.map_err(|failure| {
        // `ports[1]` and `health.path` point at `ports` and `health`.
        let option = failure
            .data
            .get("option")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned();
        let key = option.split(['.', '[']).next().unwrap_or_default();
        let entry = table.iter().find(|(known, _)| &**known.get_ref() == key);
        let span = match entry {
            Some((known, _)) if fields.iter().all(|field| field.name != key) => known.span(),
            Some((_, value)) => value.span(),
            // A driver's own complaint names no key: it is about the address.
            None if option.is_empty() => first.span(),
            None => item.span(),
        };
        Refusal::from(document.complain(span, failure))
    })?;
    let handle = Handle {
        driver: driver.to_owned(),
        name: name.to_owned(),
        config,
        transaction: None,
    };
    Ok(handle.to_value())
}

/// One letter off a driver's name is a typing error, not data.
fn typed_wrong(reader: &Reader<'_>, path: &str, table: &DeTable<'_>) -> Result<(), Refusal> {
    let meant = |key: &Key<'_>| {
        let mut drivers = reader.drivers.keys();
        drivers
            .find(|driver| strsim::damerau_levenshtein(driver, key.get_ref()) == 1)
            .copied()
    };
    match table.keys().find_map(|key| Some((key, meant(key)?))) {
        None => Ok(()),
        Some((key, driver)) => {
            let message = format!("`{path}` names no driver: there is no `{}`", key.get_ref());
            Err(reader
                .document
                .wrong(key.span(), message)
                .hint(format!("did you mean `{driver}`?"))
                .into())
        }
    }
}

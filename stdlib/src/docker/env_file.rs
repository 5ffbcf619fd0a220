//! Files of `NAME=value` lines, as Docker reads them.

use crate::files::Files;
use pb_core::run::BlobRef;
use pb_core::{Failure, Readers, Result, SecretText, code};
use std::collections::BTreeMap;

/// The file of variables, kept in the journal. A step that an earlier process began goes on with the one it began with.
pub(crate) async fn kept(
    read: &Readers,
    path: Option<&str>,
    begun: Option<Option<BlobRef>>,
) -> Result<Option<BlobRef>> {
    match (begun, path) {
        (Some(file), _) => Ok(file),
        (None, Some(path)) => {
            let text = read.of::<Files>().read(path).await?;
            Ok(Some(read.keep_file(&text)))
        }
        (None, None) => Ok(None),
    }
}

/// The lines of the file at a path, where there is one.
pub(crate) fn lines(path: Option<&str>, text: Option<&str>) -> Result<Vec<(String, SecretText)>> {
    match (path, text) {
        (Some(path), Some(text)) => parse(path, text),
        _ => Ok(vec![]),
    }
}

/// The lines of such a file. A value `secret:env:NAME` is a reference, as in pb.toml; everything else is itself.
fn parse(path: &str, text: &str) -> Result<Vec<(String, SecretText)>> {
    let lines = text.lines().enumerate();
    lines
        .map(|(n, line)| (n + 1, line.trim_start()))
        .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
        .map(|(n, line)| match line.split_once('=') {
            Some((name, value)) if is_name(name) => {
                Ok((name.to_owned(), SecretText::of_config(value)))
            }
            // Docker would take the value from its caller's environment, which nobody could see in the file.
            _ => {
                let message = format!("line {n} of `{path}` was refused: it is no `NAME=value`");
                Err(Failure::new(&code::FILE, message))
            }
        })
        .collect()
}

/// The lines of a file, with those that `env` gives another value.
pub(crate) fn over<'a>(
    lines: &'a [(String, SecretText)],
    env: &'a BTreeMap<String, SecretText>,
) -> Vec<(&'a str, &'a SecretText)> {
    let file = lines.iter().filter(|(name, _)| !env.contains_key(name));
    let file = file.map(|(name, value)| (name.as_str(), value));
    file.chain(env.iter().map(|(name, value)| (name.as_str(), value)))
        .collect()
}

/// Whether a text can name an environment variable.
pub(crate) fn is_name(text: &str) -> bool {
    !text.is_empty() && !text.contains(|c: char| c == '=' || c.is_whitespace() || c.is_control())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_names_and_values_as_they_stand() {
        let text = "# comment\nA=1\n\n B = \"x=y\" \nC=\nP=secret:env:PASSWORD\n";
        assert_eq!(
            parse("f", text).expect_err("a space in a name").message,
            "line 4 of `f` was refused: it is no `NAME=value`"
        );
        let parsed = parse("f", &text.replace(" B ", " B")).expect("good");
        let shown: Vec<_> = parsed
            .iter()
            .map(|(n, v)| (n.as_str(), v.as_str()))
            .collect();
        assert_eq!(
            shown,
            [
                ("A", "1"),
                ("B", " \"x=y\" "),
                ("C", ""),
                ("P", "‹secret env:PASSWORD›")
            ]
        );
        parse("f", "HOME").expect_err("a name without a value");
    }
}

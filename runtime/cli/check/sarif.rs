//! Findings in the Static Analysis Results Interchange Format, which code scanning services read.
//!
//! Source: OASIS, SARIF 2.1.0: 3.19 (tool component), 3.27 (result), 3.30 (region), 3.4 (artifact location).

use super::Checked;
use super::github::repository_path;
use crate::explain;
use pb_core::code::{self, Code};
use pb_core::finding::{Finding, Level};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The whole log: one run.
pub(super) fn log(all: &Checked) -> Value {
    let ids: BTreeSet<_> = all.findings.iter().map(|one| one.code.as_str()).collect();
    let known = code::ALL.iter().filter(|code| ids.contains(code.id));
    let rules: Vec<_> = known.copied().collect();
    let results = all.findings.iter().map(|finding| result(finding, &rules));
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "pb",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules.iter().map(|code| rule(code)).collect::<Vec<_>>(),
            } },
            "columnKind": "unicodeCodePoints",
            "results": results.collect::<Vec<_>>(),
        }],
    })
}

fn rule(code: &Code) -> Value {
    let page = explain::page(code.id).unwrap_or(code.meaning);
    json!({
        "id": code.id,
        "name": code.kind,
        "shortDescription": { "text": code.meaning },
        "help": { "text": page, "markdown": page },
    })
}

fn result(finding: &Finding, rules: &[&Code]) -> Value {
    let mut said = vec![finding.message.clone()];
    said.extend(finding.because.iter().cloned());
    said.extend(finding.hint.iter().map(|hint| format!("hint: {hint}")));
    let mut place = json!({ "artifactLocation": { "uri": uri(&repository_path(&finding.file)) } });
    if finding.line > 0 {
        place["region"] = json!({
            "startLine": finding.line,
            "startColumn": finding.column.max(1),
            "endColumn": finding.end_column.max(finding.column.max(1)),
        });
    }
    let mut result = json!({
        "ruleId": finding.code,
        "level": match finding.level {
            Level::Error => "error",
            Level::Warning => "warning",
            Level::Note => "note",
        },
        "message": { "text": said.join("\n") },
        "locations": [{ "physicalLocation": place }],
    });
    if let Some(index) = rules.iter().position(|code| code.id == finding.code) {
        result["ruleIndex"] = index.into();
    }
    result
}

/// A path as a reference: relative ones stay so, absolute ones name a file of this machine.
fn uri(path: &str) -> String {
    let kept = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    let escaped: String = path
        .bytes()
        .map(|byte| match kept(byte) {
            true => char::from(byte).to_string(),
            false => format!("%{byte:02X}"),
        })
        .collect();
    match path.starts_with('/') {
        true => format!("file://{escaped}"),
        false => escaped,
    }
}

#[cfg(test)]
mod tests {
    use super::uri;

    #[test]
    fn a_path_is_a_reference() {
        let check = |path, expected: &str| assert_eq!(uri(path), expected);
        check("playbooks/rolling.rhai", "playbooks/rolling.rhai");
        check("/srv/a b.rhai", "file:///srv/a%20b.rhai");
        check("a:b%é.rhai", "a%3Ab%25%C3%A9.rhai");
    }
}

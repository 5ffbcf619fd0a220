//! Findings for people.

use super::Checked;
use crate::exit::Exit;
use crate::render::counted;
use crate::render::finding::{lines, word};
use crate::render::fit::wrap;
use crate::render::page::Page;
use pb_core::finding::Level;
use std::time::Duration;

/// The lines of the findings of those levels, with an empty line behind each that shows its source.
pub(super) fn findings(all: &Checked, page: Page, shown: impl Fn(Level) -> bool) -> Vec<String> {
    let mut said: Vec<String> = vec![];
    let found = all.findings.iter().filter(|finding| shown(finding.level));
    let found: Vec<_> = found.collect();
    for (at, finding) in found.iter().enumerate() {
        let source = all.sources.get(&finding.file).map(String::as_str);
        said.extend(lines(finding, source, page));
        let notes_follow_notes = finding.level == Level::Note && at + 1 < found.len();
        if found.len() > 1 && !notes_follow_notes {
            said.push(String::new());
        }
    }
    said
}

/// The summary on that page: broken at words where lines have to end.
pub(super) fn closing(said: &str, page: Page) -> Vec<String> {
    let said = page.ink.spell(said).into_owned();
    match page.cuts {
        true => wrap(&said, page.columns()),
        false => vec![said],
    }
}

/// `3 files, 41 calls checked in 38 ms: 1 error. Nothing was touched. More: pb explain PB0207`.
pub(super) fn summary(all: &Checked, took: Duration, exit: Exit) -> String {
    let counts: Vec<_> = [Level::Error, Level::Warning, Level::Note]
        .into_iter()
        .filter(|level| all.count(*level) > 0)
        .map(|level| counted(all.count(level) as u64, word(level)))
        .collect();
    let found = match &counts[..] {
        [] => "nothing found".to_owned(),
        counts => counts.join(", "),
    };
    let mut said = format!(
        "{}, {} checked in {} ms: {found}",
        counted(all.files() as u64, "file"),
        counted(all.calls as u64, "call"),
        took.as_millis(),
    );
    if exit == Exit::Check {
        said += ". Nothing was touched.";
    }
    let first = all.findings.first();
    if let Some(first) = first.filter(|first| first.level == Level::Error) {
        said += &format!(" More: pb explain {}", first.code);
    }
    said
}

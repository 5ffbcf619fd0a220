//! Findings as GitHub Actions shows them beside the lines of a change.
//!
//! Source: docs.github.com, "Workflow commands for GitHub Actions", and its limit of ten annotations of each level for a step.

use crate::render::finding::word;
use crate::render::{clean, counted};
use pb_core::finding::{Finding, Level};
use std::path::Path;

/// More of one level are dropped without a word.
const MOST: usize = 10;

/// The commands, errors first, and for each level a line about those that found no room.
pub(super) fn annotations(findings: &[Finding]) -> Vec<String> {
    let mut lines = vec![];
    for level in [Level::Error, Level::Warning, Level::Note] {
        let of_level: Vec<_> = findings.iter().filter(|one| one.level == level).collect();
        let room = of_level.len().min(MOST);
        lines.extend(of_level[..room].iter().map(|finding| command(finding)));
        if of_level.len() > room {
            let more = counted(
                (of_level.len() - room) as u64,
                &format!("more {}", word(level)),
            );
            lines.push(format!(
                "{more} without an annotation: they are listed above"
            ));
        }
    }
    lines
}

fn command(finding: &Finding) -> String {
    let name = match finding.level {
        Level::Error => "error",
        Level::Warning => "warning",
        Level::Note => "notice",
    };
    let mut at = format!("file={}", property(&repository_path(&finding.file)));
    if finding.line > 0 {
        at += &format!(",line={},col={}", finding.line, finding.column);
        at += &format!(",endColumn={}", finding.end_column);
    }
    let mut said = vec![finding.message.clone()];
    said.extend(
        finding
            .because
            .iter()
            .map(|line| format!("because: {line}")),
    );
    said.extend(finding.hint.iter().map(|hint| format!("hint: {hint}")));
    let message = message(&clean::lines(&said.join("\n")));
    format!("::{name} {at},title={}::{message}", property(&finding.code))
}

/// The file from the root of the repository, where GitHub says what that is.
pub(super) fn repository_path(file: &str) -> String {
    let inside = || {
        let root = std::env::var_os("GITHUB_WORKSPACE")?;
        let path = std::path::absolute(file).ok()?;
        Some(
            path.strip_prefix(Path::new(&root))
                .ok()?
                .display()
                .to_string(),
        )
    };
    inside().unwrap_or_else(|| file.to_owned())
}

fn message(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

fn property(text: &str) -> String {
    message(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(level: Level, line: usize, message: &str) -> Finding {
        Finding {
            code: "PB0207".into(),
            level,
            message: message.into(),
            because: vec!["100% of it".into()],
            hint: Some("a: b, c".into()),
            file: "my,odd:name%.rhai".into(),
            line,
            column: 3,
            end_column: 8,
        }
    }

    #[test]
    fn what_github_would_read_as_its_own_is_escaped() {
        let check = |level, line, message: &str, expected: &str| {
            assert_eq!(annotations(&[finding(level, line, message)]), [expected]);
        };
        check(
            Level::Error,
            14,
            "no `a::b`\r\nor\u{1b}[2J `c`",
            "::error file=my%2Codd%3Aname%25.rhai,line=14,col=3,endColumn=8,title=PB0207::no `a::b`%0Aor `c`%0Abecause: 100%25 of it%0Ahint: a: b, c",
        );
        check(
            Level::Note,
            0,
            "x",
            "::notice file=my%2Codd%3Aname%25.rhai,title=PB0207::x%0Abecause: 100%25 of it%0Ahint: a: b, c",
        );
    }

    #[test]
    fn ten_of_each_level_and_the_number_of_the_rest() {
        let mut findings: Vec<_> = (1..=12)
            .map(|line| finding(Level::Error, line, "x"))
            .collect();
        findings.extend((1..=11).map(|line| finding(Level::Warning, line, "x")));
        let lines = annotations(&findings);
        let begins = |start: &str| lines.iter().filter(|line| line.starts_with(start)).count();
        assert_eq!(
            (lines.len(), begins("::error "), begins("::warning ")),
            (22, 10, 10)
        );
        assert_eq!(
            lines[10],
            "2 more errors without an annotation: they are listed above"
        );
        assert_eq!(
            lines[21],
            "1 more warning without an annotation: they are listed above"
        );
    }
}

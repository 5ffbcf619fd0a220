//! A finding as people read it: what, where, why, and what helps.

use super::ink::Tone;
use super::page::Page;
use super::report::{part, text, wrapped};
use super::snippet;
use pb_core::finding::{Finding, Level};

/// Its lines, with the line of `source` that it is about.
pub(crate) fn lines(finding: &Finding, source: Option<&str>, page: Page) -> Vec<String> {
    let tone = tone(finding.level);
    let name = format!("{}[{}]", word(finding.level), finding.code);
    let said = text(&format!("{name}: {}", finding.message), page);
    let mut lines = wrapped(&said, 2, page);
    if let Some(first) = lines.first_mut() {
        *first = first.replacen(&name, &page.ink.paint(tone, &name), 1);
    }
    lines.push(text(&place(finding), page));
    // A note is to be known, not to be mended: it keeps to few lines.
    if let Some(source) = source.filter(|_| finding.level != Level::Note) {
        lines.extend(snippet::lines(
            source,
            finding.line,
            finding.column,
            Some(finding.end_column),
            (tone, page),
        ));
    }
    lines.extend(part("because", &finding.because, Tone::Strong, page));
    let hint: Vec<String> = finding.hint.iter().cloned().collect();
    lines.extend(part("hint", &hint, Tone::Code, page));
    lines
}

/// `error`, `warning` or `note`.
pub(crate) fn word(level: Level) -> &'static str {
    match level {
        Level::Error => "error",
        Level::Warning => "warning",
        Level::Note => "note",
    }
}

fn tone(level: Level) -> Tone {
    match level {
        Level::Error => Tone::Bad,
        Level::Warning => Tone::Warn,
        Level::Note => Tone::Code,
    }
}

fn place(finding: &Finding) -> String {
    match finding.line {
        0 => format!("  --> {}", finding.file),
        line => format!("  --> {}:{line}:{}", finding.file, finding.column),
    }
}

#[cfg(test)]
mod tests {
    use super::super::ink::Ink;
    use super::*;

    fn check(level: Level, line: usize, expected: &str) {
        let finding = Finding {
            code: "PB0207".into(),
            level,
            message: "`swap_container` has no option `imgae`".into(),
            because: vec![],
            hint: Some("did you mean `image`?".into()),
            file: "rolling.rhai".into(),
            line,
            column: 27,
            end_column: 32,
        };
        let page = Page {
            width: 80,
            cuts: true,
            ink: Ink {
                colour: false,
                unicode: true,
            },
        };
        let source = "swap_container(\"web-1\", #{imgae: image });";
        let shown = lines(&finding, Some(source), page);
        assert_eq!(shown.join("\n"), expected);
    }

    #[test]
    fn an_error_shows_its_line_and_a_note_its_place() {
        check(
            Level::Error,
            1,
            "\
error[PB0207]: `swap_container` has no option `imgae`
  --> rolling.rhai:1:27
  |
1 | swap_container(\"web-1\", #{imgae: image });
  |                           ^^^^^
  hint: did you mean `image`?",
        );
        check(
            Level::Note,
            1,
            "\
note[PB0207]: `swap_container` has no option `imgae`
  --> rolling.rhai:1:27
  hint: did you mean `image`?",
        );
        check(
            Level::Warning,
            0,
            "\
warning[PB0207]: `swap_container` has no option `imgae`
  --> rolling.rhai
  hint: did you mean `image`?",
        );
    }
}

//! An error in its four parts: what, where and because, state, hint. The last thing that is said.

use super::fit::wrap;
use super::ink::Tone;
use super::page::Page;
use super::{clean, key, snippet};
use pb_core::Failure;
use std::collections::BTreeMap;

/// Texts of files that errors point into, by the name in their places.
pub(crate) type Sources = BTreeMap<String, String>;

/// An error and what is needed to show it.
pub(crate) struct Report<'a> {
    pub(crate) failure: &'a Failure,
    pub(crate) sources: &'a Sources,
    /// The exit code that comes of it; `None` where it is told of in passing.
    pub(crate) exit: Option<u8>,
}

impl Report<'_> {
    /// Its lines.
    pub(crate) fn lines(&self, page: Page) -> Vec<String> {
        let mut lines = self.what(page);
        lines.extend(self.place(page));
        lines.extend(part("because", &self.failure.because, Tone::Strong, page));
        lines.extend(part("state", &self.failure.state, Tone::Strong, page));
        let hint: Vec<String> = self.failure.hint.iter().cloned().collect();
        lines.extend(part("hint", &hint, Tone::Code, page));
        if let Some(code) = self.exit {
            let exit = format!("exit {code}");
            let last = lines.last().filter(|last| {
                lines.len() > 1
                    && clean::line(last).chars().count() + exit.len() + 2 <= page.columns()
            });
            let line = page.right(
                last.map_or("", String::as_str),
                &page.ink.paint(Tone::Dim, &exit),
            );
            if last.is_some() {
                lines.pop();
            }
            lines.push(line);
        }
        lines
    }

    fn what(&self, page: Page) -> Vec<String> {
        let name = format!("error[{}]", self.failure.code);
        let text = text(&format!("{name}: {}", self.failure.message), page);
        let mut lines = wrapped(&text, 2, page);
        if let Some(first) = lines.first_mut() {
            *first = first.replacen(&name, &page.ink.paint(Tone::Bad, &name), 1);
        }
        lines
    }

    fn place(&self, page: Page) -> Vec<String> {
        let mut sites = self.failure.chain.iter();
        let Some(first) = sites.next() else {
            return vec![];
        };
        let source = self.sources.get(&first.file);
        let end = self
            .failure
            .data
            .get("end_column")
            .and_then(|end| end.as_u64());
        let shown = source.map_or(vec![], |source| {
            snippet::lines(
                source,
                first.line,
                first.column,
                end.map(|end| end as usize),
                (Tone::Bad, page),
            )
        });
        let mut arrow = format!("  --> {}:{}:{}", first.file, first.line, first.column);
        if shown.is_empty() && !first.call.is_empty() {
            arrow += &format!("   {}(…)", first.call);
        }
        if let Some(scope) = self.failure.step.as_deref().and_then(key::scope) {
            arrow += &format!("   in {scope}");
        }
        let mut lines = vec![text(&arrow, page)];
        lines.extend(shown);
        lines.extend(sites.map(|site| {
            let call = if site.call.is_empty() || site.call == "closure" {
                String::new()
            } else {
                format!("   {}(…)", site.call)
            };
            text(
                &format!(
                    "  called from {}:{}:{}{call}",
                    site.file, site.line, site.column
                ),
                page,
            )
        }));
        lines
    }
}

/// `  because: …` with its further lines below the first one's text.
pub(super) fn part(name: &str, said: &[String], tone: Tone, page: Page) -> Vec<String> {
    let indent = name.len() + 4;
    let mut lines: Vec<String> = said
        .iter()
        .flat_map(|said| wrap(&text(said, page), page.columns().saturating_sub(indent)))
        .map(|line| format!("{:indent$}{line}", ""))
        .collect();
    if let Some(first) = lines.first_mut() {
        let label = format!("  {name}: ");
        *first = format!("{}{}", page.ink.paint(tone, &label), &first[indent..]);
    }
    lines
}

/// Wrapped to the page, every line but the first indented.
pub(super) fn wrapped(text: &str, indent: usize, page: Page) -> Vec<String> {
    let lines = wrap(text, page.columns().saturating_sub(indent))
        .into_iter()
        .enumerate();
    lines
        .map(|(at, line)| {
            if at == 0 {
                line
            } else {
                format!("{:indent$}{line}", "")
            }
        })
        .collect()
}

pub(super) fn text(text: &str, page: Page) -> String {
    let text = clean::lines(text).replace('\t', "  ");
    page.ink.spell(&text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::super::ink::Ink;
    use super::*;
    use pb_core::{Site, code};

    fn page(width: usize) -> Page {
        Page {
            width,
            cuts: true,
            ink: Ink {
                colour: false,
                unicode: true,
            },
        }
    }

    fn site(line: usize, column: usize, call: &str) -> Site {
        Site {
            file: "rolling.rhai".into(),
            line,
            column,
            call: call.into(),
        }
    }

    fn unhealthy() -> Failure {
        let mut failure = Failure::new(&code::UNHEALTHY, "`web-2` did not become healthy within 60 s")
            .because("GET http://127.0.0.1:32771/health/ answered 503 (last of 12 tries)")
            .because("container web-2-01JD5K, last line: missing setting LEGACY_FLAG_URL, which has no default since release 2.0")
            .state("web-1 and web-2 serve shop:1.9 as before the run; backup kept")
            .hint("pb show 01JD5K");
        failure.step = Some("/savepoint:release#1/rolling#1[web-2]/swap_container#1".into());
        failure.chain = vec![site(2, 5, "swap_container"), site(9, 1, "roll")];
        failure
    }

    fn check(failure: &Failure, source: &str, width: usize, expected: &str) {
        let sources = Sources::from([("rolling.rhai".to_owned(), source.to_owned())]);
        let report = Report {
            failure,
            sources: &sources,
            exit: Some(1),
        };
        assert_eq!(report.lines(page(width)).join("\n"), expected);
    }

    #[test]
    fn four_parts_at_80_columns() {
        check(
            &unhealthy(),
            "fn roll(names) {\n    swap_container(name, #{\n    });\n}",
            80,
            "\
error[PB0042]: `web-2` did not become healthy within 60 s
  --> rolling.rhai:2:5   in release / rolling[web-2]
  |
2 |     swap_container(name, #{
  |     ^^^^^^^^^^^^^^
  called from rolling.rhai:9:1   roll(…)
  because: GET http://127.0.0.1:32771/health/ answered 503 (last of 12 tries)
           container web-2-01JD5K, last line: missing setting LEGACY_FLAG_URL,
           which has no default since release 2.0
  state: web-1 and web-2 serve shop:1.9 as before the run; backup kept
  hint: pb show 01JD5K                                                    exit 1",
        );
    }

    #[test]
    fn without_source_the_call_is_named() {
        check(
            &unhealthy(),
            "",
            160,
            "\
error[PB0042]: `web-2` did not become healthy within 60 s
  --> rolling.rhai:2:5   swap_container(…)   in release / rolling[web-2]
  called from rolling.rhai:9:1   roll(…)
  because: GET http://127.0.0.1:32771/health/ answered 503 (last of 12 tries)
           container web-2-01JD5K, last line: missing setting LEGACY_FLAG_URL, which has no default since release 2.0
  state: web-1 and web-2 serve shop:1.9 as before the run; backup kept
  hint: pb show 01JD5K                                                                                                                                    exit 1",
        );
    }

    #[test]
    fn a_bare_error_has_its_exit_code_below() {
        let failure = Failure::new(&code::THROWN, "stop");
        check(
            &failure,
            "",
            40,
            "error[PB0001]: stop\n                                  exit 1",
        );
    }

    #[test]
    fn hostile_text_stays_within_its_part() {
        let failure = Failure::new(&code::SQL, "\u{1b}[2Jgone\r\nsecond")
            .because("one\n\u{202e}two")
            .state("not undone: a\n  because b");
        check(
            &failure,
            "",
            60,
            "\
error[PB0304]: gone
  second
  because: one
           two
  state: not undone: a
           because b                                  exit 1",
        );
    }
}

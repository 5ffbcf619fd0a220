//! A page of the book in a terminal: as much of Markdown as those pages use.

use crate::render::fit::wrap;
use crate::render::ink::Tone;
use crate::render::page::Page;

/// Its lines: paragraphs filled anew, code as it is, links as their text.
pub(super) fn lines(text: &str, page: Page) -> Vec<String> {
    let mut lines = vec![];
    let mut open = String::new();
    let mut fenced = false;
    for line in text.lines() {
        let starts_item = line.starts_with("- ");
        if line.starts_with("```") || line.is_empty() || line.starts_with('#') || starts_item {
            lines.extend(filled(&std::mem::take(&mut open), page));
        }
        if line.starts_with("```") {
            fenced = !fenced;
        } else if fenced {
            let code = page.ink.spell(line);
            lines.push(
                format!("    {}", page.ink.paint(Tone::Code, &code))
                    .trim_end()
                    .to_owned(),
            );
        } else if line.is_empty() {
            lines.push(String::new());
        } else if let Some(heading) = line.strip_prefix('#') {
            let heading = page.ink.spell(heading.trim_start_matches('#').trim());
            lines.push(page.ink.paint(Tone::Strong, &heading));
        } else {
            let space = if open.is_empty() { "" } else { " " };
            open += &format!("{space}{}", line.trim_start());
        }
    }
    lines.extend(filled(&open, page));
    // Behind a list or a fence an empty line may stand twice.
    lines.dedup_by(|a, b| a.is_empty() && b.is_empty());
    lines
}

fn filled(text: &str, page: Page) -> Vec<String> {
    if text.is_empty() {
        return vec![];
    }
    let indent = if text.starts_with("- ") { "  " } else { "" };
    let plain = page.ink.spell(&without_targets(text)).into_owned();
    let lines = wrap(&plain, page.columns().saturating_sub(indent.len())).into_iter();
    lines
        .enumerate()
        .map(|(at, line)| format!("{}{line}", if at == 0 { "" } else { indent }))
        .collect()
}

/// `[text](target)` as its text.
fn without_targets(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    let link = |rest: &str| {
        let begin = rest.find('[')?;
        let middle = begin + rest[begin..].find("](")?;
        let end = middle + rest[middle..].find(')')?;
        Some((begin, middle, end))
    };
    while let Some((begin, middle, end)) = link(rest) {
        out += &rest[..begin];
        out += &rest[begin + 1..middle];
        rest = &rest[end + 1..];
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::ink::Ink;

    #[test]
    fn a_page_is_filled_anew() {
        let page = Page {
            width: 40,
            cuts: true,
            ink: Ink {
                colour: false,
                unicode: false,
            },
        };
        let text = "\
# PB0001 · `thrown`

A paragraph that is
broken where its source is, with a [link](../x.md#y).

```rhai
let a = 1;

let b = 2;
```

## What to do

- One thing that needs more than a line of text
  in its source, too.
- Another.
";
        let expected = "\
PB0001 - `thrown`

A paragraph that is broken where its
source is, with a link.

    let a = 1;

    let b = 2;

What to do

- One thing that needs more than a
  line of text in its source, too.
- Another.";
        assert_eq!(lines(text, page).join("\n"), expected);
    }
}

//! A line of source with a mark under the place that is meant.

use super::fit::width;
use super::ink::Tone;
use super::page::Page;

/// The lines that show `line` of the source; empty when there is no such line. Columns are in characters, from 1.
pub(super) fn lines(
    source: &str,
    line: usize,
    column: usize,
    end: Option<usize>,
    (tone, page): (Tone, Page),
) -> Vec<String> {
    // Places are those of the text without the mark that a file may begin with.
    let source = source.strip_prefix('\u{feff}').unwrap_or(source);
    let Some(text) = line.checked_sub(1).and_then(|at| source.lines().nth(at)) else {
        return vec![];
    };
    // One column per character, so that the mark stands where it should.
    let text: Vec<char> = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    let from = column.saturating_sub(1).min(text.len());
    let to = end
        .map_or_else(|| word_end(&text, from), |end| end.saturating_sub(1))
        .clamp(from + 1, text.len().max(from + 1));
    let gutter = line.to_string();
    let room = if page.cuts {
        page.columns().saturating_sub(gutter.len() + 3)
    } else {
        usize::MAX
    };
    let skipped = if text.len() > room {
        from.saturating_sub(room / 3)
    } else {
        0
    };
    let part = |from: usize, to: usize| -> String {
        let part: String = text[from.min(text.len())..to.min(text.len())]
            .iter()
            .collect();
        page.ink.spell(&super::clean::lines(&part)).into_owned()
    };
    let shown = page.cut(part(skipped, text.len()).trim_end(), room);
    let before = width(&part(skipped, from));
    let marked = width(&part(from, to)).clamp(1, room.saturating_sub(before).max(1));
    let bar = page.ink.paint(
        Tone::Dim,
        &format!("{:gutter$} |", "", gutter = gutter.len()),
    );
    let mark = page.ink.paint(tone, &"^".repeat(marked));
    vec![
        bar.clone(),
        format!(
            "{} {shown}",
            page.ink.paint(Tone::Dim, &format!("{gutter} |"))
        )
        .trim_end()
        .to_owned(),
        format!("{bar} {}{mark}", " ".repeat(before)),
    ]
}

/// Where the word that begins there ends.
fn word_end(text: &[char], from: usize) -> usize {
    let word = text[from..]
        .iter()
        .take_while(|c| c.is_alphanumeric() || **c == '_')
        .count();
    from + word.max(1)
}

#[cfg(test)]
mod tests {
    use super::super::ink::Ink;
    use super::*;

    fn check(
        source: &str,
        (line, column, end): (usize, usize, Option<usize>),
        columns: usize,
        expected: &[&str],
    ) {
        let page = Page {
            width: columns,
            cuts: true,
            ink: Ink {
                colour: false,
                unicode: true,
            },
        };
        assert_eq!(
            lines(source, line, column, end, (Tone::Bad, page)),
            expected,
            "{source:?}"
        );
    }

    #[test]
    fn the_mark_stands_under_the_word() {
        check(
            "\nlet a = wait_bd(db);",
            (2, 9, None),
            80,
            &["  |", "2 | let a = wait_bd(db);", "  |         ^^^^^^^"],
        );
        check(
            "\timage = 1",
            (1, 2, Some(7)),
            80,
            &["  |", "1 |  image = 1", "  |  ^^^^^"],
        );
        check(
            "name = \"日本\" x",
            (1, 13, None),
            80,
            &["  |", "1 | name = \"日本\" x", "  |               ^"],
        );
        check("a", (1, 5, None), 80, &["  |", "1 | a", "  |  ^"]);
        check(
            "\u{feff}a b",
            (1, 3, None),
            80,
            &["  |", "1 | a b", "  |   ^"],
        );
        check("a", (3, 1, None), 80, &[]);
        check("a", (0, 1, None), 80, &[]);
    }

    #[test]
    fn a_long_line_is_shown_around_the_mark() {
        let source = format!("{} here {}", "x".repeat(100), "y".repeat(100));
        check(
            &source,
            (1, 102, None),
            44,
            &[
                "  |",
                "1 | xxxxxxxxxxxx here yyyyyyyyyyyyyyyyyyyyy…",
                "  |              ^^^^",
            ],
        );
    }
}

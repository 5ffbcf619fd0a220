//! Text in columns: measured as the terminal shows it, cut, padded and wrapped.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// How many columns a text takes.
pub(crate) fn width(text: &str) -> usize {
    text.width()
}

/// The text in at most so many columns; what is cut off is marked.
pub(crate) fn cut(text: &str, columns: usize, mark: &str) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let room = columns.saturating_sub(width(mark));
    let mut used = 0;
    let kept = text.chars().take_while(|c| {
        used += c.width().unwrap_or(0);
        used <= room
    });
    let kept: String = kept.collect();
    let mark = if columns >= width(mark) { mark } else { "" };
    format!("{}{mark}", kept.trim_end())
}

/// The same for names whose end tells them apart: what is cut out is in the middle.
pub(crate) fn cut_middle(text: &str, columns: usize, mark: &str) -> String {
    let room = columns.saturating_sub(width(mark));
    if width(text) <= columns || room < 8 {
        return cut(text, columns, mark);
    }
    let front = cut(text, room / 3, "");
    let mut used = width(&front);
    let back = text.char_indices().rev().take_while(|(_, c)| {
        used += c.width().unwrap_or(0);
        used <= room
    });
    let from = back.last().map_or(text.len(), |(at, _)| at);
    format!("{front}{mark}{}", &text[from..])
}

/// The text with spaces after it, up to so many columns.
pub(crate) fn pad(text: &str, columns: usize) -> String {
    let spaces = columns.saturating_sub(width(text));
    format!("{text}{}", " ".repeat(spaces))
}

/// The text in lines of at most so many columns, broken at spaces where there are any. Leading spaces stay, on every line.
pub(crate) fn wrap(text: &str, columns: usize) -> Vec<String> {
    let columns = columns.max(8);
    let mut lines = vec![];
    for line in text.lines() {
        let body = line.trim_start_matches(' ');
        let indent = &line[..(line.len() - body.len()).min(columns / 2)];
        let start = lines.len();
        let mut current = indent.to_owned();
        for word in body.split(' ').filter(|word| !word.is_empty()) {
            let starts_line = current.len() == indent.len();
            if !starts_line && width(&current) + 1 + width(word) > columns {
                lines.push(std::mem::replace(&mut current, indent.to_owned()));
            } else if !starts_line {
                current.push(' ');
            }
            // A word longer than a line, such as a URL, is broken where the line ends.
            for c in word.chars() {
                if width(&current) + c.width().unwrap_or(0) > columns {
                    lines.push(std::mem::replace(&mut current, indent.to_owned()));
                }
                current.push(c);
            }
        }
        if current.len() > indent.len() || lines.len() == start {
            lines.push(current);
        }
    }
    if lines.is_empty() {
        lines.push(String::new());
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_those_of_the_terminal() {
        assert_eq!(cut("deployment", 10, "…"), "deployment");
        assert_eq!(cut("deployments", 10, "…"), "deploymen…");
        assert_eq!(cut("deploy it now", 8, "..."), "deplo...");
        assert_eq!(cut("日本語テキスト", 7, "…"), "日本語…");
        assert_eq!(cut("abc", 0, "…"), "");
        assert_eq!(pad("日本", 6), "日本  ");
        let url = "http://127.0.0.1:18931/slow/web-1";
        assert_eq!(cut_middle(url, 26, "…"), "http://1…:18931/slow/web-1");
        assert_eq!(cut_middle(url, 8, "…"), "http://…");
        assert_eq!(cut_middle("日本語テキスト日本", 14, "…"), "日本…スト日本");
    }

    #[test]
    fn lines_break_at_spaces_and_keep_their_indentation() {
        let check = |text, columns, expected: &[&str]| {
            assert_eq!(wrap(text, columns), expected, "{text:?}")
        };
        check("one two three four", 9, &["one two", "three", "four"]);
        check(
            "  still applied: migrate",
            16,
            &["  still applied:", "  migrate"],
        );
        check("a\nb", 10, &["a", "b"]);
        check(
            "http://127.0.0.1:32771/health/",
            12,
            &["http://127.0", ".0.1:32771/h", "ealth/"],
        );
        check("", 10, &[""]);
        check("a\n\nb", 10, &["a", "", "b"]);
    }
}

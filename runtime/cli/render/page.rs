//! How wide an output is and what it can show; everything that is laid out is laid out on one.

use super::clean;
use super::fit::{cut, cut_middle, pad, width};
use super::ink::{Ink, Tone};

/// Where lines go when nobody says how wide they may be.
pub(crate) const USUAL_WIDTH: usize = 100;
/// Beyond this the eye loses the line.
const WIDEST: usize = 160;
const NARROWEST: usize = 40;

/// One output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Page {
    /// In columns.
    pub(crate) width: usize,
    /// Whether lines have to end there; a log that is read later is never cut.
    pub(crate) cuts: bool,
    /// Colour and signs.
    pub(crate) ink: Ink,
}

/// A line about a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Row<'a> {
    /// What came of it.
    pub(crate) sign: &'a str,
    /// The same in colour.
    pub(crate) tone: Tone,
    /// Ordinal and name.
    pub(crate) label: &'a str,
    /// What it touches.
    pub(crate) place: &'a str,
    /// What it says.
    pub(crate) text: &'a str,
    /// How long it took.
    pub(crate) time: &'a str,
    /// Whether the end of the text tells more than its beginning: `waiting for web-1: … 503`.
    pub(crate) ends: bool,
}

impl Page {
    /// The columns that are used of it.
    pub(crate) fn columns(self) -> usize {
        self.width.clamp(NARROWEST, WIDEST)
    }

    /// Where the place begins in a row.
    fn place_column(self) -> usize {
        23 + (self.spare() / 10).min(6)
    }

    /// Where the text begins in a row.
    pub(crate) fn text_column(self) -> usize {
        39 + (self.spare() / 10).min(6) + (self.spare() / 4).min(20)
    }

    fn spare(self) -> usize {
        self.columns().saturating_sub(80)
    }

    /// ` ✓ 2 migrate   shop   0042 0043   9.8 s`.
    pub(crate) fn row(self, row: &Row<'_>) -> String {
        let (label_ends, place_ends) = (self.place_column(), self.text_column());
        let clean = |text: &str| self.ink.spell(&clean::line(text)).into_owned();
        let (sign, label, time) = (clean(row.sign), clean(row.label), clean(row.time));
        let (mut place, mut text) = (clean(row.place), clean(row.text));
        let mut line = pad(&format!(" {sign} {label}"), label_ends - 1);
        let time_room = if time.is_empty() {
            0
        } else {
            width(&time).max(7) + 2
        };
        if self.cuts {
            let left = self.columns().saturating_sub(width(&line) + 2 + time_room);
            place = cut_middle(&place, left.min(self.columns() / 3), self.ink.cut());
        }
        if !place.is_empty() || !text.is_empty() {
            line = pad(&format!("{line} {place}"), place_ends - 1);
            line.push(' ');
        }
        if self.cuts {
            let room = self.columns().saturating_sub(width(&line) + time_room);
            let cut = if row.ends { cut_middle } else { cut };
            text = cut(&text, room, self.ink.cut());
        }
        line.push_str(&text);
        let line = self.coloured(line.trim_end(), row, &sign, &text);
        if time.is_empty() {
            return line;
        }
        self.right(&line, &self.ink.paint(Tone::Dim, &time))
    }

    /// Puts text at the right end of a line, or after it when there is no room.
    pub(crate) fn right(self, line: &str, end: &str) -> String {
        let used = shown_width(line) + shown_width(end);
        let gap = self.columns().saturating_sub(used).max(2);
        format!("{line}{}{end}", " ".repeat(gap))
    }

    /// The text in at most so many columns.
    pub(crate) fn cut(self, text: &str, columns: usize) -> String {
        cut(text, columns, self.ink.cut())
    }

    /// A sentence that stands alone: cut only where lines have to end.
    pub(crate) fn sentence(self, text: &str) -> String {
        let text = self.ink.spell(&clean::line(text)).into_owned();
        if self.cuts {
            self.cut(&text, self.columns())
        } else {
            text
        }
    }

    fn coloured(self, line: &str, row: &Row<'_>, sign: &str, text: &str) -> String {
        let painted = line.replacen(sign, &self.ink.paint(row.tone, sign), 1);
        match painted
            .strip_suffix(text)
            .filter(|_| row.tone == Tone::Bad && !text.is_empty())
        {
            Some(start) => format!("{start}{}", self.ink.paint(Tone::Bad, text)),
            None => painted,
        }
    }
}

/// The width of a text without its escape sequences.
fn shown_width(text: &str) -> usize {
    width(&clean::line(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Ink = Ink {
        colour: false,
        unicode: true,
    };

    fn page(width: usize) -> Page {
        Page {
            width,
            cuts: true,
            ink: PLAIN,
        }
    }

    fn row<'a>(label: &'a str, place: &'a str, text: &'a str) -> Row<'a> {
        Row {
            sign: "✓",
            tone: Tone::Good,
            label,
            place,
            text,
            time: "9.8 s",
            ends: false,
        }
    }

    #[test]
    fn columns_line_up_and_give_way() {
        let check = |page: Page, row: Row<'_>, expected: &str| assert_eq!(page.row(&row), expected);
        check(
            page(80),
            row("2 migrate", "shop", "0042 0043 0044"),
            " ✓ 2 migrate           shop            0042 0043 0044                      9.8 s",
        );
        check(
            page(80),
            row(
                "12 get_or_create_tenant",
                "guest",
                "created with domain guest.example.com and more",
            ),
            " ✓ 12 get_or_create_tenant guest       created with domain guest.examp…    9.8 s",
        );
        check(
            page(80),
            row(
                "3 swap_container",
                "a-container-whose-name-goes-on-and-on",
                "shop:1.9 → shop:2.0, healthy",
            ),
            " ✓ 3 swap_container    a-contai…me-goes-on-and-on shop:1.9 → shop:2.0,…    9.8 s",
        );
        check(
            page(40),
            row("3 swap_container", "web-1", "shop:1.9 → shop:2.0"),
            " ✓ 3 swap_container    web-1       9.8 s",
        );
        check(
            Page {
                cuts: false,
                ..page(80)
            },
            row(
                "3 swap_container",
                "a-container-whose-name-goes-on-and-on",
                "shop:1.9 → shop:2.0, healthy",
            ),
            " ✓ 3 swap_container    a-container-whose-name-goes-on-and-on shop:1.9 → shop:2.0, healthy  9.8 s",
        );
        check(
            Page {
                width: 80,
                ..page(80)
            },
            Row {
                time: "",
                ..row("1 sql", "", "")
            },
            " ✓ 1 sql",
        );
    }

    #[test]
    fn colour_adds_nothing_to_the_width() {
        let coloured = Page {
            ink: Ink {
                colour: true,
                unicode: true,
            },
            ..page(80)
        };
        let failed = Row {
            tone: Tone::Bad,
            sign: "✗",
            ..row("1 sql", "shop", "it broke")
        };
        let line = coloured.row(&failed);
        assert_eq!(clean::line(&line), page(80).row(&failed));
        assert!(
            line.contains("\u{1b}[31m✗\u{1b}[0m") && line.contains("\u{1b}[31mit broke\u{1b}[0m"),
            "{line:?}"
        );
    }
}

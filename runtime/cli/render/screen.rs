//! Lines that stay, and below them lines that are drawn again and again.
//!
//! Drawn by hand: indicatif fills every line with spaces up to the edge, which tears what is kept when the terminal is made
//! narrower, and panics in `suspend` when the terminal is gone.

use super::fit::width;
use super::quietly;
use std::io::Write;

/// Columns and lines of a terminal, asked for at every drawing.
pub(crate) type Size = fn() -> Option<(u16, u16)>;

const CLEAR_BELOW: &str = "\u{1b}[J";

pub(super) struct Screen<W> {
    out: W,
    size: Size,
    /// Whether lines are drawn below; the cursor stands at the start of the first one.
    drawn: bool,
}

impl<W: Write> Screen<W> {
    pub(super) fn new(out: W, size: Size) -> Self {
        Self {
            out,
            size,
            drawn: false,
        }
    }

    /// Columns and lines.
    pub(super) fn size(&self) -> (usize, usize) {
        let (columns, lines) = (self.size)().unwrap_or((80, 24));
        (usize::from(columns.max(1)), usize::from(lines.max(1)))
    }

    /// Adds lines that stay, and draws the others below them.
    pub(super) fn show(&mut self, stay: &[String], below: &[String]) {
        if stay.is_empty() && below.is_empty() && !self.drawn {
            return;
        }
        let mut text = format!("\r{CLEAR_BELOW}");
        for line in stay {
            text += line;
            text += "\r\n";
        }
        text += &below.join("\r\n");
        // Back to where the next drawing begins: a `^C` that is typed, or a terminal that breaks its lines because it was
        // made narrower, leaves nothing behind then.
        let (columns, _) = self.size();
        let rows: usize = below
            .iter()
            .map(|line| width(&super::clean::line(line)).div_ceil(columns).max(1))
            .sum();
        text += "\r";
        if rows > 1 {
            text += &format!("\u{1b}[{}A", rows - 1);
        }
        self.drawn = !below.is_empty();
        // The terminal may be gone; the run is not.
        quietly(
            self.out
                .write_all(text.as_bytes())
                .and_then(|()| self.out.flush()),
        );
    }
}

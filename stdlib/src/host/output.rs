//! How a program ended, and the end of what it said.

use pb_core::Scrubber;
use serde::{Deserialize, Serialize};
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

/// So much of each stream is kept.
pub(crate) const KEPT: usize = 64 * 1024;

/// How a program ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    /// Its exit code; as in shells, 128 and the signal when one ended it.
    pub code: i32,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// The end of what it wrote, at most 64 KiB.
    pub stdout: String,
    /// The end of what it complained about, at most 64 KiB.
    pub stderr: String,
}

impl Output {
    pub(super) fn new(status: ExitStatus, stdout: String, stderr: String) -> Self {
        let signal = status.signal();
        let code = status.code().unwrap_or(128 + signal.unwrap_or_default());
        Self {
            code,
            signal,
            stdout,
            stderr,
        }
    }
}

/// The end of a stream.
#[derive(Default)]
pub(super) struct Tail(Vec<u8>);

impl Tail {
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
        // Twice as much as is kept, so that a secret at the cut is still whole when it is looked for.
        if self.0.len() > 4 * KEPT {
            self.0.drain(..self.0.len() - 2 * KEPT);
        }
    }

    pub(super) fn text(&self, scrubber: &Scrubber) -> String {
        let from = self.0.len().saturating_sub(2 * KEPT);
        let text = String::from_utf8_lossy(&self.0[from..]);
        end_of(&scrubber.text(&text), KEPT).to_owned()
    }

    /// The last line that is whole, so that no half of a secret is in it.
    pub(super) fn last_line(&self, scrubber: &Scrubber) -> Option<String> {
        let end = self.0.iter().rposition(|byte| *byte == b'\n')?;
        let begin = self.0[..end].iter().rposition(|byte| *byte == b'\n');
        let line = &self.0[begin.map_or(0, |before| before + 1)..end];
        let text = String::from_utf8_lossy(line);
        Some(scrubber.text(text.trim()).into_owned()).filter(|line| !line.is_empty())
    }
}

/// The end of a text, of so many bytes at most.
pub(crate) fn end_of(text: &str, longest: usize) -> &str {
    let mut from = text.len().saturating_sub(longest);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    &text[from..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_long_stream_is_kept_without_the_half_of_a_secret() {
        let scrubber = Scrubber::default();
        scrubber.add("hunter2-hunter2", "‹secret env:P›");
        // The secret lies across the place where the text is cut.
        let mut tail = Tail::default();
        tail.push(&vec![b'a'; 9 * KEPT]);
        tail.push(b"hunter2-hunter2");
        tail.push(&vec![b'z'; KEPT - 8]);
        let text = tail.text(&scrubber);
        assert!(text.len() <= KEPT && text.ends_with("zzz"));
        assert!(!text.contains("hunter2"), "{}", &text[..40]);
    }

    #[test]
    fn only_whole_lines_are_shown() {
        let line = |said: &[u8]| {
            let mut tail = Tail::default();
            tail.push(said);
            tail.last_line(&Scrubber::default())
        };
        assert_eq!(line(b"one\ntwo \nthr").as_deref(), Some("two"));
        assert_eq!(line(b"one\n").as_deref(), Some("one"));
        assert_eq!((line(b"on"), line(b"one\n\n")), (None, None));
    }

    #[test]
    fn a_text_is_cut_between_characters() {
        assert_eq!(end_of("aäb", 2), "b");
        assert_eq!(end_of("aäb", 3), "äb");
        assert_eq!(end_of("ab", 9), "ab");
    }
}

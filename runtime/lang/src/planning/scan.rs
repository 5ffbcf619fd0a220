//! Finds where things end in the text of a script: brackets, strings and comments, nothing more.

/// Walks over a script's characters, whole strings and comments at a time.
pub(super) struct Scan<'a>(pub(super) &'a [char]);

impl Scan<'_> {
    /// The place behind the string, comment or character that begins here.
    pub(super) fn step(&self, at: usize) -> usize {
        let next = self.0.get(at + 1).copied();
        match self.0[at] {
            '"' => self.quoted(at, '"'),
            '\'' => self.quoted(at, '\''),
            '`' => self.woven(at),
            '/' if next == Some('/') => self.line(at),
            '/' if next == Some('*') => self.comment(at),
            '#' if matches!(next, Some('"' | '#')) => self.raw(at),
            _ => at + 1,
        }
    }

    /// The place of the first character at the same depth of brackets for which this holds, or of the bracket that closes
    /// around it, or the end.
    pub(super) fn find(&self, from: usize, is: impl Fn(usize) -> bool) -> usize {
        let (mut at, mut depth) = (from, 0_usize);
        while at < self.0.len() {
            if depth == 0 && is(at) {
                return at;
            }
            match self.0[at] {
                '(' | '[' | '{' => depth += 1,
                ')' | ']' | '}' if depth == 0 => return at,
                ')' | ']' | '}' => depth -= 1,
                _ => {}
            }
            at = self.step(at);
        }
        at
    }

    /// Whether that word stands here, by itself.
    pub(super) fn has_word(&self, at: usize, word: &str) -> bool {
        let of_name = |c: &char| c.is_alphanumeric() || *c == '_';
        let before = at.checked_sub(1).and_then(|at| self.0.get(at));
        let end = at + word.chars().count();
        let same = word
            .chars()
            .enumerate()
            .all(|(i, c)| self.0.get(at + i) == Some(&c));
        same && !before.is_some_and(of_name) && !self.0.get(end).is_some_and(of_name)
    }

    /// Whether these characters stand here.
    pub(super) fn has(&self, at: usize, text: &str) -> bool {
        text.chars()
            .enumerate()
            .all(|(i, c)| self.0.get(at + i) == Some(&c))
    }

    /// The next place that is neither white nor in a comment.
    pub(super) fn solid(&self, mut at: usize) -> usize {
        while let Some(c) = self.0.get(at) {
            if c.is_whitespace() {
                at += 1;
            } else if self.has(at, "//") || self.has(at, "/*") {
                at = self.step(at);
            } else {
                break;
            }
        }
        at
    }

    fn quoted(&self, at: usize, quote: char) -> usize {
        let mut end = at + 1;
        while let Some(c) = self.0.get(end) {
            match c {
                '\\' => end += 2,
                // Two of them stand for one.
                c if *c == quote && self.0.get(end + 1) == Some(&quote) => end += 2,
                c if *c == quote => return end + 1,
                _ => end += 1,
            }
        }
        end.min(self.0.len())
    }

    /// A text in backticks: what stands in `${…}` is script again.
    fn woven(&self, at: usize) -> usize {
        let mut end = at + 1;
        while let Some(c) = self.0.get(end) {
            if *c == '`' {
                // Two of them stand for one.
                if self.0.get(end + 1) != Some(&'`') {
                    return end + 1;
                }
                end += 2;
            } else if self.has(end, "${") {
                end = self.find(end + 2, |_| false) + 1;
            } else {
                end += 1;
            }
        }
        end.min(self.0.len())
    }

    fn raw(&self, at: usize) -> usize {
        let hashes = self.0[at..].iter().take_while(|c| **c == '#').count();
        if self.0.get(at + hashes) != Some(&'"') {
            return at + 1;
        }
        let close: String = format!("\"{}", "#".repeat(hashes));
        let mut end = at + hashes + 1;
        while end < self.0.len() && !self.has(end, &close) {
            end += 1;
        }
        (end + hashes + 1).min(self.0.len())
    }

    fn line(&self, at: usize) -> usize {
        let rest = self.0[at..].iter().position(|c| *c == '\n');
        rest.map_or(self.0.len(), |n| at + n)
    }

    fn comment(&self, at: usize) -> usize {
        let (mut end, mut depth) = (at + 2, 1);
        while end < self.0.len() && depth > 0 {
            if self.has(end, "*/") {
                (depth, end) = (depth - 1, end + 2);
            } else if self.has(end, "/*") {
                (depth, end) = (depth + 1, end + 2);
            } else {
                end += 1;
            }
        }
        end.min(self.0.len())
    }
}

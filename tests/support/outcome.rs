//! What a run of `pb` came to, and its comparison with `tests/expected`.

use std::{env, fs};

use super::checkout;
use super::redact::redact;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// The exit code; `128 + n` for signal n, as shells say it.
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Outcome {
    /// Panics with the whole output when it ended otherwise.
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Outcome {
        assert_eq!(self.code, code, "exit code of\n{self}");
        self
    }

    /// Replaces what differs between runs and is not of a kind that `redact` knows.
    pub(crate) fn hide(mut self, text: &str, mark: &str) -> Outcome {
        self.stdout = self.stdout.replace(text, mark);
        self.stderr = self.stderr.replace(text, mark);
        self
    }

    /// Shows names of plans as `<plan>`: they change with every word of pb, and with every port.
    pub(crate) fn hide_plans(mut self) -> Outcome {
        for mark in ["plan ", "\"id\":\"", "--plan "] {
            let texts = format!("{}\n{}", self.stdout, self.stderr);
            let ids = texts.split(mark).skip(1).filter_map(|rest| rest.get(..8));
            let is_id = |id: &&str| id.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
            for id in ids.filter(is_id) {
                self = self.hide(id, "<plan>");
            }
        }
        self
    }

    /// Compares all of it with `tests/expected/<name>.txt`, which `UPDATE_EXPECT=1` writes.
    #[track_caller]
    pub(crate) fn matches(&self, name: &str) {
        let file = checkout::root().join(format!("tests/expected/{name}.txt"));
        let found = redact(&self.to_string());
        if env::var("UPDATE_EXPECT").is_ok_and(|update| update == "1") {
            fs::create_dir_all(file.parent().expect("it is in tests/expected"))
                .and_then(|()| fs::write(&file, &found))
                .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
            return;
        }
        let expected = fs::read_to_string(&file).unwrap_or_default();
        assert!(
            found == expected,
            "tests/expected/{name}.txt differs; UPDATE_EXPECT=1 writes what was found\n{}",
            difference(&expected, &found),
        );
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "exit {}", self.code)?;
        for (name, text) in [("stdout", &self.stdout), ("stderr", &self.stderr)] {
            if !text.is_empty() {
                writeln!(f, "--- {name}\n{}", text.trim_end_matches('\n'))?;
            }
        }
        Ok(())
    }
}

/// The lines from the first to the last that differ, marked as `diff` does.
fn difference(expected: &str, found: &str) -> String {
    let (old, new): (Vec<_>, Vec<_>) = (expected.lines().collect(), found.lines().collect());
    let same = old
        .iter()
        .zip(&new)
        .take_while(|(old, new)| old == new)
        .count();
    let (old, new) = (&old[same..], &new[same..]);
    let tail = old
        .iter()
        .rev()
        .zip(new.iter().rev())
        .take_while(|(old, new)| old == new)
        .count();
    let lines = |mark, lines: &[&str]| {
        let marked = lines[..lines.len() - tail]
            .iter()
            .map(|line| format!("{mark}{line}\n"));
        marked.collect::<String>()
    };
    format!("line {}:\n{}{}", same + 1, lines('-', old), lines('+', new))
}

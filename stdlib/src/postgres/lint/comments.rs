//! The `--` comments of a file, wherever they stand.

use crate::postgres::split::Statement;
use std::ops::Range;

/// Where each begins and ends, in order. What looks like one in a string or in `/* … */` is none.
pub(super) fn line_comments(text: &str, statements: &[Statement<'_>]) -> Vec<Range<usize>> {
    let mut comments = vec![];
    let mut gap_start = 0;
    let tokens = statements.iter().flat_map(|statement| &statement.tokens);
    for token in tokens {
        in_gap(text, gap_start..token.start, &mut comments);
        gap_start = token.end();
    }
    in_gap(text, gap_start..text.len(), &mut comments);
    comments
}

/// Between two tokens stand blanks, comments and `;` alone.
fn in_gap(text: &str, gap: Range<usize>, comments: &mut Vec<Range<usize>>) {
    let bytes = text.as_bytes();
    let (mut at, mut depth) = (gap.start, 0_usize);
    while at + 1 < gap.end {
        match (&bytes[at..at + 2], depth) {
            (b"--", 0) => {
                let rest = &text[at..gap.end];
                let end = at + rest.find(['\n', '\r']).unwrap_or(rest.len());
                comments.push(at..end);
                at = end;
            }
            (b"/*", _) => (depth, at) = (depth + 1, at + 2),
            (b"*/", 1..) => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
    }
}

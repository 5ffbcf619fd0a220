//! The lines of a plan.

use super::Seen;
use super::catalogue::Relation;
use crate::postgres::locks::{Touch, Work};
use std::collections::HashMap;

/// A plan is read by people.
const MOST: usize = 40;
/// What is smaller fits anywhere.
const WORTH_SAYING: i64 = 100 << 20;
/// An entry of a B-tree on a number or a short text.
const INDEX_ENTRY: i64 = 30;

pub(super) fn details(seen: &[Seen<'_>], relations: &HashMap<usize, Relation>) -> Vec<String> {
    let mut lines = vec![];
    for text in seen {
        for (n, touch) in &text.tables {
            if let Some(relation) = relations.get(n) {
                lines.push(format!("{}{}", label(text.file), line(touch, relation)));
            }
        }
        if let Some((word, at)) = text.opaque {
            lines.push(format!(
                "{}what `{word}` on line {at} locks, its text does not say",
                label(text.file)
            ));
        }
    }
    let more = lines.len().saturating_sub(MOST);
    if more > 0 {
        lines.truncate(MOST);
        lines.push(format!("and {more} more tables"));
    }
    lines
}

fn label(file: &str) -> String {
    match file {
        "" => String::new(),
        file => format!("{file}: "),
    }
}

fn line(touch: &Touch, relation: &Relation) -> String {
    let Relation {
        name, size, parts, ..
    } = relation;
    let parts = match parts {
        0 => String::new(),
        1 => " with 1 partition".into(),
        parts => format!(" with {parts} partitions"),
    };
    let work = match touch.work {
        Work::Catalogue => "metadata only",
        Work::Rows => "writes rows",
        Work::Scan => "scan",
        Work::Index => "scan and index",
        Work::Rewrite => "rewrite",
    };
    let room = match touch.work {
        Work::Rewrite => relation.total,
        Work::Index => relation.rows.saturating_mul(INDEX_ENTRY),
        Work::Catalogue | Work::Rows | Work::Scan => 0,
    };
    let room = match room {
        room if room >= WORTH_SAYING => format!(", needs about {} of disk", shown(room)),
        _ => String::new(),
    };
    format!(
        "{} {name}{parts} ({}): {work}{room}",
        touch.lock,
        shown(*size)
    )
}

/// As people say it: `96 kB`, `1.2 GB`.
pub(super) fn shown(bytes: i64) -> String {
    let mut size = bytes.max(0);
    let mut tenths = size * 10;
    for unit in ["B", "kB", "MB", "GB"] {
        if size < 1024 {
            return match tenths % 10 {
                0 => format!("{size} {unit}"),
                _ if size >= 10 => format!("{size} {unit}"),
                tenth => format!("{size}.{tenth} {unit}"),
            };
        }
        (size, tenths) = (size / 1024, tenths / 1024);
    }
    format!("{}.{} TB", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn sizes_are_shown_as_people_say_them() {
        let check = |bytes, expect: &str| assert_eq!(shown(bytes), expect);
        check(0, "0 B");
        check(8192, "8 kB");
        check(100_000, "97 kB");
        check(1_300_000_000, "1.2 GB");
        check(1_073_741_824, "1 GB");
        check(25_000_000_000, "23 GB");
        check(3_000_000_000_000, "2.7 TB");
    }
}

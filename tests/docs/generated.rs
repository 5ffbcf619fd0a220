//! Pages, and parts of pages, that are made from declarations: compared, or written with `UPDATE_EXPECT=1`.

use std::fs;
use std::path::Path;

use super::{is_update, read};
use crate::support::checkout;

/// What a page says that nobody should edit; the comment is the first line.
pub(super) const MARK: &str =
    "<!-- Generated. `UPDATE_EXPECT=1 cargo test --test main docs` writes it from ";

/// Holds a whole page to what it would be now.
#[track_caller]
pub(super) fn page(path: impl AsRef<Path>, text: &str) {
    let path = path.as_ref();
    let file = checkout::root().join(path);
    if is_update() {
        fs::create_dir_all(file.parent().unwrap())
            .and_then(|()| fs::write(&file, text))
            .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        return;
    }
    let found = fs::read_to_string(&file).unwrap_or_default();
    assert!(
        found == text,
        "{} is out of date: `UPDATE_EXPECT=1 cargo test --test main docs` writes it\n{}",
        path.display(),
        first_difference(&found, text),
    );
}

/// Holds the lines between `<!-- begin name -->` and `<!-- end name -->` to what they would be now.
#[track_caller]
pub(super) fn part(path: &str, name: &str, text: &str) {
    let old = read(path);
    let (begin, end) = (
        format!("<!-- begin {name} -->\n"),
        format!("<!-- end {name} -->\n"),
    );
    let cut = || {
        let (before, rest) = old.split_once(&begin)?;
        let (_, after) = rest.split_once(&end)?;
        Some((before, after))
    };
    let (before, after) = cut().unwrap_or_else(|| panic!("{path} lacks {begin} or {end}"));
    page(path, &format!("{before}{begin}{text}{end}{after}"));
}

fn first_difference(found: &str, wanted: &str) -> String {
    let mut lines = found.lines().zip(wanted.lines()).enumerate();
    match lines.find(|(_, (found, wanted))| found != wanted) {
        Some((at, (found, wanted))) => format!("line {}:\n- {found}\n+ {wanted}", at + 1),
        None => format!(
            "it has {} lines and would have {}",
            found.lines().count(),
            wanted.lines().count()
        ),
    }
}

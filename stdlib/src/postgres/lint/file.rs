//! What is found in the text of one file, whatever folder it lies in.

use super::found::Found;
use super::{allow, own, squawk};
use crate::postgres::script::is_transactional;
use crate::postgres::split::split;

/// What speaks against a file, in the order of its lines; nothing when it cannot be split, which its folder tells.
pub(super) fn lint(text: &str, is_down: bool, of_folder: Vec<Found>) -> Vec<Found> {
    let mut found = of_folder;
    if let Ok(statements) = split(text) {
        let transactional = is_transactional(text, &statements);
        found.extend(own::lint(text, &statements, transactional, is_down));
        found.extend(squawk::lint(text, &statements, transactional, is_down));
        allow::settle(text, &statements, &mut found);
    }
    found.sort_by_key(|found| found.spot);
    found
}

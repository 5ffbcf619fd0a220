//! Scripts that could not even be read: the failure of loading them as a finding.

use super::text::Text;
use pb_core::Failure;
use pb_core::finding::{Finding, Level};

/// What loading a playbook failed with, as a finding with the exact place of what is wrong.
///
/// `text` is that of the file which the failure names (`failure.chain`), when it is known; without it the file is read.
pub fn refused(playbook: &str, failure: &Failure, text: Option<&str>) -> Finding {
    let site = failure.chain.first();
    let file = site.map_or_else(|| playbook.to_owned(), |site| site.file.clone());
    let read = match text {
        Some(_) => None,
        None => std::fs::read_to_string(&file).ok(),
    };
    let text = text.or(read.as_deref()).unwrap_or_default();
    let place = site
        .filter(|site| site.line > 0)
        .map(|site| Text::new(text).token_at(site.line, site.column.max(1)));
    Finding {
        code: failure.code.clone(),
        level: Level::Error,
        message: failure.message.clone(),
        because: failure.because.clone(),
        hint: failure.hint.clone(),
        file,
        line: place.map_or(0, |place| place.line),
        column: place.map_or(0, |place| place.column),
        end_column: place.map_or(0, |place| place.end),
    }
}

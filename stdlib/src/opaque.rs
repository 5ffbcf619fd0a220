//! What is said of a call that nobody can tell about from outside.

use crate::known::Known;
use pb_core::code;
use pb_core::finding::Complaint;

/// A note that says so, unless one of these options answers it, or `on_doubt` does.
pub(crate) fn note(known: Known<'_>, answers: &[&str], message: &str) -> Option<Complaint> {
    let mut answers = answers.iter().chain(&["on_doubt"]);
    if answers.clone().any(|option| known.gives(option)) {
        return None;
    }
    let first = answers.next()?;
    let rest: String = answers.map(|option| format!(" or `{option}`")).collect();
    let note = Complaint::note(&code::OPAQUE, message);
    Some(note.hint(format!("give it `{first}`{rest}")))
}

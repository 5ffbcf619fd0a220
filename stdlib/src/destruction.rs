//! What is said against a call that destroys data.

use crate::known::Known;
use pb_core::code;
use pb_core::finding::{At, Complaint, Standing};

const ALLOW: &str = "allow_destructive(\"why\");";
const RETURN: &str = "point_of_no_return(\"why\");";

/// What speaks against a call that does `what`, as its argument `at` says.
pub(crate) fn objection(
    what: &str,
    at: &str,
    known: Known<'_>,
    stands: &Standing<'_>,
) -> Option<Complaint> {
    let stays = !stands.committed && !known.can_be_undone();
    let complaint = match (stands.allowed, stays) {
        (false, true) => Complaint::error(&code::DESTRUCTIVE, format!("`{what}` destroys data"))
            .because("nothing brings it back, and no point of no return was passed")
            .hint(format!("write `{RETURN} {ALLOW}` before it")),
        (false, false) => Complaint::error(&code::DESTRUCTIVE, format!("`{what}` destroys data"))
            .hint(format!("write `{ALLOW}` before it")),
        (true, true) => Complaint::error(&code::NO_UNDO, format!("`{what}` cannot be undone"))
            .because("no point of no return was passed")
            .hint(format!("write `{RETURN}` before it")),
        (true, false) => return None,
    };
    Some(complaint.at(At::Argument(at.into())))
}

//! What a program's arguments tell before it runs.

use super::destroyer::destroys;
use crate::destruction::objection;
use crate::known::Known;
use crate::outside_text::one_line;
use pb_core::code;
use pb_core::finding::{At, Complaint, Standing};

/// What speaks against running `argv` here or in a container; `call` is the primitive's name.
pub(crate) fn against(call: &str, known: Known<'_>, stands: &Standing<'_>) -> Option<Complaint> {
    empty(call, known).or_else(|| {
        let destroyed = destroys(&known.words("argv")?, known.text("stdin"))?;
        objection(&destroyed, "argv", known, stands)
    })
}

/// An empty list is no program.
fn empty(call: &str, known: Known<'_>) -> Option<Complaint> {
    let is_empty = |name: &&str| known.words(name).is_some_and(|words| words.is_empty());
    let name = ["argv", "probe", "undo"].into_iter().find(is_empty)?;
    let message = format!("`{name}` of `{call}` is empty: it needs a program");
    Some(Complaint::error(&code::WRONG_TYPE, message).at(At::Argument(name.into())))
}

/// A whole line where the name of a program belongs: no shell takes it apart.
pub(super) fn one_word(call: &str, known: Known<'_>, stands: &Standing<'_>) -> Option<Complaint> {
    // Whether there is a file of that name is looked up in a check alone; a run finds out when it starts it.
    let base = stands.base?;
    let (name, words) = ["argv", "probe", "undo"].into_iter().find_map(|name| {
        let first = known.words(name)?.first().copied()?;
        let words: Vec<&str> = first.split_whitespace().collect();
        (words.len() > 1 && !base.join(first).exists()).then_some((name, words))
    })?;
    let line = one_line(&words.join(" "), 60);
    let words: Vec<_> = words.iter().map(|word| format!("{word:?}")).collect();
    let message = format!("`{call}` would look for a program of the name `{line}`");
    Some(
        Complaint::error(&code::WRONG_TYPE, message)
            .because("no shell takes a line apart: every word is a text of its own")
            .hint(format!("write [{}]", words.join(", ")))
            .at(At::Argument(name.into())),
    )
}

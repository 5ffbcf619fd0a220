//! The arguments of a call as far as they are known before it runs.

use serde_json::{Map, Value};

/// The arguments that are known. One that is given and not known is there as null.
#[derive(Clone, Copy)]
pub(crate) struct Known<'a>(pub(crate) &'a Map<String, Value>);

impl<'a> Known<'a> {
    /// A text.
    pub(crate) fn text(self, name: &str) -> Option<&'a str> {
        self.0.get(name)?.as_str()
    }

    /// A list of texts; those that are not known are empty in it.
    pub(crate) fn words(self, name: &str) -> Option<Vec<&'a str>> {
        let words = self.0.get(name)?.as_array()?.iter();
        Some(
            words
                .map(|word| word.as_str().unwrap_or_default())
                .collect(),
        )
    }

    /// Whether the call says anything of it, known or not.
    pub(crate) fn gives(self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Whether the call has a way back, as far as can be told: one that is not known may be one.
    pub(crate) fn can_be_undone(self) -> bool {
        let wish = |word: &str| matches!(word, "none" | "auto");
        self.gives("undo") && !self.text("undo").is_some_and(wish)
    }
}

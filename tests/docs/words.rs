//! The page of the words of the language, made from their declarations. Its examples run as those of every page do.

use std::fmt::Write;

use pb_runtime::{WORDS, Word};

use super::generated::{self, MARK};
use super::primitive_pages::{linked, table};

#[test]
fn every_word_is_on_the_page_of_words() {
    let mut page = format!(
        "{MARK}`runtime/lang/src/words/mod.rs`. -->\n\n# Words\n\nWhat a playbook can say besides \
         [primitives](primitives.md) and what [Rhai](https://rhai.rs/book/) brings. [Scopes](../playbooks/scopes.md) and \
         [inputs](../playbooks/inputs.md) tell how they work together; `pb help WORD` shows one of them.\n"
    );
    for group in WORDS.chunk_by(|a, b| a.group == b.group) {
        write!(page, "\n## {}\n", group[0].group).unwrap();
        for word in group {
            page += &section(word);
        }
    }
    generated::page("book/src/reference/words.md", &page);
}

fn section(word: &Word) -> String {
    let doc = linked(word.doc, "errors.md");
    let mut text = format!(
        "\n### `{}`\n\n```text\n{}\n```\n\n{doc}\n\n",
        word.name,
        word.signature()
    );
    let options = word.options();
    if !options.is_empty() {
        let mut nested = vec![];
        text += &table(&options, "", &mut nested);
        assert!(nested.is_empty(), "the options of a word are flat");
    }
    write!(text, "```rhai\n{}\n```\n", word.example.trim()).unwrap();
    text
}

//! The fenced blocks of a page.

use std::path::{Path, PathBuf};

/// What stands between two fences.
#[derive(Debug)]
pub(super) struct Block {
    pub(super) page: PathBuf,
    /// Line of its first fence, from 1.
    pub(super) line: usize,
    /// The first word after the fence.
    pub(super) language: String,
    /// The words after it, which a comma sets apart.
    pub(super) marks: Vec<String>,
    pub(super) text: String,
}

impl Block {
    pub(super) fn is(&self, mark: &str) -> bool {
        self.marks.iter().any(|known| known == mark)
    }

    /// `x` of a mark `name=x`.
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        let mut marks = self.marks.iter();
        marks.find_map(|mark| mark.strip_prefix(name)?.strip_prefix('='))
    }

    pub(super) fn place(&self) -> String {
        format!("{}:{}", self.page.display(), self.line)
    }
}

/// The blocks of a page, in order.
pub(super) fn blocks(page: &Path) -> Vec<Block> {
    let mut found: Vec<Block> = vec![];
    let mut open: Option<Block> = None;
    for (at, line) in super::read(page).lines().enumerate() {
        match (line.trim_start().strip_prefix("```"), open.take()) {
            (Some(_), Some(block)) => found.push(block),
            (Some(info), None) => {
                let mut words = info.split(',').map(|word| word.trim().to_owned());
                open = Some(Block {
                    page: page.to_owned(),
                    line: at + 1,
                    language: words.next().unwrap_or_default(),
                    marks: words.collect(),
                    text: String::new(),
                });
            }
            (None, Some(mut block)) => {
                block.text += line;
                block.text.push('\n');
                open = Some(block);
            }
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "{} has an open fence", page.display());
    found
}

/// The blocks of all pages in that language.
pub(super) fn of_language(language: &str) -> Vec<Block> {
    let blocks = super::pages().into_iter().flat_map(|page| blocks(&page));
    blocks.filter(|block| block.language == language).collect()
}

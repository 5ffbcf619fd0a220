//! The text of a `pb.toml`, and errors that point into it.

use crate::exit::Exit;
use crate::refusal::Refusal;
use pb_core::{Failure, Site, code};
use std::ops::Range;
use std::path::{Path, PathBuf};

/// A file that was read.
pub(super) struct Document {
    /// The file.
    pub(super) path: PathBuf,
    pub(super) text: String,
}

impl Document {
    pub(super) fn read(path: &Path) -> Result<Self, Refusal> {
        let text = std::fs::read_to_string(path).map_err(|error| {
            Failure::new(
                &code::FILE,
                format!("`{}` could not be read", path.display()),
            )
            .because(error.to_string())
        })?;
        Ok(Self {
            path: path.to_owned(),
            text,
        })
    }

    /// The folder it stands in.
    pub(super) fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new("."))
    }

    /// As errors name it: relative to where the command runs, where it is below.
    fn name(&self) -> String {
        let here = std::env::current_dir().ok();
        let short = here.and_then(|here| self.path.strip_prefix(here).ok().map(Path::to_owned));
        short.as_deref().unwrap_or(&self.path).display().to_string()
    }

    /// An error about that part of the text.
    pub(super) fn wrong(&self, span: Range<usize>, message: impl Into<String>) -> Complaint<'_> {
        self.complain(span, Failure::new(&code::MANIFEST, message))
    }

    /// The same for an error that somebody else found.
    pub(super) fn complain(&self, span: Range<usize>, failure: Failure) -> Complaint<'_> {
        Complaint {
            document: self,
            span,
            failure,
        }
    }
}

/// An error about a part of a document.
pub(super) struct Complaint<'a> {
    document: &'a Document,
    span: Range<usize>,
    failure: Failure,
}

impl Complaint<'_> {
    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.failure = self.failure.hint(hint);
        self
    }

    pub(super) fn because(mut self, because: impl Into<String>) -> Self {
        self.failure = self.failure.because(because);
        self
    }
}

impl From<Complaint<'_>> for Refusal {
    fn from(complaint: Complaint<'_>) -> Self {
        let Complaint {
            document,
            span,
            mut failure,
        } = complaint;
        let (line, column) = place(&document.text, span.start);
        let (last, end) = place(&document.text, span.end);
        let file = document.name();
        failure.chain = vec![Site {
            file: file.clone(),
            line,
            column,
            call: String::new(),
        }];
        if last == line && end > column {
            failure = failure.with("end_column", end);
        }
        Refusal::new(failure, Exit::Usage).source(file, super::password::masked(&document.text))
    }
}

/// Line and column in characters, from 1.
fn place(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before
        .rsplit('\n')
        .next()
        .unwrap_or_default()
        .chars()
        .count()
        + 1;
    (line, column)
}

//! An error that ends the command, with what is needed to show it.

use crate::exit::Exit;
use crate::render::Sources;
use pb_core::Failure;
use pb_runtime::Script;

/// Boxed: errors are large and rare.
pub(crate) struct Refusal(Box<Inner>);

struct Inner {
    failure: Failure,
    exit: Exit,
    sources: Sources,
}

impl Refusal {
    /// An error of that exit code.
    pub(crate) fn new(failure: Failure, exit: Exit) -> Self {
        Self(Box::new(Inner {
            failure,
            exit,
            sources: Sources::new(),
        }))
    }

    /// Adds the text of a file that the error points into.
    pub(crate) fn source(mut self, file: String, text: String) -> Self {
        self.0.sources.insert(file, text);
        self
    }

    /// Adds the texts of a playbook and its modules.
    pub(crate) fn sources_of(mut self, script: &Script) -> Self {
        self.0.sources.clone_from(script.sources());
        self
    }

    /// Adds the files that the error points into, as far as they can be read.
    pub(crate) fn sources_on_disk(mut self) -> Self {
        let files: Vec<_> = self
            .0
            .failure
            .chain
            .iter()
            .map(|site| site.file.clone())
            .collect();
        for file in files {
            if let Ok(text) = std::fs::read_to_string(&file) {
                self.0.sources.insert(file, text);
            }
        }
        self
    }

    pub(crate) fn failure(&self) -> &Failure {
        &self.0.failure
    }

    pub(crate) fn exit(&self) -> Exit {
        self.0.exit
    }

    pub(crate) fn sources(&self) -> &Sources {
        &self.0.sources
    }
}

/// Before a run begins, nothing has been touched.
impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        let exit = Exit::before_a_run(&failure);
        Self::new(failure, exit)
    }
}

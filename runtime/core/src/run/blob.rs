//! Files that steps read, kept by their hash, so that resume and undo need no disk.

use crate::failure::{Failure, Result};
use crate::journal::Body;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Names a kept text by its hash.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BlobRef(String);

type Keep = Box<dyn Fn(Body) + Send + Sync>;

/// The kept texts of a run.
pub(crate) struct Blobs {
    texts: Mutex<HashMap<BlobRef, Arc<str>>>,
    keep: Keep,
}

impl Blobs {
    pub(crate) fn new(keep: Keep) -> Self {
        Self {
            texts: Mutex::default(),
            keep,
        }
    }

    /// What an earlier process kept.
    pub(crate) fn remember(&self, id: &str, text: &str) {
        let mut texts = self.texts.lock().unwrap_or_else(PoisonError::into_inner);
        texts.insert(BlobRef(id.to_owned()), text.into());
    }

    pub(crate) fn put(&self, text: &str) -> BlobRef {
        let id = BlobRef(crate::journal::hash(text.as_bytes()));
        let mut texts = self.texts.lock().unwrap_or_else(PoisonError::into_inner);
        texts.entry(id.clone()).or_insert_with(|| {
            (self.keep)(Body::Blob {
                id: id.0.clone(),
                text: text.into(),
            });
            text.into()
        });
        id
    }

    pub(crate) fn get(&self, id: &BlobRef) -> Result<Arc<str>> {
        let texts = self.texts.lock().unwrap_or_else(PoisonError::into_inner);
        texts
            .get(id)
            .cloned()
            .ok_or_else(|| Failure::broken("kept files", &id.0))
    }
}

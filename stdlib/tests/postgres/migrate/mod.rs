//! `migrate` on real schemas.

mod crash;
mod cut;
mod indexes;
mod locks;
mod refused;
mod undo;
mod versions;

use crate::lab::Lab;
use crate::server::{Database, Server, shared};
use pb_core::Failure;
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};

/// A folder of migrations and a database of its own.
pub(crate) struct Project {
    folder: PathBuf,
    pub(crate) database: Database<'static>,
}

impl Project {
    pub(crate) fn new(name: &str) -> Self {
        Self::on(shared(), name)
    }

    pub(crate) fn on(server: &'static Server, name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("pb-migrate-{name}-{}", std::process::id()));
        fs::create_dir_all(folder.join("migrations"))
            .expect("the temporary directory can be written");
        Self {
            folder,
            database: server.database(name),
        }
    }

    /// Writes a file of the folder `migrations`.
    pub(crate) fn file(&self, name: &str, text: &str) -> &Self {
        fs::write(self.folder.join("migrations").join(name), text)
            .expect("our folder can be written");
        self
    }

    pub(crate) fn remove(&self, name: &str) -> &Self {
        fs::remove_file(self.folder.join("migrations").join(name)).expect("it was there");
        self
    }

    pub(crate) fn base(&self) -> &Path {
        &self.folder
    }

    pub(crate) async fn lab(&self) -> Lab {
        self.lab_at(&self.database.url()).await
    }

    /// A run that comes another way or as another user.
    pub(crate) async fn lab_at(&self, url: &str) -> Lab {
        Lab::with(json!({ "postgres": url }), &self.folder).await
    }

    pub(crate) fn psql(&self, text: &str) -> String {
        self.database.psql(text)
    }

    /// The rows of the history: version, state, step.
    pub(crate) fn history(&self, schema: &str) -> String {
        self.psql(&format!(
            "SELECT string_agg(version || ' ' || state || ' ' || step, ', ' ORDER BY version, name) FROM {schema}.pb_migrations"
        ))
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.folder));
    }
}

/// Calls `migrate` with more options.
pub(crate) async fn migrate(lab: &Lab, more: Value) -> Result<Value, Failure> {
    let mut args = json!({ "dir": "migrations" });
    for (name, value) in more.as_object().expect("a map") {
        args[name] = value.clone();
    }
    lab.call("migrate", args).await
}

/// What it did, without the time it took.
pub(crate) fn did(out: &Value) -> String {
    let list = |name: &str| {
        let texts = out[name]
            .as_array()
            .expect("a list")
            .iter()
            .filter_map(Value::as_str);
        texts.collect::<Vec<_>>().join(" ")
    };
    format!(
        "{} | {} | {} -> {} | {}",
        list("applied"),
        list("reverted"),
        out["from"],
        out["to"],
        out["changed"]
    )
    .replace('"', "")
}

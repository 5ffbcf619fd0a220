//! Where this checkout is, and a mark of it that keeps several checkouts on one machine apart.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::{env, fs};

pub(crate) fn root() -> &'static Path {
    // The tests of another package than the root's look for it from there.
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = package
        .ancestors()
        .find(|folder| folder.join("Cargo.lock").exists());
    root.expect("the workspace has a lock file")
}

/// Six letters and digits that no other checkout has, nor one of the same path in a container that shares our Docker.
pub(crate) fn mark() -> String {
    let folder = fs::metadata(root()).expect("the checkout is there");
    hash((root(), folder.dev(), folder.ino()))[..6].to_string()
}

/// A folder in cargo's target directory for what is slow to make; `cargo clean` removes it.
pub(crate) fn cache() -> PathBuf {
    let exe = env::current_exe().expect("the path of this program is known");
    let target = exe
        .ancestors()
        .find(|folder| folder.join("CACHEDIR.TAG").exists());
    let cache = target
        .expect("cargo put this program into its target directory")
        .join("tmp/support");
    fs::create_dir_all(&cache).expect("the target directory can be written");
    cache
}

pub(crate) fn hash(value: impl Hash) -> String {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

//! Images of the demo's programs, imported from a static binary: nothing is pulled.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{self, Command};
use std::sync::Mutex;

use super::checkout;
use super::docker::Docker;

const RUSTC: [&str; 5] = [
    "--edition=2024",
    "-O",
    "-Ctarget-feature=+crt-static",
    "-Cpanic=abort",
    "-Cstrip=symbols",
];

/// Returns the program that `rustc` makes of `examples/demo/<name>.rs`, from the cache when the source is the same.
pub(crate) fn program(name: &str) -> PathBuf {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let source = checkout::root().join(format!("examples/demo/{name}.rs"));
    let text = fs::read(&source).expect("examples/demo holds the source");
    let folder = checkout::cache().join(checkout::hash((text, RUSTC)));
    let program = folder.join(name);
    let _turn = ONE_AT_A_TIME.lock().expect("the source compiles");
    if !program.exists() {
        compile(&source, &folder, name);
    }
    program
}

/// In a folder of this process until it is whole: rustc's intermediate files lie beside its output, and other processes
/// look into the cache at the same time. Where one was first, its program serves as well.
fn compile(source: &Path, folder: &Path, name: &str) {
    let part = folder.with_added_extension(process::id().to_string());
    fs::create_dir_all(&part).expect("the target directory can be written");
    let mut rustc = Command::new("rustc");
    rustc.args(RUSTC).arg("-o").arg(part.join(name)).arg(source);
    let status = rustc.status().expect("rustc starts");
    assert!(status.success(), "rustc compiles {}", source.display());
    if fs::rename(&part, folder).is_err() {
        fs::remove_dir_all(&part).expect("our own folder can be removed");
    }
}

/// The web service at a version. `broken` never becomes healthy.
pub(crate) struct Image {
    tag: String,
    changes: Vec<String>,
}

impl Image {
    pub(crate) fn web(tag: &str) -> Image {
        let image = Image {
            tag: tag.to_string(),
            changes: Vec::new(),
        };
        let image = image
            .env("VERSION", tag)
            .change("EXPOSE 8000")
            .change(r#"ENTRYPOINT ["/web"]"#);
        match tag {
            "broken" => image.env("FAIL_HEALTH", "1"),
            _ => image,
        }
    }

    /// Sets what `examples/demo/web.rs` reads from its environment.
    pub(crate) fn env(self, name: &str, value: &str) -> Image {
        self.change(&format!("ENV {name}={value}"))
    }

    /// Adds a Dockerfile instruction, such as a HEALTHCHECK, that `docker import --change` takes.
    pub(crate) fn change(mut self, instruction: &str) -> Image {
        self.changes.push(instruction.to_string());
        self
    }

    /// Returns the image's name, `pb-test-…/web:1.0`. A tag stands for one set of changes in a process.
    pub(crate) fn import(self, docker: &Docker) -> String {
        let name = format!("{}/web:{}", docker.prefix(), self.tag);
        let changes = self.env("IMAGE", &name).changes;
        docker.import(&name, &program("web"), &changes);
        name
    }
}

//! Scripts that are right: nothing is found in them, in an environment or without.

use crate::stage::{LIBRARY, environment, line, lines, registry};
use pb_runtime::Script;
use std::path::{Path, PathBuf};

/// `(name, text)` of every script in a folder.
fn scripts(folder: &Path) -> Vec<(PathBuf, String)> {
    let files = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let scripts = files.filter(|path| path.extension().is_some_and(|end| end == "rhai"));
    scripts
        .map(|path| (path.clone(), std::fs::read_to_string(path).unwrap()))
        .collect()
}

#[test]
fn idiomatic_scripts_pass() {
    let registry = registry();
    let environment = environment();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/check/silent");
    let scripts = scripts(&folder);
    assert!(scripts.len() >= 20, "{} scripts", scripts.len());
    let mut found = vec![];
    for (path, text) in scripts {
        let name = path.file_name().unwrap().to_string_lossy();
        let script = match Script::from_text(&name, &text, LIBRARY) {
            Ok(script) => script,
            Err(failure) => {
                found.push(line(&pb_runtime::refused(&name, &failure, Some(&text))));
                continue;
            }
        };
        for environment in [None, Some(&environment)] {
            let checked = pb_runtime::check(&script, &registry, environment, None);
            found.extend(lines(&checked.findings));
        }
    }
    assert_eq!(found, [""; 0]);
}

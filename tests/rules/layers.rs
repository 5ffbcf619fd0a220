//! Which crate may know what. A wrong arrow in a manifest is found here before it is in the code.

use super::{extension, none, read, repository_files};
use std::path::{Path, PathBuf};

/// What a manifest must not name, in any of its tables of dependencies.
const FORBIDDEN: &[(&str, &[&str])] = &[
    (
        "runtime/core",
        &[
            "bollard",
            "clap",
            "indicatif",
            "pb-runtime",
            "pb-stdlib",
            "reqwest",
            "rhai",
            "tokio-postgres",
        ],
    ),
    (
        "runtime/lang",
        &[
            "bollard",
            "clap",
            "indicatif",
            "pb-stdlib",
            "tokio-postgres",
        ],
    ),
    ("stdlib", &["clap", "indicatif", "pb-runtime", "rhai"]),
];

#[test]
fn arrows_point_from_the_command_to_the_kernel() {
    let mut found = Vec::new();
    for (folder, forbidden) in FORBIDDEN {
        let path = format!("{folder}/Cargo.toml");
        let manifest: toml::Table = read(&path).parse().unwrap();
        for name in dependencies(&manifest) {
            if forbidden.contains(&name.as_str()) {
                found.push(format!("{path}: {name}"));
            }
        }
    }
    none(
        &found,
        "take these out: the crate must not know them, a trait of pb-core can stand between",
    );
}

/// The linter of migrations changes weekly and promises no interface.
#[test]
fn one_file_alone_knows_the_linter() {
    const ADAPTER: &str = "stdlib/src/postgres/lint/squawk.rs";
    let names = |path: &PathBuf| {
        let is_source = extension(path) == "rs" && !path.starts_with("tests");
        is_source && read(path).contains(concat!("squawk", "_"))
    };
    let naming: Vec<_> = repository_files().into_iter().filter(names).collect();
    assert!(
        naming.contains(&PathBuf::from(ADAPTER)),
        "{ADAPTER} names it no longer"
    );
    let naming = naming.iter().filter(|path| *path != Path::new(ADAPTER));
    let naming: Vec<_> = naming.map(|path| path.display().to_string()).collect();
    none(
        &naming,
        "call what stdlib/src/postgres/lint/squawk.rs offers",
    );
}

#[test]
fn only_the_command_is_a_program() {
    let mut found = Vec::new();
    for (folder, _) in FORBIDDEN {
        let manifest: toml::Table = read(format!("{folder}/Cargo.toml")).parse().unwrap();
        if manifest.contains_key("bin") {
            found.push(format!("{folder}/Cargo.toml"));
        }
    }
    none(
        &found,
        "programs belong to the root package: delete [[bin]] here",
    );
}

/// The crates that a manifest names, also for one platform alone, under their real names.
fn dependencies(manifest: &toml::Table) -> Vec<String> {
    let mut names = Vec::new();
    for (key, value) in manifest {
        let Some(table) = value.as_table() else {
            continue;
        };
        if matches!(
            key.as_str(),
            "dependencies" | "dev-dependencies" | "build-dependencies"
        ) {
            names.extend(table.iter().map(|(name, dependency)| {
                let renamed = dependency.get("package").and_then(toml::Value::as_str);
                renamed.unwrap_or(name).to_string()
            }));
        } else if key == "target" {
            names.extend(
                table
                    .values()
                    .filter_map(toml::Value::as_table)
                    .flat_map(dependencies),
            );
        }
    }
    names
}

//! A playbook and everything it imports, read and parsed before anything runs.

use crate::engine::parser;
use crate::params::{self, Param};
use crate::planning::{self, Shifts, Try, Way, tries};
use crate::syntax;
use crate::walk::{Found, look_through};
use pb_core::run::Met;
use pb_core::{Failure, Result, Site, code, nearest};
use rhai::AST;
use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

/// Library modules that come with a program: name, such as `std/rollout`, and text.
pub type Library = &'static [(&'static str, &'static str)];

/// A playbook and its modules, parsed.
#[derive(Debug, Clone)]
pub struct Script {
    name: String,
    sources: BTreeMap<String, String>,
    modules: BTreeMap<String, Arc<Parsed>>,
    params: Vec<Param>,
}

/// One file, parsed.
#[derive(Debug)]
pub(crate) struct Parsed {
    pub(crate) ast: AST,
    pub(crate) found: Found,
    /// What each import of this file is called among the modules.
    pub(crate) imports: BTreeMap<String, String>,
    /// What was woven in, for a plan.
    pub(crate) shifts: Shifts,
}

impl Script {
    /// Reads a playbook and what it imports. `package` is the folder that imports may not leave.
    ///
    /// # Errors
    /// `PB0012` for a file that cannot be read, `PB0206` for one that cannot be parsed, `PB0220` for one that cannot be
    /// imported.
    pub fn load(path: &Path, package: &Path, library: Library) -> Result<Self> {
        let name = path.to_string_lossy().into_owned();
        let text = read(path).map_err(|error| {
            Failure::new(
                &code::FILE,
                format!("the playbook `{name}` could not be read"),
            )
            .because(error.to_string())
        })?;
        let files = |from: &str, import: &str| read_import(package, from, import);
        Self::assemble(&name, text, &|from, import| {
            resolve(library, &files, from, import)
        })
    }

    /// A playbook that is given as text; it can import library modules alone.
    ///
    /// # Errors
    /// `PB0206` when it cannot be parsed.
    pub fn from_text(name: &str, text: &str, library: Library) -> Result<Self> {
        let none =
            |_: &str, import: &str| Err(format!("`{import}` is a file, and this playbook is none"));
        Self::assemble(name, text.to_owned(), &|from, import| {
            resolve(library, &none, from, import)
        })
    }

    /// A playbook whose texts, and those of its modules, are recorded.
    ///
    /// # Errors
    /// `PB0206` when a newer pb cannot parse what an older one ran.
    pub fn from_sources(name: &str, sources: &BTreeMap<String, String>) -> Result<Self> {
        let text = sources.get(name).cloned().unwrap_or_default();
        Self::assemble(name, text, &|from, import| {
            let key = match is_a_file(import) {
                true => module_path(from, import).to_string_lossy().into_owned(),
                false => import.to_owned(),
            };
            let text = sources.get(&key).cloned();
            text.map(|text| (key, text))
                .ok_or_else(|| format!("`{import}` is not recorded"))
        })
    }

    fn assemble(name: &str, text: String, find: &Files<'_>) -> Result<Self> {
        let mut sources = BTreeMap::from([(name.to_owned(), text)]);
        let mut modules = BTreeMap::new();
        let mut waiting = vec![name.to_owned()];
        while let Some(file) = waiting.pop() {
            let text = sources[&file].clone();
            let parsed = parse(&file, &text, |import| {
                let (key, text) = find(&file, import)?;
                if !sources.contains_key(&key) {
                    sources.insert(key.clone(), text);
                    waiting.push(key.clone());
                }
                Ok(key)
            })?;
            if file != name {
                params::only_functions(&file, &parsed.ast)?;
            }
            modules.insert(file, Arc::new(parsed));
        }
        no_cycles(name, &modules)?;
        let params = params::declared(name, &modules[name].ast)?;
        Ok(Self {
            name: name.to_owned(),
            sources,
            modules,
            params,
        })
    }

    /// As it was named.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The lines at its top that begin with `//!`, without the mark.
    pub fn doc(&self) -> String {
        let lines = self.sources[&self.name]
            .lines()
            .map_while(|line| line.strip_prefix("//!"));
        lines
            .map(|line| line.strip_prefix(' ').unwrap_or(line))
            .collect::<Vec<_>>()
            .join("\n")
    }

    /// Its parameters, in the order of their declaration.
    pub fn params(&self) -> &[Param] {
        &self.params
    }

    /// The texts of the playbook and its modules, by name.
    pub fn sources(&self) -> &BTreeMap<String, String> {
        &self.sources
    }

    /// The same with calls woven in where it decides, for a plan.
    pub(crate) fn woven(&self) -> Result<Self> {
        let mut script = self.clone();
        for (name, parsed) in &mut script.modules {
            let (text, shifts) = planning::weave(&self.sources[name], &parsed.ast);
            let mut ast = parser()
                .compile(&text)
                .map_err(|error| syntax::refused(name, &text, &error))?;
            ast.set_source(name.as_str());
            *parsed = Arc::new(Parsed {
                ast,
                found: parsed.found.clone(),
                imports: parsed.imports.clone(),
                shifts,
            });
        }
        Ok(script)
    }

    /// Every `try` whose `catch` calls something that acts.
    pub(crate) fn tries(&self, acts: &dyn Fn(&str) -> bool) -> Vec<Try> {
        let files = self.modules.iter();
        files
            .flat_map(|(file, parsed)| tries(file, &parsed.ast, acts))
            .collect()
    }

    /// A way through the woven script, with the places as they were written.
    pub(crate) fn written_way(&self, mut way: Way) -> Way {
        let site = |site: &mut Site| {
            if let Some(parsed) = self.modules.get(&site.file) {
                site.column = parsed.shifts.written(site.line, site.column);
            }
        };
        for met in &mut way.met {
            match met {
                Met::Step(step) => step.site.iter_mut().for_each(site),
                Met::Remark(remark) => site(&mut remark.site),
                Met::Assumed { site: at, .. } => site(at),
            }
        }
        if let Some(failure) = &mut way.failure {
            failure.chain.iter_mut().for_each(site);
        }
        way
    }

    pub(crate) fn root(&self) -> &Parsed {
        &self.modules[&self.name]
    }

    pub(crate) fn module(&self, name: &str) -> Option<&Arc<Parsed>> {
        self.modules.get(name)
    }

    /// The playbook and its modules, by name.
    pub(crate) fn modules(&self) -> impl Iterator<Item = (&str, &Parsed)> {
        self.modules
            .iter()
            .map(|(name, parsed)| (name.as_str(), &**parsed))
    }

    /// References to secrets that stand in it or in its modules.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = &str> {
        self.modules
            .values()
            .flat_map(|parsed| parsed.found.secrets.iter().map(String::as_str))
    }

    /// Names of functions that it or its modules call.
    pub(crate) fn calls(&self) -> impl Iterator<Item = &str> {
        self.modules
            .values()
            .flat_map(|parsed| parsed.found.calls.iter().map(String::as_str))
    }
}

type Files<'a> = dyn Fn(&str, &str) -> std::result::Result<(String, String), String> + 'a;

fn parse(
    file: &str,
    text: &str,
    mut import: impl FnMut(&str) -> std::result::Result<String, String>,
) -> Result<Parsed> {
    syntax::not_too_long(file, text)?;
    let mut ast = parser()
        .compile(text)
        .map_err(|error| syntax::refused(file, text, &error))?;
    ast.set_source(file);
    let found = look_through(&ast);
    let mut imports = BTreeMap::new();
    for (path, line, column) in &found.imports {
        let at = |message: String| {
            let mut failure = Failure::new(&code::IMPORT, message);
            failure.chain.push(Site {
                file: file.into(),
                line: *line,
                column: *column,
                call: String::new(),
            });
            failure
        };
        let Some(path) = path else {
            return Err(at("an import was refused: its path is computed".into())
                .because("what a playbook runs must be known before it runs"));
        };
        let key = import(path)
            .map_err(|why| at(format!("`{path}` could not be imported")).because(why))?;
        imports.insert(path.clone(), key);
    }
    Ok(Parsed {
        ast,
        found,
        imports,
        shifts: Shifts::default(),
    })
}

/// Finds a module: gives its name among the sources and its text.
fn resolve(
    library: Library,
    files: &Files<'_>,
    from: &str,
    import: &str,
) -> std::result::Result<(String, String), String> {
    if is_a_file(import) {
        return files(from, import);
    }
    match library.iter().find(|(name, _)| *name == import) {
        Some((name, text)) => Ok(((*name).to_owned(), (*text).to_owned())),
        None => Err(
            match nearest(import, library.iter().map(|(name, _)| *name)) {
                Some(near) => format!("there is no such module; did you mean `{near}`?"),
                None if import.starts_with('/') => {
                    "there is no such module; a file of this project begins with `./`".into()
                }
                None => format!(
                    "there is no such module; a file beside this one is imported as `./{import}`"
                ),
            },
        ),
    }
}

fn read_import(
    package: &Path,
    from: &str,
    import: &str,
) -> std::result::Result<(String, String), String> {
    if import.ends_with(".rhai") {
        return Err("a module is named without `.rhai`".into());
    }
    let path = module_path(from, import);
    let real = |path: &Path| {
        path.canonicalize()
            .map_err(|error| unreadable(path, &error))
    };
    // Compared after links are followed: neither `..` nor a link leads out of the package.
    if !real(&path)?.starts_with(real(package)?) {
        return Err(format!(
            "`{}` lies outside of the package `{}`",
            path.display(),
            package.display()
        ));
    }
    let text = read(&path).map_err(|error| unreadable(&path, &error))?;
    Ok((path.to_string_lossy().into_owned(), text))
}

/// Without the mark that some editors put at the start of a file: Rhai takes it for a letter.
fn read(path: &Path) -> std::io::Result<String> {
    let mut text = std::fs::read_to_string(path)?;
    if text.starts_with('\u{feff}') {
        text.remove(0);
    }
    Ok(text)
}

fn unreadable(path: &Path, error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => format!("there is no file `{}`", path.display()),
        _ => format!("`{}`: {error}", path.display()),
    }
}

fn is_a_file(import: &str) -> bool {
    import.starts_with("./") || import.starts_with("../")
}

/// Where a file lies that is imported from another one.
fn module_path(from: &str, import: &str) -> PathBuf {
    let folder = Path::new(from).parent().unwrap_or(Path::new(""));
    let mut path = folder.join(import.trim_start_matches("./"));
    path.as_mut_os_string().push(".rhai");
    tidy(&path)
}

/// The path without `.` and `x/..`, so that a file has one name.
fn tidy(path: &Path) -> PathBuf {
    let mut tidy = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir
                if matches!(tidy.components().next_back(), Some(Component::Normal(_))) =>
            {
                tidy.pop();
            }
            part => tidy.push(part),
        }
    }
    tidy
}

fn no_cycles(name: &str, modules: &BTreeMap<String, Arc<Parsed>>) -> Result<()> {
    fn visit(
        name: &str,
        modules: &BTreeMap<String, Arc<Parsed>>,
        path: &mut Vec<String>,
    ) -> Result<()> {
        if path.iter().any(|p| p == name) {
            let message = format!("`{name}` imports itself");
            return Err(Failure::new(&code::IMPORT, message)
                .because(format!("{} → {name}", path.join(" → "))));
        }
        path.push(name.to_owned());
        for import in modules[name].imports.values() {
            visit(import, modules, path)?;
        }
        path.pop();
        Ok(())
    }
    visit(name, modules, &mut vec![])
}

//! What is taken from modules.

use super::closures::Role;
use super::file::File;
use super::finder::Finder;
use pb_core::code;
use rhai::{ASTFlags, FnCallExpr, Namespace, Position, Stmt};

impl<'a> Finder<'a> {
    /// Imports that nothing can be called by.
    pub(super) fn imports(&mut self) {
        for statement in self.file.parsed.ast.statements() {
            if let Stmt::Import(import, at) = statement
                && import.1.name.is_empty()
            {
                let finding = self.warning(
                    &code::IMPORT,
                    "nothing can be used of an import without a name",
                    *at,
                );
                finding.hint = Some("write: import \"…\" as name;".into());
            }
        }
    }

    /// The file behind the path of an import.
    pub(super) fn library(&self, path: &str) -> Option<&'a File<'a>> {
        let name = self.file.parsed.imports.get(path)?;
        self.world.files.get(name.as_str())
    }

    pub(super) fn library_call(&mut self, call: &'a FnCallExpr, at: Position) {
        self.arguments(&call.args, Role::Kept);
        let Some((alias, library)) = self.module(&call.namespace) else {
            return;
        };
        let (name, arity) = (call.name.as_str(), call.args.len());
        let Some(overloads) = library.functions.get(name) else {
            let public = library
                .named_functions()
                .filter(|name| library.functions[*name].iter().any(|f| !f.private));
            let hint = self.did_you_mean(name, public);
            let message = format!("the module `{alias}` has no function `{name}`");
            self.error(&code::IMPORT, message, at).hint = hint;
            return;
        };
        let arities: Vec<_> = overloads
            .iter()
            .filter(|f| !f.private)
            .map(|f| f.params.len())
            .collect();
        if arities.is_empty() {
            let message = format!("the function `{name}` of the module `{alias}` is private");
            self.error(&code::IMPORT, message, at).hint =
                Some(format!("take `private` away before `fn {name}`"));
        } else if !arities.contains(&arity) {
            self.wrong_arity(&format!("{alias}::{name}"), arity, arities, at);
        }
        self.goes_through();
    }

    pub(super) fn library_constant(&mut self, namespace: &Namespace, name: &str, at: Position) {
        let Some((alias, library)) = self.module(namespace) else {
            return;
        };
        let mut names = vec![];
        let mut hidden = false;
        for statement in library.parsed.ast.statements() {
            match statement {
                Stmt::Var(variable, flags, _) if flags.contains(ASTFlags::EXPORTED) => {
                    names.push(variable.0.name.as_str())
                }
                Stmt::Var(variable, ..) => hidden |= variable.0.name == name,
                Stmt::Export(export, _) if export.1.name.is_empty() => names.push(&export.0.name),
                Stmt::Export(export, _) => names.push(&export.1.name),
                _ => {}
            }
        }
        if names.contains(&name) {
            return;
        }
        let message = match hidden {
            true => format!("the module `{alias}` does not export `{name}`"),
            false => format!("the module `{alias}` has no constant `{name}`"),
        };
        let hint = match hidden {
            true => Some(format!("write `export const {name}` there")),
            false => self.did_you_mean(name, names),
        };
        self.error(&code::IMPORT, message, at).hint = hint;
    }

    /// The module that a name stands for; nothing, and perhaps a finding, when it is none that is known.
    fn module(&mut self, namespace: &Namespace) -> Option<(String, &'a File<'a>)> {
        let [alias] = &namespace.path[..] else {
            return None;
        };
        let name = alias.name.as_str();
        if name == "global" {
            return None;
        }
        let Some(path) = self.file.survey.aliases.get(name) else {
            let hint = self.did_you_mean(name, self.file.survey.aliases.keys().map(String::as_str));
            let message = format!("nothing was imported as `{name}`");
            self.error(&code::IMPORT, message, alias.pos).hint = hint;
            return None;
        };
        Some((name.to_owned(), self.library(path)?))
    }
}

//! Gives modules to a running script: those that were read before it began, and no others.

use crate::script::Script;
use rhai::{Engine, EvalAltResult, FnNamespace, Module, ModuleResolver, Position, Scope, Shared};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Modules of one run, each evaluated once.
pub(crate) struct Resolver {
    script: Arc<Script>,
    ready: Mutex<HashMap<String, Shared<Module>>>,
}

impl Resolver {
    pub(crate) fn new(script: Arc<Script>) -> Self {
        Self {
            script,
            ready: Mutex::default(),
        }
    }
}

impl ModuleResolver for Resolver {
    fn resolve(
        &self,
        engine: &Engine,
        source: Option<&str>,
        path: &str,
        at: Position,
    ) -> Result<Shared<Module>, Box<EvalAltResult>> {
        let missing = || Box::new(EvalAltResult::ErrorModuleNotFound(path.to_owned(), at));
        let importer = self
            .script
            .module(source.unwrap_or(self.script.name()))
            .ok_or_else(missing)?;
        let name = importer.imports.get(path).ok_or_else(missing)?;
        if let Some(module) = self
            .ready
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(name)
        {
            return Ok(module.clone());
        }
        let parsed = self.script.module(name).ok_or_else(missing)?;
        let mut module = Module::eval_ast_as_new(Scope::new(), &parsed.ast, engine)
            .map_err(|error| Box::new(EvalAltResult::ErrorInModule(name.clone(), error, at)))?;
        // A closure made in a module fails outside of it (rhai 1.26 and 1.27, "Function not found: anon$…"), because it
        // has lost its module: its body has to be found from everywhere.
        #[expect(
            deprecated,
            reason = "what rhai points to instead cannot name an existing function"
        )]
        for function in parsed
            .ast
            .iter_fn_def()
            .filter(|f| f.name.starts_with("anon$"))
        {
            let hash = Module::new().set_script_fn(function.clone());
            module.update_fn_namespace(hash, FnNamespace::Global);
        }
        module.build_index();
        let module: Shared<Module> = module.into();
        self.ready
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(name.clone(), module.clone());
        Ok(module)
    }
}

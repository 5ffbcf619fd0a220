//! The functions and closures of a file, with their statements.

use rhai::{AST, ASTNode, FnAccess, ImmutableString, Module, Stmt};
use std::collections::HashMap;

/// A function or the body of a closure.
pub(super) struct Function {
    /// What a closure captures comes before its own parameters.
    pub(super) params: Vec<ImmutableString>,
    pub(super) body: Vec<Stmt>,
    pub(super) private: bool,
}

/// Those of one file, by name: one for each number of parameters and type of `this`.
pub(super) type Functions = HashMap<ImmutableString, Vec<Function>>;

/// Whether a name is one that Rhai gave to a closure.
pub(super) fn is_closure(name: &str) -> bool {
    name.starts_with("anon$")
}

/// Rhai hides the type of a body, not what a walk over a tree of this one function comes by.
pub(super) fn functions(ast: &AST) -> Functions {
    let mut functions = Functions::new();
    for definition in ast.iter_fn_def() {
        let mut module = Module::new();
        module.set_script_fn(definition.clone());
        let mut body = vec![];
        AST::new([], module).walk(&mut |path| {
            if let [ASTNode::Stmt(statement)] = path {
                body.push((*statement).clone());
            }
            true
        });
        functions
            .entry(definition.name.clone())
            .or_default()
            .push(Function {
                params: definition.params.to_vec(),
                body,
                private: definition.access == FnAccess::Private,
            });
    }
    functions
}

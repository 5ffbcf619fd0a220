//! What a word is declared by: registration, help and the book derive from it.

use crate::calls::raw;
use crate::session::Session;
use pb_core::CallError;
use pb_core::spec::Field;
use rhai::{Dynamic, Engine, NativeCallContext};
use std::fmt;
use std::sync::Arc;

/// A word of the language: what scripts can say besides primitives and what Rhai brings.
pub struct Word {
    /// As scripts write it.
    pub name: &'static str,
    /// What it stands with in lists.
    pub group: Group,
    /// Its arguments, in order.
    pub takes: &'static [Takes],
    /// The first line says what it does.
    pub doc: &'static str,
    /// A playbook that passes.
    pub example: &'static str,
    pub(crate) made: Made,
}

/// What words have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// What belongs together, and is undone together.
    Scopes,
    /// What has to be so before the run goes on.
    Conditions,
    /// What is read from outside.
    Inputs,
    /// The clock.
    Time,
    /// What people see.
    Output,
}

/// An argument of a word.
pub enum Takes {
    /// A value, by the name that messages have for it.
    Value(&'static str),
    /// A map of options, which may be left out.
    Options(fn() -> Vec<Field>),
    /// What is run, once or for each item.
    Closure,
}

/// The function behind a word.
pub(crate) type Function =
    fn(&Session, &NativeCallContext<'_>, Vec<Dynamic>) -> Result<Dynamic, CallError>;

/// How a word gets into the engine.
pub(crate) enum Made {
    /// As a function that takes anything.
    Function(Function),
    /// As functions of Rhai that have to be told in another way.
    Functions(fn(&mut Engine, &Arc<Session>)),
    /// As a variable.
    Variable(fn(&mut Engine, &Arc<Session>)),
}

impl Word {
    /// `rolling(list, #{ batch, pause }?, f)`.
    pub fn signature(&self) -> String {
        if matches!(self.made, Made::Variable(_)) {
            return self.name.to_owned();
        }
        let args = self.takes.iter().map(|takes| match takes {
            Takes::Value(name) => (*name).to_owned(),
            Takes::Options(fields) => {
                let names: Vec<_> = fields().into_iter().map(|field| field.name).collect();
                format!("#{{ {} }}?", names.join(", "))
            }
            Takes::Closure => "f".to_owned(),
        });
        format!("{}({})", self.name, args.collect::<Vec<_>>().join(", "))
    }

    /// The keys of its map of options.
    pub fn options(&self) -> Vec<Field> {
        let fields = self.takes.iter().filter_map(|takes| match takes {
            Takes::Options(fields) => Some(fields()),
            Takes::Value(_) | Takes::Closure => None,
        });
        fields.flatten().collect()
    }

    pub(crate) fn register(&self, engine: &mut Engine, session: &Arc<Session>) {
        let function = match self.made {
            Made::Function(function) => function,
            Made::Functions(register) | Made::Variable(register) => {
                return register(engine, session);
            }
        };
        let needed = |takes: &&Takes| !matches!(takes, Takes::Options(_));
        for arity in self.takes.iter().filter(needed).count()..=self.takes.len() {
            let session = session.clone();
            raw(engine, self.name, arity, move |context, args| {
                let result = function(&session, &context, args);
                session.raised(result, &context)
            });
        }
    }
}

impl fmt::Debug for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.signature())
    }
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

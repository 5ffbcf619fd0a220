//! What is known of a value before anything runs. What is not certain is not known.

use pb_core::spec::{Field, Kind};
use pb_core::{Handle, holds_secret};
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::Arc;

/// What is known of a value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Shape {
    /// Nothing: it may even be a map that holds closures.
    Unknown,
    /// It is data; no closure is in it.
    Data,
    /// Exactly this.
    Value(Arc<Value>),
    /// `target`, when nobody knows what is in it.
    Environment,
    /// Some value of a type.
    Of(Type),
    /// A map whose keys are these, and asking for another one is an error.
    Record(Arc<BTreeSet<String>>),
}

/// Types as far as arguments care.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    Text,
    Int,
    Float,
    Bool,
    List,
    /// May hold closures.
    Map,
    Closure,
    Unit,
    Moment,
    /// A handle that is named, and known only when there is an environment.
    Handle,
    /// The handle of a transaction.
    Transaction,
}

impl Shape {
    pub(super) fn value(value: Value) -> Self {
        Self::Value(value.into())
    }

    /// By the name that Rhai's declarations have for a type.
    pub(super) fn named(name: &str) -> Self {
        let name = name
            .strip_prefix("RhaiResultOf<")
            .map_or(name, |inner| inner.trim_end_matches('>'));
        Self::Of(match name {
            "i64" | "INT" => Type::Int,
            "f64" | "FLOAT" => Type::Float,
            "bool" => Type::Bool,
            "ImmutableString" | "String" | "&str" | "string" | "SmartString" => Type::Text,
            "Array" => Type::List,
            "()" => Type::Unit,
            _ => return Self::Unknown,
        })
    }

    /// What a call gives, by its declaration.
    pub(super) fn result(fields: &[Field]) -> Self {
        // A list, a text or a map whose keys the world decides.
        if fields.is_empty() {
            return Self::Data;
        }
        let names = fields.iter().map(|field| field.name.clone());
        let added = ["changed", "took", "attempts"].map(str::to_owned);
        Self::Record(Arc::new(names.chain(added).collect()))
    }

    /// The type, when it is certain.
    pub(super) fn kind(&self) -> Option<Type> {
        match self {
            Self::Unknown | Self::Data | Self::Environment => None,
            Self::Of(kind) => Some(*kind),
            Self::Record(_) => Some(Type::Map),
            Self::Value(value) => match &**value {
                Value::Null => Some(Type::Unit),
                Value::Bool(_) => Some(Type::Bool),
                Value::Number(n) if n.is_f64() => Some(Type::Float),
                Value::Number(_) => Some(Type::Int),
                Value::String(text) if holds_secret(text) => None,
                Value::String(_) => Some(Type::Text),
                Value::Array(_) => Some(Type::List),
                Value::Object(_) if self.handle().is_some() => None,
                Value::Object(_) => Some(Type::Map),
            },
        }
    }

    /// The value, when all of it is known.
    pub(super) fn known(&self) -> Option<&Value> {
        match self {
            Self::Value(value) => Some(value),
            Self::Unknown | Self::Data | Self::Environment | Self::Of(_) | Self::Record(_) => None,
        }
    }

    pub(super) fn text(&self) -> Option<&str> {
        self.known()
            .and_then(Value::as_str)
            .filter(|text| !holds_secret(text))
    }

    pub(super) fn handle(&self) -> Option<Handle> {
        self.known().and_then(Handle::of_value)
    }

    /// Whether it may be a handle: nothing when that cannot be told.
    pub(super) fn is_handle(&self) -> Option<bool> {
        match self {
            Self::Unknown | Self::Data => None,
            Self::Of(kind) => Some(matches!(kind, Type::Handle | Type::Transaction)),
            Self::Record(_) | Self::Environment => Some(false),
            Self::Value(_) => Some(self.handle().is_some()),
        }
    }

    /// Whether a method of it can only be a function: no map with closures is called so.
    pub(super) fn holds_no_closure(&self) -> bool {
        !matches!(self, Self::Unknown | Self::Of(Type::Map))
    }

    /// Whether it is something else than a closure for sure.
    pub(super) fn is_no_closure(&self) -> bool {
        !matches!(self, Self::Unknown | Self::Of(Type::Closure))
    }

    /// What an entry of it is.
    pub(super) fn at(&self, key: &str) -> Self {
        match self {
            Self::Value(value) if self.handle().is_none() => match value.get(key) {
                Some(inner) => Self::value(inner.clone()),
                None => Self::Data,
            },
            Self::Value(_)
            | Self::Data
            | Self::Environment
            | Self::Record(_)
            | Self::Of(Type::Handle) => Self::Data,
            Self::Unknown | Self::Of(_) => Self::Unknown,
        }
    }
}

impl Type {
    /// Whether a value of that type may be what an argument takes.
    pub(super) fn may_be(self, kind: &Kind) -> bool {
        match kind {
            Kind::Any => self != Self::Closure,
            Kind::AnyOf(kinds) => kinds.iter().any(|kind| self.may_be(kind)),
            Kind::Text | Kind::Secret => matches!(self, Self::Text | Self::Moment),
            Kind::Int => self == Self::Int,
            Kind::Number => matches!(self, Self::Int | Self::Float),
            Kind::Duration => matches!(self, Self::Int | Self::Float | Self::Text),
            Kind::Bool => self == Self::Bool,
            Kind::Choice(_) => self == Self::Text,
            Kind::List(_) => self == Self::List,
            Kind::MapOf(_) | Kind::Options(_) => self == Self::Map,
            Kind::Handle { .. } => matches!(self, Self::Handle | Self::Transaction),
        }
    }

    /// As messages call it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Text => "a text",
            Self::Int => "a whole number",
            Self::Float => "a number",
            Self::Bool => "true or false",
            Self::List => "a list",
            Self::Map => "a map",
            Self::Closure => "a closure",
            Self::Unit => "()",
            Self::Moment => "a moment",
            Self::Handle => "a handle",
            Self::Transaction => "a transaction",
        }
    }
}

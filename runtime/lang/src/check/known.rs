//! What the value of an expression is, as far as that is certain. Reports nothing.

use super::chain::{Link, links};
use super::closures::closure_of;
use super::finder::Finder;
use super::natives::Natives;
use super::shape::{Shape, Type};
use crate::convert::to_json;
use crate::params::ParamKind;
use pb_core::SecretText;
use rhai::{Expr, FnCallExpr};
use serde_json::{Map, Value};

impl Finder<'_> {
    pub(super) fn shape_of(&self, expr: &Expr) -> Shape {
        if closure_of(expr).is_some() {
            return Shape::Of(Type::Closure);
        }
        match expr {
            Expr::Array(items, _) => {
                let items: Option<Vec<Value>> = items
                    .iter()
                    .map(|item| self.shape_of(item).known().cloned())
                    .collect();
                items.map_or(Shape::Of(Type::List), |items| Shape::value(items.into()))
            }
            Expr::Map(map, _) => {
                let entries = map.0.iter().map(|(key, value)| {
                    Some((key.name.to_string(), self.shape_of(value).known()?.clone()))
                });
                let entries: Option<Map<_, _>> = entries.collect();
                entries.map_or(Shape::Of(Type::Map), |map| Shape::value(map.into()))
            }
            Expr::InterpolatedString(parts, _) => {
                let parts: Option<String> = parts.iter().map(|part| self.part(part)).collect();
                parts.map_or(Shape::Unknown, |text| Shape::value(text.into()))
            }
            Expr::Variable(variable, ..) if variable.2.is_empty() => {
                self.variable_shape(&variable.1)
            }
            Expr::FnCall(call, _) => self.call_shape(call),
            Expr::Dot(..) | Expr::Index(..) => self.chain_shape(expr),
            literal => {
                let value = literal.get_literal_value(None);
                let json = value.and_then(|value| to_json("", &value).ok());
                json.map_or(Shape::Unknown, Shape::value)
            }
        }
    }

    /// What the items of a list are.
    pub(super) fn item_of(&self, list: &Expr) -> Shape {
        match self.shape_of(list) {
            Shape::Data | Shape::Environment | Shape::Value(_) | Shape::Record(_) => Shape::Data,
            Shape::Unknown | Shape::Of(_) => Shape::Unknown,
        }
    }

    /// A part of a text in back-ticks. A secret makes the text one, and what it is made of is not told.
    fn part(&self, part: &Expr) -> Option<String> {
        let shape = match part {
            Expr::Stmt(block) => match block.statements() {
                [rhai::Stmt::Expr(inner)] => self.shape_of(inner),
                _ => Shape::Unknown,
            },
            part => self.shape_of(part),
        };
        match shape.known()? {
            Value::String(_) => shape.text().map(str::to_owned),
            Value::Number(n) if n.is_i64() => Some(n.to_string()),
            Value::Bool(b) => Some(b.to_string()),
            _ => None,
        }
    }

    fn variable_shape(&self, name: &str) -> Shape {
        if let Some(variable) = self.variables.find(name) {
            return variable.shape.clone();
        }
        if !self.sees_target(name) {
            return match self.file.functions.contains_key(name) {
                true => Shape::Of(Type::Closure),
                false => Shape::Unknown,
            };
        }
        self.world.target.clone()
    }

    fn call_shape(&self, call: &FnCallExpr) -> Shape {
        if call.is_operator_call() {
            return operator(
                &call.name,
                &call
                    .args
                    .iter()
                    .map(|arg| self.shape_of(arg))
                    .collect::<Vec<_>>(),
            );
        }
        if call.is_qualified() || self.file.functions.contains_key(call.name.as_str()) {
            return Shape::Unknown;
        }
        match (call.name.as_str(), &call.args[..]) {
            ("secret", [Expr::StringConstant(reference, _)]) => {
                Shape::value(SecretText::reference(reference).as_str().into())
            }
            ("param", [name, ..]) => self.param(name),
            ("env_var" | "now" | "random", _) => Shape::Of(Type::Text),
            ("timestamp", []) => Shape::Of(Type::Moment),
            (name, args) => self.gives(name, args.len()),
        }
    }

    /// What a function gives that is not the script's.
    fn gives(&self, name: &str, arity: usize) -> Shape {
        match self.world.registry.primitives.get(name) {
            Some(_) => self.world.results.get(name).cloned().unwrap_or(Shape::Data),
            None => Natives::all().gives(name, arity),
        }
    }

    /// A parameter is of its declared type; what it is nobody knows yet.
    fn param(&self, name: &Expr) -> Shape {
        let Some(params) = self.file.is_root.then_some(&self.world.params) else {
            return Shape::Unknown;
        };
        let shape = self.shape_of(name);
        let param = params
            .iter()
            .find(|param| shape.text() == Some(&param.name));
        Shape::Of(match param.map(|param| param.kind) {
            Some(ParamKind::Text) => Type::Text,
            Some(ParamKind::Int) => Type::Int,
            Some(ParamKind::Bool) => Type::Bool,
            Some(ParamKind::List) => Type::List,
            Some(ParamKind::Duration) | None => return Shape::Data,
        })
    }

    fn chain_shape(&self, expr: &Expr) -> Shape {
        let Some((root, links)) = links(expr) else {
            return Shape::Unknown;
        };
        let root = self.shape_of(root);
        links
            .iter()
            .fold(root, |shape, link| self.follow(&shape, link))
    }

    /// What one more link of a chain leads to.
    pub(super) fn follow(&self, shape: &Shape, link: &Link<'_>) -> Shape {
        match link {
            Link::Property("elapsed", _) if shape.kind() == Some(Type::Moment) => {
                Shape::Of(Type::Float)
            }
            Link::Property(name, _)
                if *shape == Shape::Environment && self.world.handles.contains(name) =>
            {
                Shape::Of(Type::Handle)
            }
            Link::Property(name, _) => match shape.handle() {
                Some(handle) => {
                    let value = self.world.registry.drivers.property(&handle, name);
                    value.map_or(Shape::Data, Shape::value)
                }
                None => shape.at(name),
            },
            Link::Index(Expr::StringConstant(name, _)) => shape.at(name),
            Link::Index(_) => match shape {
                Shape::Data | Shape::Environment | Shape::Value(_) | Shape::Record(_) => {
                    Shape::Data
                }
                Shape::Unknown | Shape::Of(_) => Shape::Unknown,
            },
            Link::Method(call, _) => {
                let mine = self.file.functions.contains_key(call.name.as_str());
                match shape.holds_no_closure() && !mine {
                    true => self.gives(&call.name, call.args.len() + 1),
                    false => Shape::Unknown,
                }
            }
        }
    }
}

fn operator(name: &str, args: &[Shape]) -> Shape {
    let kinds: Vec<_> = args.iter().map(Shape::kind).collect();
    match (name, &kinds[..]) {
        ("==" | "!=" | "<" | ">" | "<=" | ">=" | "!", _) => Shape::Of(Type::Bool),
        ("+" | "-" | "*" | "/" | "%", [Some(Type::Int), Some(Type::Int)]) => Shape::Of(Type::Int),
        ("-", [Some(kind @ (Type::Int | Type::Float))]) => Shape::Of(*kind),
        ("+", [Some(Type::Text), Some(Type::Text)]) => match (args[0].text(), args[1].text()) {
            (Some(a), Some(b)) => Shape::value(format!("{a}{b}").into()),
            _ => Shape::Of(Type::Text),
        },
        _ => Shape::Unknown,
    }
}

//! Whether what is given is what is taken. The place of a finding is the value that is wrong, however deep it lies.

use super::arguments::Given;
use super::finder::Finder;
use super::shape::Type;
use pb_core::finding::Finding;
use pb_core::spec::{self, Field, Kind};
use pb_core::{Failure, code, holds_secret, nearest};
use rhai::Expr;

impl<'a> Finder<'a> {
    /// The same for the value of a field.
    pub(super) fn fit_field(
        &self,
        call: &str,
        field: &Field,
        given: &Given<'a>,
        findings: &mut Vec<Finding>,
    ) {
        self.fit(call, &field.name, &field.kind, given, findings);
    }

    /// Holds a value to what an argument takes.
    pub(super) fn fit(
        &self,
        call: &str,
        name: &str,
        kind: &Kind,
        given: &Given<'a>,
        findings: &mut Vec<Finding>,
    ) {
        match (kind, given.expr) {
            (Kind::Options(fields), Some(Expr::Map(..))) => {
                self.options_fit(&format!("{name}` of `{call}"), fields, given, findings);
            }
            (Kind::MapOf(inner), Some(Expr::Map(map, _))) => {
                for (key, value) in &map.0 {
                    let name = format!("{name}.{}", key.name);
                    self.fit(call, &name, inner, &self.given(value), findings);
                }
            }
            (Kind::List(inner), Some(Expr::Array(items, _))) => {
                for (i, item) in items.iter().enumerate() {
                    self.fit(
                        call,
                        &format!("{name}[{i}]"),
                        inner,
                        &self.given(item),
                        findings,
                    );
                }
            }
            (Kind::AnyOf(kinds), Some(Expr::Map(..) | Expr::Array(..))) => {
                self.any_fit(call, name, kinds, given, findings);
            }
            _ => findings.extend(self.misfit(call, name, kind, given)),
        }
    }

    /// The complaint of the kind that has the value's shape says more than "none of these".
    fn any_fit(
        &self,
        call: &str,
        name: &str,
        kinds: &[Kind],
        given: &Given<'a>,
        findings: &mut Vec<Finding>,
    ) {
        let mut best = None;
        for kind in kinds {
            let mut complaints = vec![];
            self.fit(call, name, kind, given, &mut complaints);
            if complaints.is_empty() {
                return;
            }
            let same_shape = matches!(
                (kind, given.expr),
                (Kind::Options(_), Some(Expr::Map(..))) | (Kind::List(_), Some(Expr::Array(..)))
            );
            if same_shape || best.is_none() {
                best = Some(complaints);
            }
        }
        findings.extend(best.into_iter().flatten());
    }

    /// Holds a map to the options that there are.
    pub(super) fn options_fit(
        &self,
        call: &str,
        fields: &[Field],
        given: &Given<'a>,
        findings: &mut Vec<Finding>,
    ) {
        let Some(Expr::Map(map, _)) = given.expr else {
            let kind = Kind::Options(fields.to_vec());
            return findings.extend(self.misfit(call, "options", &kind, given));
        };
        let mut meant = vec![];
        for (key, value) in &map.0 {
            match fields.iter().find(|field| field.name == key.name.as_str()) {
                Some(field) => {
                    self.fit(call, &field.name, &field.kind, &self.given(value), findings)
                }
                None => {
                    meant.extend(nearest(
                        &key.name,
                        fields.iter().map(|field| field.name.as_str()),
                    ));
                    findings.push(self.failure(spec::unknown(call, fields, &key.name), key.pos));
                }
            }
        }
        let is_there = |field: &&Field| {
            meant.contains(&field.name.as_str())
                || map.0.iter().any(|(key, _)| key.name == field.name.as_str())
        };
        for field in fields
            .iter()
            .filter(|field| field.required && !is_there(field))
        {
            findings.push(self.failure(spec::missing(call, field), given.at));
        }
    }

    fn misfit(&self, call: &str, name: &str, kind: &Kind, given: &Given<'a>) -> Option<Finding> {
        let failure = match given.shape.known() {
            // Read as a text, whatever is said of it.
            Some(value) if *kind == Kind::Secret && !value.is_string() && !value.is_null() => {
                let message = format!(
                    "`{name}` of `{call}` takes {kind}, not {}",
                    spec::show(value)
                );
                Failure::new(&code::WRONG_TYPE, message)
            }
            Some(value) => spec::check_value(call, name, kind, value).err()?,
            None => match given.shape.kind() {
                Some(Type::Closure) => {
                    let message = format!("`{name}` of `{call}` takes {kind}, not a closure");
                    Failure::new(&code::WRONG_TYPE, message)
                }
                Some(found) if !found.may_be(kind) => {
                    let message =
                        format!("`{name}` of `{call}` takes {kind}, not {}", found.name());
                    Failure::new(&code::WRONG_TYPE, message)
                }
                _ => return None,
            },
        };
        let mut finding = self.failure(failure, given.at);
        if let (Some(Expr::Variable(variable, ..)), Some(value)) = (given.expr, given.shape.known())
        {
            let is_secret = value.as_str().is_some_and(holds_secret);
            let shown = if is_secret {
                "a secret".into()
            } else {
                spec::show(value)
            };
            let because = format!("`{}` is {shown}", variable.1);
            finding.because.insert(0, because);
        }
        Some(finding)
    }
}

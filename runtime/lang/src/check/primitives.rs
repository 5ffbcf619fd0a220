//! Calls of primitives: what is known of their arguments is shown to them before they run.

use super::arguments::{Assigned, Given, Taken};
use super::file::COMMON;
use super::finder::Finder;
use super::shape::{Shape, Type};
use pb_core::finding::{At, Complaint, Finding, Level, Standing};
use pb_core::spec::{Field, Kind};
use pb_core::{DynPrimitive, Failure, Handle, Spec, code};
use rhai::{Expr, Position};
use serde_json::{Map, Value};

impl<'a> Finder<'a> {
    pub(super) fn primitive(
        &mut self,
        primitive: &'a dyn DynPrimitive,
        given: Vec<Given<'a>>,
        at: Position,
    ) {
        let spec = primitive.spec();
        let taken = Taken {
            call: spec.name,
            fields: &spec.fields,
            common: &COMMON,
            at,
        };
        let assigned = self.assign(taken, &given);
        self.left_out(taken, &assigned);
        self.outside_of_transaction(spec, &assigned, at);
        self.given_id(spec, &assigned);
        self.given_up_undo(spec, &assigned);
        self.credentials(spec, &assigned);
        if assigned.findings.is_empty() {
            self.asked(primitive, &assigned, at);
        }
        self.findings.extend(assigned.findings);
    }

    /// What the primitive itself says of what is known.
    fn asked(&mut self, primitive: &dyn DynPrimitive, assigned: &Assigned<'a>, at: Position) {
        let spec = primitive.spec();
        let own = |name: &str| spec.fields.iter().any(|field| field.name == name);
        let (mut whole, mut known) = (Map::new(), Map::new());
        for (name, given) in &assigned.named {
            if let Some(value) = given.shape.known().filter(|_| own(name)) {
                whole.insert((*name).to_owned(), value.clone());
            }
            // What is given and not known is there as null: a call that has a `key` has it, whatever it is.
            known.insert((*name).to_owned(), self.known_part(given));
        }
        if assigned.is_open {
            // Any option may be given, and nothing is known of it.
            for field in spec.fields.iter().chain(COMMON.iter()) {
                known.entry(field.name.clone()).or_insert(Value::Null);
            }
        }
        for (name, why) in primitive.unreadable(&whole) {
            let message = format!("`{name}` of `{}` was refused: {why}", spec.name);
            let place = assigned.get(&name).map_or(at, |given| given.at);
            let finding = self.failure(Failure::new(&code::WRONG_TYPE, message), place);
            self.findings.push(finding);
            known.remove(&name);
        }
        self.add_defaults(&spec.fields, assigned, &mut known);
        let stands = Standing {
            committed: self.committed,
            allowed: self.allowed,
            base: self.world.base,
        };
        for complaint in primitive.inspect(&known, &stands) {
            let finding = self.complaint(complaint, assigned, at);
            self.findings.push(finding);
        }
    }

    /// A value, or as much of it as is known: null stands for the rest.
    fn known_part(&self, given: &Given<'a>) -> Value {
        if let Some(value) = given.shape.known() {
            return value.clone();
        }
        let part = |expr: &'a Expr| self.known_part(&self.given(expr));
        match given.expr {
            Some(Expr::Map(map, _)) => {
                let entries = map.0.iter();
                let entries = entries.map(|(key, value)| (key.name.to_string(), part(value)));
                Value::Object(entries.collect())
            }
            Some(Expr::Array(items, _)) => items.iter().map(part).collect(),
            _ => Value::Null,
        }
    }

    fn add_defaults(
        &self,
        fields: &[Field],
        assigned: &Assigned<'a>,
        known: &mut Map<String, Value>,
    ) {
        let Some(environment) = self.world.environment else {
            return;
        };
        for field in fields {
            if let Kind::Handle {
                default: Some(key), ..
            } = &field.kind
                && assigned.get(&field.name).is_none()
                && !assigned.is_open
                && let Some(handle) = environment.target.get(key)
            {
                known.insert(field.name.clone(), handle.clone());
            }
        }
    }

    fn complaint(&self, complaint: Complaint, assigned: &Assigned<'a>, at: Position) -> Finding {
        let place = match &complaint.at {
            At::Argument(path) => self.argument_place(path, assigned).unwrap_or(at),
            At::Call | At::File { .. } => at,
        };
        let mut finding = self.failure(Failure::new(complaint.code, complaint.message), place);
        (finding.level, finding.because, finding.hint) =
            (complaint.level, complaint.because, complaint.hint);
        if let At::File {
            file,
            line,
            column,
            end_column,
        } = complaint.at
        {
            (finding.file, finding.line) = (file, line);
            (finding.column, finding.end_column) = (column, end_column);
        }
        finding
    }

    /// Where `health.path` stands.
    fn argument_place(&self, path: &str, assigned: &Assigned<'a>) -> Option<Position> {
        let mut names = path.split('.');
        let given = assigned.get(names.next()?)?;
        let mut place = given.at;
        let mut expr = given.expr;
        for name in names {
            let Some(Expr::Map(map, _)) = expr else {
                break;
            };
            let Some((_, value)) = map.0.iter().find(|(key, _)| key.name == name) else {
                break;
            };
            (place, expr) = (value.start_position(), Some(value));
        }
        Some(place)
    }

    /// Handles that come from the environment when they are left out.
    pub(super) fn left_out(&mut self, taken: Taken<'a>, assigned: &Assigned<'a>) {
        let Taken {
            call, fields, at, ..
        } = taken;
        if assigned.is_open || assigned.is_ambiguous || !assigned.findings.is_empty() {
            return;
        }
        for field in fields {
            let Kind::Handle {
                default: Some(key), ..
            } = &field.kind
            else {
                continue;
            };
            if assigned.get(&field.name).is_some() {
                continue;
            }
            if !self.file.is_root {
                let message = format!("`{call}` was called in a library without `{}`", field.name);
                let finding = self.error(&code::NO_DATABASE, message, at);
                finding
                    .because
                    .push("a library gets what it is passed, not the environment".into());
                return;
            }
            let Some(environment) = self.world.environment.filter(|_| field.required) else {
                continue;
            };
            if environment
                .target
                .get(key)
                .and_then(Handle::of_value)
                .is_none()
            {
                let message = format!(
                    "`{call}` needs `target.{key}`, and the environment `{}` has none",
                    environment.name
                );
                let hint = format!(
                    "add `{key} = {{ … }}` to [env.{}] in pb.toml",
                    environment.name
                );
                self.error(&code::NO_DATABASE, message, at).hint = Some(hint);
            }
        }
    }

    /// Within a transaction only calls on that transaction have a place.
    fn outside_of_transaction(&mut self, spec: &Spec, assigned: &Assigned<'a>, at: Position) {
        let Some(transaction) = self.transaction.clone() else {
            return;
        };
        let may_be_on_it = |given: &Given<'_>| match (&given.shape, given.expr) {
            (shape, _) if shape.is_handle() == Some(false) => false,
            (Shape::Value(_) | Shape::Of(Type::Handle), _) => false,
            // What was there before the transaction cannot be it.
            (Shape::Data | Shape::Unknown, Some(Expr::Variable(variable, ..))) => {
                let name = variable.1.as_str();
                !self.variables.is_before(name, transaction.mark)
                    || self.file.survey.written.contains(name)
            }
            (Shape::Data, Some(Expr::Dot(pair, ..))) => {
                !matches!(&pair.lhs, Expr::Variable(variable, ..) if self.sees_target(&variable.1))
            }
            _ => true,
        };
        if assigned.is_open || assigned.named.iter().any(|(_, given)| may_be_on_it(given)) {
            return;
        }
        let message = format!(
            "`{}` was called within a transaction, but not on it",
            spec.name
        );
        let finding = self.error(&code::NOT_ALLOWED_HERE, message, at);
        finding
            .because
            .push("what it does could not be rolled back together with the transaction".into());
        let takes_handle = spec
            .fields
            .iter()
            .any(|field| matches!(field.kind, Kind::Handle { .. }));
        finding.hint = Some(match (takes_handle, &transaction.name) {
            (true, Some(name)) => {
                format!("give it the transaction's handle `{name}`, or move the call out of it")
            }
            _ => "move the call out of the transaction".into(),
        });
    }

    fn given_id(&mut self, spec: &Spec, assigned: &Assigned<'a>) {
        if spec.fields.iter().any(|field| field.name == "id") {
            return;
        }
        let Some(given) = assigned.get("id") else {
            return;
        };
        let (Some(id), at) = (given.shape.text().map(str::to_owned), given.at) else {
            return;
        };
        if !self.ids.add(&id) {
            let message = format!("the id `{id}` was given to two steps of the same scope");
            self.error(&code::DUPLICATE_KEY, message, at);
        }
    }

    fn given_up_undo(&mut self, spec: &Spec, assigned: &Assigned<'a>) {
        let Some(given) = assigned.get("undo") else {
            return;
        };
        if given.shape.text() == Some("none") {
            let message = format!("`{}` is not undone when its scope fails", spec.name);
            let finding = self.find(&code::UNDO_NONE, Level::Note, message, given.at);
            finding
                .because
                .push("the playbook says `undo: \"none\"`".into());
        }
    }
}

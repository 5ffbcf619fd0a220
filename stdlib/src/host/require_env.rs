//! `require_env`: environment variables that have to be there.

use super::driver::Host;
use pb_core::finding::{At, Complaint, Standing};
use pb_core::spec::position;
use pb_core::{
    Class, Decision, Effect, Failure, NoAction, Permit, Primitive, Readers, Result, Subject, Undo,
    World, code, nearest,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Names what is missing in the environment.
pub struct RequireEnv;

/// What has to be there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Args {
    /// The names of the variables.
    #[schemars(transform = position::<0>)]
    pub names: Vec<String>,
}

/// What is missing; no values, they may be secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    missing: Vec<Missing>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Missing {
    name: String,
    /// A variable that is there and was probably meant.
    near: Option<String>,
}

impl Primitive for RequireEnv {
    type Args = Args;
    type Facts = Seen;
    type Action = NoAction;
    type Out = ();

    const NAME: &'static str = "require_env";
    const CLASS: Class = Class::Read;
    const DOC: &'static str = "\
Holds that environment variables are there and not empty, and names all that are missing at once.

Shape: `()`.

Errors: `PB0204` with `data.missing`, and the nearest name that is there.

Effect: reads; values are not looked at.

Source: environ(7).";
    const EXAMPLE: &'static str = "require_env([\"PATH\", \"HOME\"]);";

    async fn observe(&self, read: &Readers, args: &Args) -> Result<Seen> {
        let host = read.of::<Host>();
        let missing = args.names.iter().filter(|name| !host.has_variable(name));
        let missing = missing.map(|name| Missing {
            name: name.clone(),
            near: nearest(name, host.variables()).map(Into::into),
        });
        Ok(Seen {
            missing: missing.collect(),
        })
    }

    fn decide(&self, _: &Args, seen: &Seen) -> Result<Decision<NoAction>> {
        let names: Vec<&str> = seen.missing.iter().map(|m| m.name.as_str()).collect();
        let message = match names[..] {
            [] => return Ok(Decision::Nothing),
            [name] => format!("the environment variable `{name}` is not set"),
            _ => format!("{} environment variables are not set", names.len()),
        };
        let mut failure = Failure::new(&code::MISSING_ENV, message).with("missing", names.clone());
        for Missing { name, near } in &seen.missing {
            failure = match near {
                Some(near) => failure.because(format!("`{name}` is missing, `{near}` is there")),
                None if names.len() > 1 => failure.because(format!("`{name}` is missing")),
                None => failure,
            };
        }
        let exports: Vec<String> = names.iter().map(|name| format!("{name}=…")).collect();
        Err(failure.hint(format!("export {}", exports.join(" "))))
    }

    fn effect(&self, _: &Args, action: &NoAction) -> Effect {
        match *action {}
    }

    async fn act(&self, _: &World, _: &Permit, _: &Args, action: &NoAction) -> Result<Value> {
        match *action {}
    }

    fn result(&self, _: &Args, _: &Seen, _: &Seen, _: &[Value]) -> Result<()> {
        Ok(())
    }

    fn undo(&self, _: &Args, _: &Seen) -> Undo {
        Undo::none("it changed nothing")
    }

    fn inspect(&self, known: &Map<String, Value>, _: &Standing<'_>) -> Vec<Complaint> {
        let names = known.get("names").and_then(Value::as_array);
        let mut names = names.into_iter().flatten().filter_map(Value::as_str);
        let wrong = names.find(|name| name.is_empty() || name.contains(['=', '\0', ' ']));
        let complaint = wrong.map(|name| {
            let message = format!("`{name}` is no name of an environment variable");
            Complaint::error(&code::BAD_NAME, message).at(At::Argument("names".into()))
        });
        complaint.into_iter().collect()
    }

    fn subjects(&self, args: &Args) -> Vec<Subject> {
        let names = args.names.iter();
        names.map(|name| Subject::new("variable", name)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decided(missing: &[(&str, Option<&str>)]) -> Result<Decision<NoAction>> {
        let missing = missing.iter().map(|(name, near)| Missing {
            name: (*name).into(),
            near: near.map(Into::into),
        });
        let seen = Seen {
            missing: missing.collect(),
        };
        RequireEnv.decide(&Args { names: vec![] }, &seen)
    }

    #[test]
    fn what_no_variable_can_be_called_is_said_before_it_runs() {
        let check = |names: Value, expect: &[&str]| {
            let known = serde_json::json!({ "names": names });
            let told = RequireEnv.inspect(known.as_object().expect("a map"), &Standing::default());
            let told: Vec<_> = told.into_iter().map(|c| c.message).collect();
            assert_eq!(told, expect, "{names}");
        };
        let wrong = "`A=b` is no name of an environment variable";
        check(serde_json::json!(["A", "A=b"]), &[wrong]);
        check(serde_json::json!(["A", "a.b", null]), &[]);
        check(Value::Null, &[]);
    }

    #[test]
    fn all_that_are_missing_are_named_at_once() {
        assert_eq!(decided(&[]), Ok(Decision::Nothing));
        let failure = decided(&[("DATABASE_URL", Some("DATABSE_URL")), ("TOKEN", None)]);
        let failure = failure.expect_err("missing");
        assert_eq!(failure.message, "2 environment variables are not set");
        let because = [
            "`DATABASE_URL` is missing, `DATABSE_URL` is there",
            "`TOKEN` is missing",
        ];
        assert_eq!(failure.because, because);
        assert_eq!(
            failure.hint.as_deref(),
            Some("export DATABASE_URL=… TOKEN=…")
        );
        let failure = decided(&[("TOKEN", None)]).expect_err("missing");
        assert_eq!(
            failure.message,
            "the environment variable `TOKEN` is not set"
        );
        assert!(failure.because.is_empty());
    }
}

//! `param`, `target`, `env_var`, `secret`, `random`: what scripts read from outside, journalled.

use super::word::{Group, Made, Takes, Word};
use super::{options, text};
use crate::convert::to_dynamic;
use crate::params;
use crate::planning::Unknown;
use crate::session::Session;
use pb_core::spec::Field;
use pb_core::{CallError, Failure, SecretText, code, nearest};
use rhai::{Dynamic, Engine, NativeCallContext};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use std::sync::Arc;

pub(super) const PARAM: Word = Word {
    name: "param",
    group: Group::Inputs,
    takes: &[
        Takes::Value("name"),
        Takes::Options(Field::all_of::<params::Options>),
    ],
    doc: "\
A value that is given when the playbook is run: `param(\"image\")` is the option `--image` of `pb run`.

It is declared at the top level, in a `let`, with literal options: `pb run FILE --help` lists it without running
anything. One without `fallback` has to be given.",
    example: r#"
let image = param("image", #{ help: "image to run, e.g. shop:2.0" });
let batch = param("batch", #{ help: "how many at a time", fallback: 1 });
"#,
    made: Made::Function(param),
};

pub(super) const TARGET: Word = Word {
    name: "target",
    group: Group::Inputs,
    takes: &[],
    doc: "\
The environment that was chosen with `-e`: what stands under `[env.NAME]` in pb.toml.

Tables with a driver's key are handles, everything else is plain data; a key that is not there is an error. The
playbook's functions and closures see it, a module does not: it gets what it is passed.",
    example: r#"
wait_db(target.database);
print(target.url);
"#,
    made: Made::Variable(target),
};

pub(super) const ENV_VAR: Word = Word {
    name: "env_var",
    group: Group::Inputs,
    takes: &[
        Takes::Value("name"),
        Takes::Options(Field::all_of::<EnvOptions>),
    ],
    doc: "\
The text of an environment variable.

One that is not set is an error, unless there is a `fallback`. It is written into the journal: for passwords there is
`secret`.",
    example: r#"let region = env_var("REGION", #{ fallback: "eu-west" });"#,
    made: Made::Function(env_var),
};

pub(super) const SECRET: Word = Word {
    name: "secret",
    group: Group::Inputs,
    takes: &[Takes::Value("reference")],
    doc: "\
A secret: `\"env:NAME\"`, `\"file:PATH\"` (relative to the project) or `\"cmd:PROGRAM ARGS\"`.

It prints as its name, stays secret when text is added to it, and is fetched before the playbook begins. A command is
run by `/bin/sh` in the project's folder.",
    example: r#"
let token = secret("env:API_TOKEN");
http_post("https://ci.example.com/hooks/released", #{ bearer: token, json: #{ image: "shop:2.0" } });
"#,
    made: Made::Function(secret),
};

pub(super) const RANDOM: Word = Word {
    name: "random",
    group: Group::Inputs,
    takes: &[Takes::Value("n")],
    doc: "\
A text of n letters and digits, 1 to 1024; a run that is taken up gets the same one again.",
    example: "let suffix = random(8);",
    made: Made::Function(random),
};

#[derive(Deserialize, JsonSchema)]
struct EnvOptions {
    /// What it is when the variable is not set.
    fallback: Option<String>,
}

/// A journalled read of what is another in every run: a plan cannot know it.
pub(super) fn read_anew(
    session: &Session,
    context: &NativeCallContext<'_>,
    name: &str,
    value: impl FnOnce() -> Result<Value, Failure>,
) -> Result<Dynamic, CallError> {
    match session.run.is_plan() {
        true => Ok(Unknown::of(format!("{name}()"))),
        false => read(session, context, name, value),
    }
}

/// A journalled read.
pub(super) fn read(
    session: &Session,
    context: &NativeCallContext<'_>,
    name: &str,
    value: impl FnOnce() -> Result<Value, Failure>,
) -> Result<Dynamic, CallError> {
    let value = async || value().map_err(CallError::from);
    let result = session.wait(session.run.read(&session.scope(context), name, value));
    Ok(to_dynamic(&result?))
}

fn param(
    session: &Session,
    _: &NativeCallContext<'_>,
    args: Vec<Dynamic>,
) -> Result<Dynamic, CallError> {
    let name = text("param", "name", args.first())?;
    if let Some(value) = session.params.get(&name) {
        return Ok(to_dynamic(value));
    }
    let failure = Failure::new(&code::PARAMETER, format!("there is no parameter `{name}`"));
    let failure = match nearest(&name, session.params.keys().map(String::as_str)) {
        Some(near) => failure.hint(format!("did you mean `{near}`?")),
        None => failure
            .because("parameters are declared at the top level: let image = param(\"image\")"),
    };
    Err(failure.into())
}

/// For the playbook itself alone: a library gets what it is passed.
fn target(engine: &mut Engine, session: &Arc<Session>) {
    let session = session.clone();
    #[expect(
        deprecated,
        reason = "rhai marks its volatile calls so; the version is pinned"
    )]
    engine.on_var(move |name, _, context| {
        let root = context
            .source()
            .is_none_or(|source| source == session.script.name());
        // A parameter or variable of that name comes first.
        let asked = name == TARGET.name && root && !context.scope().contains(name);
        Ok(asked.then(|| session.target.clone()))
    });
}

fn env_var(
    session: &Session,
    context: &NativeCallContext<'_>,
    args: Vec<Dynamic>,
) -> Result<Dynamic, CallError> {
    read(session, context, "env_var", || {
        let name = text("env_var", "name", args.first())?;
        let options: EnvOptions = options("env_var", args.get(1))?;
        let value = std::env::var(&name).ok().or(options.fallback);
        value.map(Value::from).ok_or_else(|| {
            Failure::new(
                &code::MISSING_ENV,
                format!("the environment variable `{name}` is not set"),
            )
            .hint(format!("export {name}=…, or give env_var a `fallback`"))
        })
    })
}

fn secret(
    session: &Session,
    context: &NativeCallContext<'_>,
    args: Vec<Dynamic>,
) -> Result<Dynamic, CallError> {
    read(session, context, "secret", || {
        let reference = text("secret", "reference", args.first())?;
        session.vault.fetch(&reference)?;
        Ok(SecretText::reference(&reference).as_str().into())
    })
}

fn random(
    session: &Session,
    context: &NativeCallContext<'_>,
    args: Vec<Dynamic>,
) -> Result<Dynamic, CallError> {
    read_anew(session, context, "random", || letters(session, &args[0]))
}

fn letters(session: &Session, n: &Dynamic) -> Result<Value, Failure> {
    const LETTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let n = n
        .as_int()
        .ok()
        .filter(|n| (1..=1024).contains(n))
        .ok_or_else(|| {
            Failure::new(
                &code::WRONG_TYPE,
                "`n` of `random` takes a whole number from 1 to 1024",
            )
        })?;
    let mut text = String::new();
    while text.len() < n as usize {
        let mut byte = [0];
        session.random.fill(&mut byte);
        // Above the largest multiple of 62 some letters would come up more often.
        if byte[0] < 248 {
            text.push(char::from(LETTERS[usize::from(byte[0]) % 62]));
        }
    }
    Ok(text.into())
}

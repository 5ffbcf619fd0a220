//! `confirm` and `ensure`: a person, or a condition, lets the run go on.

use super::text;
use super::word::{Group, Made, Takes, Word};
use crate::planning::Unknown;
use crate::runtime::Answer;
use crate::session::Session;
use crate::shown;
use pb_core::{CallError, Failure, code};
use rhai::{Dynamic, NativeCallContext};

pub(super) const CONFIRM: Word = Word {
    name: "confirm",
    group: Group::Conditions,
    takes: &[Takes::Value("text")],
    doc: "\
Asks the person at the terminal; a no, or nobody to ask, throws.

`pb run --yes` answers every question with yes. The answer, and whose it is, is written into the journal.",
    example: r#"confirm("Drop the old table?");"#,
    made: Made::Function(confirm),
};

pub(super) const ENSURE: Word = Word {
    name: "ensure",
    group: Group::Conditions,
    takes: &[Takes::Value("condition"), Takes::Value("text")],
    doc: "\
Throws the text when the condition is false.",
    example: r#"ensure(target.web.len() > 1, "a rolling change needs two containers");"#,
    made: Made::Function(ensure),
};

fn confirm(
    session: &Session,
    context: &NativeCallContext<'_>,
    args: Vec<Dynamic>,
) -> Result<Dynamic, CallError> {
    let question = text("confirm", "text", args.first())?;
    if session.run.is_plan() {
        session.remark(context, question);
        return Ok(Dynamic::UNIT);
    }
    let ask = |question: &str| match (session.prompt)(question) {
        Answer::Yes { by } => (by, true),
        Answer::No { by } => (by, false),
        Answer::Nobody => (String::new(), false),
    };
    let scope = session.scope(context);
    let (by, yes) = session.wait(session.run.decide(&scope, &question, ask))?;
    if yes {
        Ok(Dynamic::UNIT)
    } else {
        Err(declined(&question, &by).into())
    }
}

fn ensure(
    session: &Session,
    context: &NativeCallContext<'_>,
    args: Vec<Dynamic>,
) -> Result<Dynamic, CallError> {
    if let Some(unknown) = args[0].read_lock::<Unknown>() {
        session.remark(context, unknown.0.to_string());
        return Ok(Dynamic::UNIT);
    }
    let text = text("ensure", "text", args.get(1))?;
    match args[0].as_bool() {
        Ok(true) => Ok(Dynamic::UNIT),
        Ok(false) => Err(Failure::new(&code::ENSURE, text).into()),
        Err(_) => {
            let got = shown::kind(&args[0]);
            let message = format!("`condition` of `ensure` takes true or false, not {got}");
            Err(Failure::new(&code::WRONG_TYPE, message).into())
        }
    }
}

fn declined(question: &str, by: &str) -> Failure {
    if by.is_empty() {
        Failure::new(
            &code::DECLINED,
            format!("nobody could be asked: {question}"),
        )
        .because("there is no terminal to ask on")
        .hint("add `--yes` to answer every question with yes")
    } else {
        Failure::new(&code::DECLINED, format!("`{by}` said no: {question}"))
    }
}

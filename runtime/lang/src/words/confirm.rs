//! `confirm` and `ensure`: a person, or a condition, lets the run go on.

use super::text;
use crate::calls::raw;
use crate::runtime::Answer;
use crate::session::Session;
use crate::shown;
use pb_core::{CallError, Failure, code};
use rhai::{Dynamic, Engine};
use std::sync::Arc;

pub(super) fn register(engine: &mut Engine, session: &Arc<Session>) {
    let asking = session.clone();
    raw(engine, "confirm", 1, move |context, args| {
        let result = text("confirm", "text", args.first())
            .map_err(CallError::from)
            .and_then(|question| {
                let scope = asking.scope(&context);
                let ask = |question: &str| match (asking.prompt)(question) {
                    Answer::Yes { by } => (by, true),
                    Answer::No { by } => (by, false),
                    Answer::Nobody => (String::new(), false),
                };
                let (by, yes) = asking.wait(asking.run.decide(&scope, &question, ask))?;
                if yes {
                    Ok(Dynamic::UNIT)
                } else {
                    Err(declined(&question, &by).into())
                }
            });
        asking.raised(result, &context)
    });
    let session = session.clone();
    raw(engine, "ensure", 2, move |context, args| {
        let result = text("ensure", "text", args.get(1)).and_then(|text| match args[0].as_bool() {
            Ok(true) => Ok(Dynamic::UNIT),
            Ok(false) => Err(Failure::new(&code::ENSURE, text)),
            Err(_) => Err(Failure::new(
                &code::WRONG_TYPE,
                format!(
                    "`condition` of `ensure` takes true or false, not {}",
                    shown::kind(&args[0])
                ),
            )),
        });
        session.raised(result.map_err(CallError::from), &context)
    });
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

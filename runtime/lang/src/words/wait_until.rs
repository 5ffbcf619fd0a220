//! `wait_until`: asks a closure again and again until it gives a value.

use super::scopes::close;
use super::word::{Group, Made, Takes, Word};
use super::{closure, options, text};
use crate::planning::Unknown;
use crate::session::Session;
use crate::shown;
use pb_core::run::ScopeKind;
use pb_core::spec::Field;
use pb_core::wait::{Look, Pace, Waiting};
use pb_core::{CallError, Failure, Span, code};
use rhai::{Dynamic, NativeCallContext};
use schemars::JsonSchema;
use serde::Deserialize;

pub(super) const WAIT_UNTIL: Word = Word {
    name: "wait_until",
    group: Group::Conditions,
    takes: &[
        Takes::Value("text"),
        Takes::Options(Field::all_of::<Options>),
        Takes::Closure,
    ],
    doc: "\
Asks its closure again and again until it gives something else than `false` or `()`, and gives that.

Each look is a savepoint of its own. The text says what is waited for. Without `deadline` or `attempts` it waits 60
seconds.",
    example: r#"
wait_until("all orders are sent", #{ deadline: "5m", interval: "10s" }, || {
    query(target.database, "SELECT 1 FROM orders WHERE status = 'new' LIMIT 1").is_empty()
});
"#,
    made: Made::Function(wait_until),
};

#[derive(Deserialize, JsonSchema)]
struct Options {
    /// In total.
    deadline: Option<Span>,
    /// Between two looks, once it has slowed down.
    #[serde(default = "one_second")]
    interval: Span,
    /// How many good looks in a row.
    #[serde(default = "one")]
    successes: u32,
    /// Another way to say the deadline: so many looks at the interval.
    attempts: Option<u32>,
}

fn one_second() -> Span {
    Span::seconds(1)
}

fn one() -> u32 {
    1
}

fn wait_until(
    session: &Session,
    context: &NativeCallContext<'_>,
    mut args: Vec<Dynamic>,
) -> Result<Dynamic, CallError> {
    let body = closure("wait_until", &mut args)?;
    let what = text("wait_until", "text", args.first())?;
    let options: Options = options("wait_until", args.get(1))?;
    let pace = Pace::new(
        &code::WAIT,
        options.deadline,
        options.attempts,
        options.interval,
        options.successes,
        Span::seconds(60),
    );
    let run = &session.run;
    let scope = run.open_scope(
        &session.scope(context),
        "wait_until",
        &what,
        ScopeKind::Savepoint,
    );
    let step = run.begin_wait(&scope, "wait_until", &what);
    let began = run.clock().elapsed();
    let mut waiting = Waiting::new(pace, run.clock());
    let result = loop {
        let look = run.open_scope(&scope, "look", "", ScopeKind::Savepoint);
        let value = match close(
            session,
            &look,
            "look",
            session.closure(context, &body, &look, vec![]),
        ) {
            Ok(value) => value,
            Err(error) => break Err(error),
        };
        let good = !value.is_unit() && value.as_bool() != Ok(false);
        if run.is_plan() {
            // One look: whether it will be so, nobody can tell.
            session.remark(context, what.clone());
            break Ok(if good { value } else { Unknown::of(&what) });
        }
        // A run that is taken up does not wait for what it has seen already.
        if run.has_next(&scope, "look") {
            continue;
        }
        match run.recorded_end(&scope) {
            Some(Ok(())) => break Ok(value),
            Some(Err(failure)) => break Err(failure.into()),
            None => {}
        }
        match session.wait(waiting.after(good, run.clock())) {
            Look::Done => break Ok(value),
            Look::Again => {}
            Look::TooLate => {
                let message = format!("`{what}` was not so within {}", pace.deadline);
                let value = shown::within(&value);
                let because = format!("the closure gave {value} ({} looks)", waiting.attempts());
                break Err(Failure::new(&code::WAIT, message).because(because).into());
            }
        }
    };
    run.end_wait(step, result.as_ref().err(), began);
    close(session, &scope, "wait_until", result)
}

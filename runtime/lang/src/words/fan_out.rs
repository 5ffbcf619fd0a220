//! `each`, `parallel`, `rolling`: the same for every item, at the same time or one batch after the other.

use super::branches::{Branch, Work, branches};
use super::scopes::{close, refuse_in_transaction};
use super::time::pause;
use super::word::{Group, Made, Takes, Word};
use super::{closure, options};
use crate::session::Session;
use pb_core::spec::Field;
use pb_core::{CallError, Failure, Span, code};
use rhai::{Array, Dynamic, FnPtr, NativeCallContext};
use schemars::JsonSchema;
use serde::Deserialize;

pub(super) const EACH: Word = Word {
    name: "each",
    group: Group::Scopes,
    takes: &[
        Takes::Value("list"),
        Takes::Options(Field::all_of::<EachOptions>),
        Takes::Closure,
    ],
    doc: "\
Runs its closure for every item of a list, several at the same time, and gives the results in the order of the list.

Each branch is a savepoint of its own; once one has failed, the others finish the step they are at, start nothing
more, and are undone. Items are texts, whole numbers, handles, or maps with an `id` or a `name`, and no two have the
same one.",
    example: r#"let counts = each(["orders", "customers"], #{ max: 2 }, |table| row_counts(target.database, [table]));"#,
    made: Made::Function(each),
};

pub(super) const PARALLEL: Word = Word {
    name: "parallel",
    group: Group::Scopes,
    takes: &[Takes::Value("list")],
    doc: "\
Runs a list of closures at the same time, and gives their results in the order of the list.

Each branch is a savepoint of its own; once one has failed, the others finish the step they are at, start nothing
more, and are undone.",
    example: r#"
parallel([
    || wait_db(target.database),
    || health_check(`${target.url}/health/`),
]);
"#,
    made: Made::Function(parallel),
};

pub(super) const ROLLING: Word = Word {
    name: "rolling",
    group: Group::Scopes,
    takes: &[
        Takes::Value("list"),
        Takes::Options(Field::all_of::<RollingOptions>),
        Takes::Closure,
    ],
    doc: "\
Runs its closure for a batch of items at a time, and for the next batch only when all of them have ended well.

Each member is a savepoint of its own; the result of one that failed, and was allowed to, is `()`. At the end every
member is looked at once more: one that is no longer as its branch left it makes the run fail (PB0008). Items are
named as in `each`.",
    example: r#"
rolling(target.web, #{ batch: 1, canary: 1, pause: "5s" }, |name| {
    swap_container(name, #{ image: "shop:2.0", router: target.router });
});
"#,
    made: Made::Function(rolling),
};

#[derive(Deserialize, JsonSchema)]
struct EachOptions {
    /// How many branches run at the same time.
    #[serde(default = "eight")]
    max: u32,
}

#[derive(Deserialize, JsonSchema)]
struct RollingOptions {
    /// How many members at the same time.
    #[serde(default = "one")]
    batch: u32,
    /// How many members may fail before the rest is left alone.
    #[serde(default)]
    max_failures: u32,
    /// Between two batches.
    pause: Option<Span>,
    /// How many members go first, as a batch of their own.
    #[serde(default)]
    canary: u32,
}

fn eight() -> u32 {
    8
}

fn one() -> u32 {
    1
}

fn each(
    session: &Session,
    context: &NativeCallContext<'_>,
    mut args: Vec<Dynamic>,
) -> Result<Dynamic, CallError> {
    let body = closure("each", &mut args)?;
    let options: EachOptions = options("each", args.get(1))?;
    let branches = branches("each", &args[0], &body)?;
    let around = session.scope(context);
    refuse_in_transaction(&around, "each")?;
    let width = at_least_one("each", "max", options.max)?;
    session.remark(context, members(&branches, width));
    let fan_out = session
        .run
        .open_fan_out(&around, "each", branches.len(), width);
    let mut work = Work::new(session, context, &fan_out, 0);
    let result = work.run(&branches, width).and_then(|()| work.values());
    close(session, &fan_out, "each", result)
}

fn parallel(
    session: &Session,
    context: &NativeCallContext<'_>,
    args: Vec<Dynamic>,
) -> Result<Dynamic, CallError> {
    let wrong = || Failure::new(&code::WRONG_TYPE, "`parallel` takes a list of closures");
    let bodies = args[0].clone().try_cast::<Array>().ok_or_else(wrong)?;
    let branch = |(i, body): (usize, Dynamic)| {
        let body = body.try_cast::<FnPtr>().ok_or_else(wrong)?;
        Ok(Branch {
            id: i.to_string(),
            body,
            args: vec![],
        })
    };
    let branches = bodies
        .into_iter()
        .enumerate()
        .map(branch)
        .collect::<Result<Vec<_>, Failure>>()?;
    let around = session.scope(context);
    refuse_in_transaction(&around, "parallel")?;
    session.remark(context, members(&branches, branches.len()));
    let fan_out = session
        .run
        .open_fan_out(&around, "parallel", branches.len(), branches.len());
    let mut work = Work::new(session, context, &fan_out, 0);
    let result = work
        .run(&branches, branches.len())
        .and_then(|()| work.values());
    close(session, &fan_out, "parallel", result)
}

fn rolling(
    session: &Session,
    context: &NativeCallContext<'_>,
    mut args: Vec<Dynamic>,
) -> Result<Dynamic, CallError> {
    let body = closure("rolling", &mut args)?;
    let options: RollingOptions = options("rolling", args.get(1))?;
    let branches = branches("rolling", &args[0], &body)?;
    let around = session.scope(context);
    refuse_in_transaction(&around, "rolling")?;
    let batch = at_least_one("rolling", "batch", options.batch)?;
    session.remark(context, members(&branches, batch));
    let fan_out = session
        .run
        .open_fan_out(&around, "rolling", branches.len(), batch);
    let mut work = Work::new(session, context, &fan_out, options.max_failures);
    let (canary, rest) = branches.split_at((options.canary as usize).min(branches.len()));
    let batches = [canary]
        .into_iter()
        .filter(|c| !c.is_empty())
        .chain(rest.chunks(batch));
    let result = (|| {
        for (i, members) in batches.enumerate() {
            let begun = |branch: &Branch| session.run.has_begun(&fan_out, &branch.id);
            if let Some(time) = options
                .pause
                .filter(|_| i > 0 && !session.run.is_plan() && !members.iter().any(begun))
            {
                session.wait(pause(session, time))?;
            }
            work.run(members, batch)?;
        }
        // A run cannot end well while a member is not as its branch left it.
        session.wait(session.run.last_look(&fan_out))?;
        work.values()
    })();
    close(session, &fan_out, "rolling", result)
}

/// Who they are and how many at a time, for a plan.
fn members(branches: &[Branch], width: usize) -> String {
    let names: Vec<&str> = branches.iter().map(|branch| branch.id.as_str()).collect();
    format!(
        "{}, {} at a time",
        names.join(" "),
        width.min(branches.len())
    )
}

fn at_least_one(word: &str, name: &str, n: u32) -> Result<usize, Failure> {
    match n {
        0 => Err(Failure::new(
            &code::WRONG_TYPE,
            format!("`{name}` of `{word}` is at least 1, not 0"),
        )),
        n => Ok(n as usize),
    }
}

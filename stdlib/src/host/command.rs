//! `command`: runs a program on this machine.

use super::command_args::{Args, Codes, TakeBack};
use super::driver::Host;
use super::exit::{expected, shown};
use super::output::Output;
use super::program::line;
use super::told;
use crate::known::Known;
use crate::opaque;
use crate::outside_text::{last_lines, one_line};
use pb_core::finding::{Complaint, Standing};
use pb_core::run::UndoWish;
use pb_core::{
    Class, Decision, Effect, Failure, Permit, Primitive, Readers, Result, Settled, Subject, Undo,
    World, code,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::fmt;

/// So much of a line is in the plan.
const LINE: usize = 200;

/// Runs a program.
pub struct Command;

/// What the probe said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Seen {
    /// There is no probe.
    Unknown,
    /// The work is done.
    Done,
    /// The work is not done: the exit code of the probe.
    NotDone(i32),
}

/// The program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Action {
    /// Runs it.
    Run {
        /// As it could be typed.
        line: String,
    },
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Run { line } = self;
        write!(f, "run `{}`", one_line(line, LINE))
    }
}

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Out {
    /// Its exit code; `()` when the probe said that the work was done already.
    pub code: Option<i32>,
    /// The end of what it wrote, at most 64 KiB.
    pub stdout: String,
    /// The end of what it complained about, at most 64 KiB.
    pub stderr: String,
}

impl Primitive for Command {
    type Args = Args;
    type Facts = Seen;
    type Action = Action;
    type Out = Out;

    const NAME: &'static str = "command";
    const CLASS: Class = Class::Every;
    const DOC: &'static str = "\
Runs a program on the machine that pb runs on, every time it is called, or as long as its `probe` says that there is work.

No shell is involved: `[\"sh\", \"-c\", \"…\"]` is one where it is wanted. `dir` and programs with a slash are relative to the folder of
`pb.toml`. The program has its own process group; when the call is given up (`timeout`, a second Ctrl-C) the whole group is
killed. What it leaves running in the background when it ends stays.

When pb is killed, the program goes on: `pb resume` waits for its end, or finds it, and the program is not run twice. It is in
doubt only when its supervisor (`pb __child`) or the machine died as well; then `probe` is asked, or a person where there is none.
In programs that embed pb without that supervisor, it is in doubt whenever they are killed.

Shape: `#{ changed, code, stdout, stderr, took }`; `code` is `()` when there was nothing to do. Secrets are taken out of the output.

Errors: `PB0407` for another exit code, with the last lines and `data.code`, `data.stdout`, `data.stderr`; `PB0501` when it could
not be started; `PB0006` when its probe still finds work afterwards; `PB0011` for a secret in an argument, where every user of
the machine could read it, or one that cannot be fetched; `PB0208` for an empty list; `PB0213` and `PB0214` for a program that
destroys data, such as `manage.py flush` or `dropdb`, where `allow_destructive` does not reach, or neither an `undo` is given nor a
point of no return was passed.

Effect: opaque, with a `probe` repeatable; undone by the program that `undo` names, else it cannot be undone.

Source: execve(2), credentials(7).";
    const EXAMPLE: &'static str = "\
command([\"tar\", \"-czf\", \"static.tgz\", \"static\"], #{
    dir: \"build\", probe: [\"test\", \"-f\", \"static.tgz\"], undo: [\"rm\", \"static.tgz\"],
});";

    async fn observe(&self, read: &Readers, args: &Args) -> Result<Seen> {
        let Some(probe) = &args.probe else {
            return Ok(Seen::Unknown);
        };
        let output = read
            .of::<Host>()
            .ask(read, &args.program(probe, None))
            .await?;
        Ok(match output.code {
            0 => Seen::Done,
            code => Seen::NotDone(code),
        })
    }

    fn decide(&self, args: &Args, seen: &Seen) -> Result<Decision<Action>> {
        let lists = [
            ("argv", Some(&args.argv)),
            ("probe", args.probe.as_ref()),
            ("undo", args.way_back()),
        ];
        for (name, list) in lists {
            if list.is_some_and(Vec::is_empty) {
                let message = format!("`{name}` of `command` is empty: it needs a program");
                return Err(Failure::new(&code::WRONG_TYPE, message));
            }
        }
        Ok(match seen {
            Seen::Done => Decision::Nothing,
            Seen::Unknown | Seen::NotDone(_) => Decision::in_order(vec![Action::Run {
                line: line(&args.argv),
            }]),
        })
    }

    fn effect(&self, args: &Args, _: &Action) -> Effect {
        match args.probe {
            Some(_) => Effect::Command,
            None => Effect::Opaque,
        }
    }

    async fn act(&self, world: &World, permit: &Permit, args: &Args, _: &Action) -> Result<Value> {
        let program = args.program(&args.argv, args.stdin.clone());
        let output = world.of::<Host>(permit).run(world, &program).await?;
        expected(args, &output)?;
        Ok(serde_json::to_value(output).unwrap_or_default())
    }

    async fn settle(
        &self,
        read: &Readers,
        _: &Args,
        _: &Action,
        evidence: Option<&Value>,
    ) -> Result<Settled> {
        read.of::<Host>().settle(read, evidence).await
    }

    fn result(&self, args: &Args, _: &Seen, after: &Seen, outcomes: &[Value]) -> Result<Out> {
        let Some(outcome) = outcomes.first() else {
            return Ok(Out {
                code: None,
                stdout: String::new(),
                stderr: String::new(),
            });
        };
        let output = Output::deserialize(outcome).map_err(|error| {
            let message = format!("the recorded output was not readable: {error}");
            Failure::new(&code::JOURNAL, message)
        })?;
        // One that ended without pb ended as it wanted.
        expected(args, &output)?;
        if let (Seen::NotDone(probe), Some(argv)) = (after, &args.probe) {
            let message = format!("`{}` ended, but its work is not done", shown(&args.argv));
            return Err(Failure::new(&code::NOT_CONVERGED, message)
                .because(format!("its probe `{}` ended with {probe}", shown(argv)))
                .partial());
        }
        Ok(Out {
            code: Some(output.code),
            stdout: output.stdout,
            stderr: output.stderr,
        })
    }

    fn foresee(&self, args: &Args, _: &Seen, _: &[&Action]) -> Map<String, Value> {
        let code = args.expect_code.only();
        code.map(|code| ("code".into(), code.into()))
            .into_iter()
            .collect()
    }

    fn undo(&self, args: &Args, _: &Seen) -> Undo {
        match &args.undo {
            Some(TakeBack::By(argv)) => Undo::call::<Self>(&Args {
                argv: argv.clone(),
                dir: args.dir.clone(),
                env: args.env.clone(),
                stdin: None,
                expect_code: Codes::default(),
                probe: None,
                undo: None,
            }),
            Some(TakeBack::Wish(UndoWish::None)) => {
                Undo::none("the playbook says `undo: \"none\"`")
            }
            Some(TakeBack::Wish(UndoWish::Auto)) | None => {
                Undo::none("nothing was named that takes it back")
            }
        }
    }

    fn runs_every_time(&self, args: &Args) -> bool {
        args.probe.is_none()
    }

    fn subjects(&self, args: &Args) -> Vec<Subject> {
        vec![Subject::vague("command", shown(&args.argv))]
    }

    fn inspect(&self, known: &Map<String, Value>, stands: &Standing<'_>) -> Vec<Complaint> {
        let known = Known(known);
        let unclear =
            "after a crash of this machine pb would ask a person whether `command` took effect";
        told::against(Self::NAME, known, stands)
            .or_else(|| told::one_word(Self::NAME, known, stands))
            .or_else(|| opaque::note(known, &["probe", "undo"], unclear))
            .into_iter()
            .collect()
    }

    fn summary(&self, _: &Args, out: &Value) -> String {
        match (out["code"].as_i64(), out["stdout"].as_str()) {
            (None, _) => "nothing to do".into(),
            (Some(0), Some(stdout)) => last_lines(stdout, 1, 60).pop().unwrap_or_default(),
            (Some(code), _) => format!("ended with {code}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn args(options: Value) -> Args {
        let mut args = json!({ "argv": ["make", "static files"] });
        let all = args.as_object_mut().expect("a map");
        all.extend(options.as_object().expect("a map").clone());
        serde_json::from_value(args).expect("arguments")
    }

    fn run() -> Result<Decision<Action>> {
        let line = "make 'static files'".into();
        Ok(Decision::in_order(vec![Action::Run { line }]))
    }

    #[test]
    fn without_a_probe_it_runs_every_time() {
        assert_eq!(Command.decide(&args(json!({})), &Seen::Unknown), run());
    }

    #[test]
    fn a_probe_that_passes_leaves_nothing_to_do() {
        let args = args(json!({ "probe": ["test", "-f", "x"] }));
        assert_eq!(Command.decide(&args, &Seen::NotDone(1)), run());
        assert_eq!(Command.decide(&args, &Seen::Done), Ok(Decision::Nothing));
        let out = Command.result(&args, &Seen::Done, &Seen::Done, &[]);
        assert_eq!(out.expect("no work").code, None);
    }

    #[test]
    fn a_probe_that_still_finds_work_is_an_error() {
        let args = args(json!({ "probe": ["test", "-f", "x"] }));
        let output = json!({ "code": 0, "signal": null, "stdout": "", "stderr": "" });
        let result = Command.result(&args, &Seen::NotDone(1), &Seen::NotDone(1), &[output]);
        let failure = result.expect_err("not converged");
        assert!(failure.is(&code::NOT_CONVERGED) && failure.partial);
        assert_eq!(failure.because, ["its probe `test -f x` ended with 1"]);
    }

    #[test]
    fn only_a_probe_makes_it_repeatable() {
        let action = Action::Run {
            line: String::new(),
        };
        assert_eq!(Command.effect(&args(json!({})), &action), Effect::Opaque);
        let probed = args(json!({ "probe": ["true"] }));
        assert_eq!(Command.effect(&probed, &action), Effect::Command);
    }

    #[test]
    fn the_way_back_is_a_command_in_the_same_place() {
        let args = args(json!({
            "undo": ["make", "clean"], "dir": "app", "env": { "A": "b" }, "stdin": "x", "expect_code": [0, 3],
        }));
        let Undo::Call { primitive, args } = Command.undo(&args, &Seen::Unknown) else {
            panic!("no way back");
        };
        let wanted = json!({ "argv": ["make", "clean"], "dir": "app", "env": { "A": "b" }, "expect_code": 0 });
        assert_eq!((primitive.as_str(), args), ("command", wanted));
    }

    #[test]
    fn the_author_may_say_that_there_is_no_way_back() {
        let why = |options: Value| match Command.undo(&args(options), &Seen::Unknown) {
            Undo::None { why } => why,
            Undo::Call { .. } => panic!("a way back"),
        };
        assert_eq!(why(json!({})), "nothing was named that takes it back");
        assert_eq!(
            why(json!({ "undo": "none" })),
            "the playbook says `undo: \"none\"`"
        );
    }

    #[test]
    fn empty_lists_are_refused() {
        for name in ["argv", "probe", "undo"] {
            let failure = Command.decide(&args(json!({ name: [] })), &Seen::Unknown);
            let failure = failure.expect_err("empty");
            assert_eq!(
                failure.message,
                format!("`{name}` of `command` is empty: it needs a program")
            );
        }
    }
}

//! The circle of a primitive through the real `pb`: undone with its savepoint, planned, run as planned, run again.

use crate::support::outcome::Outcome;
use crate::support::pb::Pb;
use serde_json::Value;

/// What a second run finds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Again {
    /// Nothing to do.
    Nothing,
    /// It runs every time.
    Runs,
    /// It only reads.
    Reads,
}

/// One call, and the world that it changes.
pub(super) struct Lifecycle<'a> {
    /// The project: `pb.toml` and files.
    pub(super) pb: Pb,
    /// Statements before the call, such as parameters.
    pub(super) before: &'a str,
    /// The call.
    pub(super) call: &'a str,
    /// The world as text.
    pub(super) world: &'a dyn Fn() -> String,
    pub(super) again: Again,
    /// Whether its undo brings back the world as it was.
    pub(super) undone: bool,
}

impl Lifecycle<'_> {
    /// Goes round once; gives the value of the call.
    #[track_caller]
    pub(super) fn check(&self) -> Value {
        let start = (self.world)();
        let throws = format!(
            "savepoint(\"s\", || {{\n    {};\n    throw \"undo it\";\n}});",
            self.call
        );
        let undone = self.run(&throws).expect(1);
        let told: Value = serde_json::from_str(&undone.stdout).unwrap();
        assert_eq!(told["error"]["message"], "undo it", "{undone}");
        assert_eq!(told["state"], "undone", "{undone}");
        if self.undone {
            assert_eq!((self.world)(), start, "the world after the undo\n{undone}");
        }

        let planned = self.planned(&["-o", "call.plan"]);
        assert_eq!((self.world)(), start, "a plan changes nothing");
        let pending = planned["pending"].as_bool().unwrap();
        assert_eq!(pending, self.again == Again::Nothing, "{planned:#}");
        // It refuses any other action than the planned ones.
        let first = value(self.pb.with(["run", "--plan", "call.plan"]));
        let after = (self.world)();
        if self.again != Again::Reads && self.undone {
            assert_ne!(after, start, "the call changes the world");
            assert_eq!(first["changed"], true, "{first}");
        }
        let done = self.planned(&["--exit-code"]);
        assert_eq!(done["pending"], false, "nothing is left to do\n{done:#}");
        assert_eq!((self.world)(), after, "a plan changes nothing");
        let second = value(self.pb.with(["run", "call.rhai"]));
        match self.again {
            Again::Nothing => {
                assert_eq!(second["changed"], false, "{second}");
                assert_eq!((self.world)(), after, "a second run changes nothing");
            }
            Again::Runs => assert_eq!(second["changed"], true, "{second}"),
            Again::Reads => {
                assert!(second.get("changed").is_none(), "{second}");
                assert_eq!((self.world)(), start, "a read changes nothing");
            }
        }
        first
    }

    /// The plan of the call alone; pending changes are told by its exit code where it is asked to.
    #[track_caller]
    fn planned(&self, args: &[&str]) -> Value {
        let pb = self
            .pb
            .with(["plan"])
            .playbook("call.rhai", &self.text(self.call));
        let outcome = pb.args(args).args(["--output", "json"]).run().expect(0);
        serde_json::from_str(&outcome.stdout).unwrap()
    }

    fn text(&self, text: &str) -> String {
        format!("{}\n{text}", self.before)
    }

    fn run(&self, text: &str) -> Outcome {
        let pb = self
            .pb
            .with(["run"])
            .playbook("call.rhai", &self.text(text));
        pb.args(["--output", "json"]).run()
    }
}

#[track_caller]
fn value(pb: Pb) -> Value {
    let outcome = pb.args(["--output", "json"]).run().expect(0);
    let told: Value = serde_json::from_str(&outcome.stdout).unwrap();
    told["value"].clone()
}

/// Runs a playbook that fails, and compares all that it says.
#[track_caller]
pub(super) fn says(pb: &Pb, playbook: &str, code: i32, name: &str) -> Outcome {
    let outcome = pb
        .with(["run"])
        .playbook("wrong.rhai", playbook)
        .run()
        .expect(code);
    outcome.matches(&format!("primitives/{name}"));
    outcome
}

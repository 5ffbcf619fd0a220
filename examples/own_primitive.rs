//! A program of its own that runs playbooks: it adds a primitive, runs a script with it, and reads the events.

use pb_core::event::What;
use pb_core::run::Registry;
use pb_core::{
    Class, Decision, Driver, Drivers, Effect, Permit, Primitive, Readers, Result, Subject, Undo,
    World, erase, spec,
};
use pb_runtime::{Runtime, Script};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// Our world: feature flags. A driver has a half that reads and a half that writes.
#[derive(Clone, Default)]
struct Flags(Arc<Mutex<BTreeMap<String, bool>>>);

impl Flags {
    fn get(&self, name: &str) -> Option<bool> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(name)
            .copied()
    }

    fn set(&self, name: &str, on: Option<bool>) {
        let mut flags = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match on {
            Some(on) => flags.insert(name.to_owned(), on),
            None => flags.remove(name),
        };
    }
}

impl Driver for Flags {
    type Reader = Self;
    type Writer = Self;
    const KEY: &'static str = "";
    fn reader(&self) -> &Self {
        self
    }
    fn writer(&self) -> &Self {
        self
    }
}

/// `set_flag("new_checkout", true)`.
struct SetFlag;

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SetFlagArgs {
    /// Name of the flag.
    #[schemars(transform = spec::position::<0>)]
    name: String,
    /// Whether it is on; left out, the flag is removed.
    #[schemars(transform = spec::position::<1>)]
    on: Option<bool>,
}

#[derive(Serialize, Deserialize)]
struct Set(Option<bool>);

impl fmt::Display for Set {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(on) => write!(f, "turn it {}", if on { "on" } else { "off" }),
            None => f.write_str("remove it"),
        }
    }
}

#[derive(Serialize, JsonSchema)]
struct SetFlagOut {
    /// What it was before.
    was: Option<bool>,
}

impl Primitive for SetFlag {
    type Args = SetFlagArgs;
    type Facts = Option<bool>;
    type Action = Set;
    type Out = SetFlagOut;
    const NAME: &'static str = "set_flag";
    const CLASS: Class = Class::Ensure;
    const DOC: &'static str = "Turns a feature flag on or off.";
    const EXAMPLE: &'static str = "set_flag(\"new_checkout\", true);";

    async fn observe(&self, read: &Readers, args: &SetFlagArgs) -> Result<Option<bool>> {
        Ok(read.of::<Flags>().get(&args.name))
    }

    fn decide(&self, args: &SetFlagArgs, now: &Option<bool>) -> Result<Decision<Set>> {
        let actions = if *now == args.on {
            vec![]
        } else {
            vec![Set(args.on)]
        };
        Ok(Decision::in_order(actions))
    }

    fn effect(&self, _: &SetFlagArgs, _: &Set) -> Effect {
        Effect::Ensure
    }

    async fn act(
        &self,
        world: &World,
        permit: &Permit,
        args: &SetFlagArgs,
        set: &Set,
    ) -> Result<Value> {
        world.of::<Flags>(permit).set(&args.name, set.0);
        Ok(Value::Null)
    }

    fn result(
        &self,
        _: &SetFlagArgs,
        before: &Option<bool>,
        _: &Option<bool>,
        _: &[Value],
    ) -> Result<SetFlagOut> {
        Ok(SetFlagOut { was: *before })
    }

    fn undo(&self, args: &SetFlagArgs, before: &Option<bool>) -> Undo {
        Undo::call::<Self>(&SetFlagArgs {
            name: args.name.clone(),
            on: *before,
        })
    }

    fn subjects(&self, args: &SetFlagArgs) -> Vec<Subject> {
        vec![Subject::new("flag", &args.name)]
    }

    fn state(&self, args: &SetFlagArgs, now: &Option<bool>) -> Option<String> {
        Some(match now {
            Some(on) => format!("`{}` is {}", args.name, if *on { "on" } else { "off" }),
            None => format!("`{}` is not there", args.name),
        })
    }
}

const PLAYBOOK: &str = r#"
set_flag("maintenance", true);
try {
    savepoint("release", || {
        set_flag("new_checkout", true);
        throw "the smoke test failed";
    });
} catch (err) {
    print(`undone: ${err.undone}, because ${err.message}`);
}
set_flag("maintenance", false).changed
"#;

#[expect(clippy::print_stdout, reason = "a program prints")]
fn main() -> Result<()> {
    let flags = Flags::default();
    let mut drivers = Drivers::default();
    drivers.add(flags.clone());
    let mut registry = Registry {
        drivers: Arc::new(drivers),
        ..Registry::default()
    };
    registry.add(erase(SetFlag));

    let state = std::env::temp_dir().join(format!("own_primitive-{}", std::process::id()));
    let runtime = Runtime::builder(registry)
        .state(&state)
        .events(Arc::new(|event| match &event.what {
            What::StepFinished { step, changed, .. } => {
                println!("{} {}: changed {changed:?}", step.name, step.place);
            }
            What::StepUndone { step, .. } => println!("{} {}: undone", step.name, step.place),
            What::Printed { text } => println!("{text}"),
            _ => {}
        }))
        .build()?;
    let script = Script::from_text("flags.rhai", PLAYBOOK, &[])?;
    for finding in runtime.check(&script).findings {
        println!("line {}: {}", finding.line, finding.message);
    }
    let finished = runtime.run(&script, &Map::new())?;

    println!("value: {}", finished.value);
    println!(
        "flags: {:?}",
        flags.0.lock().unwrap_or_else(PoisonError::into_inner)
    );
    // The journal of the run lies in the state directory; a real program keeps it.
    std::fs::remove_dir_all(state).unwrap_or_default();
    Ok(())
}

//! Class Ensure, in one row, in stages or in lanes.

use crate::driver::{Database, Fake};
use pb_core::run::BlobRef;
use pb_core::{
    Class, Decision, Effect, HandleOf, Permit, Primitive, Readers, Result, Subject, Undo, World,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt;

/// Class Ensure: things are so. Undone by the same, as they were before.
pub(crate) struct Set;

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SetArgs {
    things: BTreeMap<String, String>,
    /// `row`, `lanes` or `stages`.
    #[serde(default)]
    shape: String,
    /// Text of a file that it reads.
    #[serde(default)]
    file: String,
    /// What it says the undo is: `none`, `missing` or as it was.
    #[serde(default)]
    way_back: String,
    /// Sees a thing wrongly after it acted.
    #[serde(default)]
    blind: bool,
    #[serde(default)]
    db: Option<HandleOf<Database>>,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct SetFacts {
    things: BTreeMap<String, String>,
    file: Option<BlobRef>,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct SetOne {
    name: String,
    is: String,
}

impl fmt::Display for SetOne {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "set {} to `{}`", self.name, self.is)
    }
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct SetOut {
    done: Vec<String>,
}

impl Primitive for Set {
    type Args = SetArgs;
    type Facts = SetFacts;
    type Action = SetOne;
    type Out = SetOut;
    const NAME: &'static str = "set";
    const CLASS: Class = Class::Ensure;
    const DOC: &'static str = "Makes things so.";
    const EXAMPLE: &'static str = "set(#{ things: #{ web: \"2\" } })";

    async fn observe(&self, read: &Readers, args: &SetArgs) -> Result<SetFacts> {
        let mut things = BTreeMap::new();
        for name in args.things.keys() {
            things.insert(name.clone(), read.of::<Fake>().thing(name).await?);
        }
        let file = Some(&args.file).filter(|file| !file.is_empty());
        let file = file.map(|text| read.keep_file(text));
        Ok(SetFacts { things, file })
    }
    fn decide(&self, args: &SetArgs, facts: &SetFacts) -> Result<Decision<SetOne>> {
        let wrong = args
            .things
            .iter()
            .filter(|(name, is)| args.blind || facts.things[*name] != **is);
        let todo = wrong.map(|(name, is)| SetOne {
            name: name.clone(),
            is: is.clone(),
        });
        Ok(match args.shape.as_str() {
            "lanes" => stages(vec![todo.map(|one| vec![one]).collect()]),
            "stages" => stages(todo.map(|one| vec![vec![one]]).collect()),
            // The things `a1 a2 b1` make the lanes `a1 a2` and `b1`.
            "letters" => {
                let mut lanes: BTreeMap<char, Vec<SetOne>> = BTreeMap::new();
                for one in todo {
                    let letter = one.name.chars().next().expect("a name");
                    lanes.entry(letter).or_default().push(one);
                }
                stages(vec![lanes.into_values().collect()])
            }
            _ => Decision::in_order(todo.collect()),
        })
    }
    fn effect(&self, _: &SetArgs, _: &SetOne) -> Effect {
        Effect::Ensure
    }
    async fn act(
        &self,
        world: &World,
        permit: &Permit,
        _: &SetArgs,
        one: &SetOne,
    ) -> Result<Value> {
        world.of::<Fake>(permit).set(&one.name, &one.is).await?;
        Ok(json!(one.name))
    }
    fn result(&self, _: &SetArgs, _: &SetFacts, _: &SetFacts, done: &[Value]) -> Result<SetOut> {
        let done = done
            .iter()
            .filter_map(Value::as_str)
            .map(Into::into)
            .collect();
        Ok(SetOut { done })
    }
    fn undo(&self, args: &SetArgs, before: &SetFacts) -> Undo {
        match args.way_back.as_str() {
            "none" => Undo::none("what is set stays set"),
            "missing" => Undo::Call {
                primitive: "nowhere".into(),
                args: json!({}),
            },
            _ => Undo::call::<Self>(&SetArgs {
                things: before.things.clone(),
                shape: args.shape.clone(),
                file: String::new(),
                way_back: String::new(),
                blind: false,
                db: args.db.clone(),
            }),
        }
    }
    fn subjects(&self, args: &SetArgs) -> Vec<Subject> {
        args.things
            .keys()
            .map(|name| Subject::new("thing", name))
            .collect()
    }
    fn state(&self, _: &SetArgs, facts: &SetFacts) -> Option<String> {
        let told = facts
            .things
            .iter()
            .map(|(name, is)| format!("{name} is `{is}`"));
        Some(told.collect::<Vec<_>>().join(", "))
    }
}

fn stages<A>(stages: Vec<Vec<Vec<A>>>) -> Decision<A> {
    if stages.iter().flatten().flatten().next().is_none() {
        Decision::Nothing
    } else {
        Decision::Act(stages)
    }
}

//! What `command` takes.

use super::program::Program;
use pb_core::SecretText;
use pb_core::run::UndoWish;
use pb_core::spec::position;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// What is run, and how it has to end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Args {
    /// The program and its arguments, one text each; no shell reads them. Secrets go into `env` or `stdin`.
    #[schemars(transform = position::<0>)]
    pub argv: Vec<String>,
    /// The folder it runs in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dir: Option<String>,
    /// Added to pb's own environment.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, SecretText>,
    /// What it reads; nothing when it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stdin: Option<SecretText>,
    /// The exit code that is no error, or a list of them.
    #[serde(default)]
    pub expect_code: Codes,
    /// A program that only looks: exit code 0 means that the work is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probe: Option<Vec<String>>,
    /// The program that takes the work back, in the same folder and environment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undo: Option<TakeBack>,
}

/// Exit codes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Codes {
    /// This one.
    One(i32),
    /// Any of these.
    Several(Vec<i32>),
}

/// How the work is taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum TakeBack {
    /// By this program.
    By(Vec<String>),
    /// As every call may say it.
    Wish(UndoWish),
}

impl Default for Codes {
    fn default() -> Self {
        Self::One(0)
    }
}

impl Codes {
    /// The code that a program must end with, where it is one alone.
    pub(crate) fn only(&self) -> Option<i32> {
        match self {
            Self::One(code) => Some(*code),
            Self::Several(codes) => match codes[..] {
                [code] => Some(code),
                _ => None,
            },
        }
    }

    pub(crate) fn contain(&self, code: i32) -> bool {
        match self {
            Self::One(one) => *one == code,
            Self::Several(several) => several.contains(&code),
        }
    }
}

impl fmt::Display for Codes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One(one) => one.fmt(f),
            Self::Several(several) => {
                let several: Vec<_> = several.iter().map(ToString::to_string).collect();
                f.write_str(&several.join(" or "))
            }
        }
    }
}

impl Args {
    pub(super) fn program(&self, argv: &[String], stdin: Option<SecretText>) -> Program {
        Program {
            argv: argv.to_owned(),
            dir: self.dir.clone(),
            env: self.env.clone(),
            stdin,
        }
    }

    /// The program that takes the work back.
    pub(super) fn way_back(&self) -> Option<&Vec<String>> {
        match &self.undo {
            Some(TakeBack::By(argv)) => Some(argv),
            Some(TakeBack::Wish(_)) | None => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pb_core::spec::{self, Field};
    use serde_json::{Value, json};

    fn checked(args: &Value) -> Result<(), String> {
        let fields = Field::all_of::<Args>();
        let args = args.as_object().expect("a map");
        spec::check("command", &fields, args).map_err(|failure| failure.message)
    }

    #[test]
    fn what_is_refused_says_what_is_taken() {
        let argv = json!(["true"]);
        checked(&json!({ "argv": argv, "undo": "none" })).expect("a wish");
        checked(&json!({ "argv": argv, "undo": ["rm", "x"], "expect_code": [0, 3] })).expect("all");
        let wrong = |args: Value| checked(&args).expect_err("refused");
        let undo =
            "`undo` of `command` takes a list (a text each), or \"auto\" or \"none\", not \"rm x\"";
        assert_eq!(wrong(json!({ "argv": argv, "undo": "rm x" })), undo);
        let code = "`expect_code` of `command` takes a whole number, or a list (a whole number each), not \"0\"";
        assert_eq!(wrong(json!({ "argv": argv, "expect_code": "0" })), code);
        let list = "`argv` of `command` takes a list (a text each), not \"rm x\"";
        assert_eq!(wrong(json!({ "argv": "rm x" })), list);
        let secret = "`argv[1]` of `command` may hold no secret";
        assert_eq!(wrong(json!({ "argv": ["echo", "‹secret env:P›"] })), secret);
    }
}

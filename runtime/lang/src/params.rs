//! A playbook's parameters, found without running it.

use crate::convert::to_json;
use crate::walk::place;
use pb_core::spec::{self, Field};
use pb_core::{Failure, Result, Site, Span, code};
use rhai::{AST, Expr, Position, Stmt};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

const AS_WRITTEN: &str = "param(\"batch\", #{ help: \"how many at a time\", fallback: 1 })";

/// One parameter: `let image = param("image", #{ help: "image to run" })` at the top level.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Param {
    /// As it is given on the command line, without dashes.
    pub name: String,
    /// What it is for.
    pub help: String,
    /// What it takes.
    pub kind: ParamKind,
    /// The only texts it takes; all when empty.
    pub choices: Vec<String>,
    /// What it is when it is left out; `None` when it has to be given.
    pub fallback: Option<Value>,
}

/// What a parameter takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ParamKind {
    /// Any text.
    Text,
    /// A whole number.
    Int,
    /// True or false.
    Bool,
    /// Such as `30s`.
    Duration,
    /// Texts between commas.
    List,
}

/// The options of `param`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Options {
    /// What it is for.
    #[serde(default)]
    help: String,
    /// What it takes; by default what its fallback is, else a text.
    #[serde(rename = "type")]
    kind: Option<ParamKind>,
    /// The only texts it takes.
    #[serde(default)]
    choices: Vec<String>,
    /// What it is when it is left out.
    #[serde(default)]
    fallback: Option<Value>,
}

impl Param {
    /// Reads a value as it was typed.
    ///
    /// # Errors
    /// `PB0211` says what the parameter takes.
    pub fn parse(&self, text: &str) -> Result<Value> {
        let value = match self.kind {
            ParamKind::Text => Some(text.into()),
            ParamKind::Int => text.parse::<i64>().ok().map(Value::from),
            ParamKind::Bool => text.parse::<bool>().ok().map(Value::from),
            ParamKind::Duration => Span::parse(text).ok().map(|_| text.into()),
            ParamKind::List => Some(
                text.split(',')
                    .map(str::trim)
                    .filter(|item| !item.is_empty())
                    .map(Value::from)
                    .collect(),
            ),
        };
        value
            .ok_or_else(|| self.refused(text))
            .and_then(|value| self.check(value))
    }

    /// Holds a value to type and choices.
    ///
    /// # Errors
    /// `PB0211` says what the parameter takes.
    pub fn check(&self, value: Value) -> Result<Value> {
        let fits = match self.kind {
            ParamKind::Text => value.is_string(),
            ParamKind::Int => value.is_i64(),
            ParamKind::Bool => value.is_boolean(),
            ParamKind::Duration => serde_json::from_value::<Span>(value.clone()).is_ok(),
            ParamKind::List => value.is_array(),
        };
        let chosen = self.choices.is_empty()
            || value
                .as_str()
                .is_none_or(|text| self.choices.iter().any(|c| c == text));
        if fits && chosen {
            Ok(value)
        } else {
            Err(self.refused(&spec::show(&value)))
        }
    }

    fn refused(&self, got: &str) -> Failure {
        let kind = match self.kind {
            ParamKind::Text => "a text",
            ParamKind::Int => "a whole number",
            ParamKind::Bool => "true or false",
            ParamKind::Duration => "a duration such as 30s",
            ParamKind::List => "texts between commas",
        };
        let wanted = if self.choices.is_empty() {
            kind.to_owned()
        } else {
            self.choices.join(" or ")
        };
        Failure::new(
            &code::PARAMETER,
            format!("the parameter `{}` takes {wanted}, not {got}", self.name),
        )
    }
}

/// The values of all parameters: those given and the fallbacks of the rest.
///
/// # Errors
/// `PB0211` names every one that is missing, or one that does not exist.
pub(crate) fn complete(params: &[Param], given: &Map<String, Value>) -> Result<Map<String, Value>> {
    for name in given.keys() {
        if params.iter().all(|param| param.name != *name) {
            let failure = Failure::new(
                &code::PARAMETER,
                format!("the playbook has no parameter `{name}`"),
            );
            return Err(
                match pb_core::nearest(name, params.iter().map(|p| p.name.as_str())) {
                    Some(near) => failure.hint(format!("did you mean `--{near}`?")),
                    None => failure,
                },
            );
        }
    }
    let missing: Vec<_> = params
        .iter()
        .filter(|p| p.fallback.is_none() && !given.contains_key(&p.name))
        .collect();
    if let [first, ..] = &missing[..] {
        let names = missing
            .iter()
            .map(|p| format!("`{}`", p.name))
            .collect::<Vec<_>>()
            .join(", ");
        let failure = Failure::new(&code::PARAMETER, format!("the playbook needs {names}"));
        let lines = missing
            .iter()
            .filter(|p| !p.help.is_empty())
            .map(|p| format!("{}: {}", p.name, p.help));
        let failure = lines.fold(failure, Failure::because);
        return Err(failure.hint(format!("add `--{} VALUE`", first.name)));
    }
    params
        .iter()
        .map(|param| {
            let value = given
                .get(&param.name)
                .or(param.fallback.as_ref())
                .cloned()
                .unwrap_or(Value::Null);
            Ok((param.name.clone(), param.check(value)?))
        })
        .collect()
}

/// The parameters that a playbook declares at its top level.
pub(crate) fn declared(file: &str, ast: &AST) -> Result<Vec<Param>> {
    let mut params: Vec<Param> = vec![];
    for statement in ast.statements() {
        let Stmt::Var(variable, ..) = statement else {
            continue;
        };
        let Expr::FnCall(call, position) = &variable.1 else {
            continue;
        };
        if call.name != "param" || !call.namespace.is_empty() {
            continue;
        }
        let param = read(&call.args).map_err(|failure| {
            let at = option_place(&call.args, &failure).unwrap_or(*position);
            located(failure, file, at)
        })?;
        if params.iter().any(|known| known.name == param.name) {
            let failure = Failure::new(
                &code::PARAMETER,
                format!("the parameter `{}` is declared twice", param.name),
            );
            return Err(located(failure, file, *position));
        }
        params.push(param);
    }
    Ok(params)
}

/// Where the option stands that a failure is about: its key when there is no such option, else its value.
fn option_place(args: &[Expr], failure: &Failure) -> Option<Position> {
    let named = failure.data.get("option")?.as_str()?;
    let Expr::Map(map, _) = args.get(1)? else {
        return None;
    };
    let (key, value) = map.0.iter().find(|(key, _)| key.name == named)?;
    Some(match failure.is(&code::UNKNOWN_OPTION) {
        true => key.pos,
        false => value.start_position(),
    })
}

fn read(args: &[Expr]) -> Result<Param> {
    let computed = || {
        Failure::new(
            &code::PARAMETER,
            "a parameter was refused: its name or its options are computed",
        )
        .because("parameters must be known without running the playbook")
        .hint("write them as literals: param(\"image\", #{ help: \"image to run\" })")
    };
    let literal = |expr: &Expr| -> Result<Value> {
        to_json(
            "an option of `param`",
            &expr.get_literal_value(None).ok_or_else(computed)?,
        )
    };
    let (name, options) = match args {
        [name] => (literal(name)?, Value::Object(Map::new())),
        [name, options] => (literal(name)?, literal(options)?),
        _ => {
            return Err(
                Failure::new(&code::ARITY, "`param` takes a name and a map of options")
                    .hint(AS_WRITTEN),
            );
        }
    };
    let (Value::String(name), Value::Object(options)) = (name, options) else {
        return Err(Failure::new(
            &code::WRONG_TYPE,
            "`param` takes a name and a map of options",
        )
        .hint(AS_WRITTEN));
    };
    spec::check("param", &Field::all_of::<Options>(), &options)?;
    let options: Options = serde_json::from_value(options.into()).map_err(|error| {
        Failure::new(
            &code::WRONG_TYPE,
            format!("the options of `param` were refused: {error}"),
        )
    })?;
    let of_fallback = || match &options.fallback {
        Some(Value::Number(_)) => ParamKind::Int,
        Some(Value::Bool(_)) => ParamKind::Bool,
        Some(Value::Array(_)) => ParamKind::List,
        _ => ParamKind::Text,
    };
    let kind = options.kind.unwrap_or_else(of_fallback);
    let param = Param {
        name,
        help: options.help,
        kind,
        choices: options.choices,
        fallback: options.fallback,
    };
    param
        .fallback
        .clone()
        .map_or(Ok(()), |value| param.check(value).map(drop))?;
    Ok(param)
}

/// A module may hold imports, constants and functions at its top, nothing that acts.
pub(crate) fn only_functions(file: &str, ast: &AST) -> Result<()> {
    for statement in ast.statements() {
        let constant = |variable: &Expr| variable.get_literal_value(None).is_some();
        match statement {
            Stmt::Import(..) | Stmt::Export(..) | Stmt::Noop(..) => {}
            Stmt::Var(variable, ..) if constant(&variable.1) => {}
            other => {
                let failure = Failure::new(
                    &code::SYNTAX,
                    format!(
                        "the module `{file}` was refused: it does something when it is imported"
                    ),
                )
                .because("a module may hold `import`, `const` and `fn` at its top");
                return Err(located(failure, file, other.position()));
            }
        }
    }
    Ok(())
}

fn located(mut failure: Failure, file: &str, position: Position) -> Failure {
    let (line, column) = place(position);
    failure.chain.push(Site {
        file: file.into(),
        line,
        column,
        call: String::new(),
    });
    failure
}

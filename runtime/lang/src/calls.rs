//! Makes every primitive a function: positional arguments, one map of options, handles that are left out.

use crate::convert::{to_json, to_result};
use crate::planning::awake;
use crate::session::{Native, Session};
use crate::values::HandleValue;
use pb_core::run::{Common, Request};
use pb_core::spec::{Field, Kind};
use pb_core::{CallError, Failure, Handle, code, spec};
use rhai::{Dynamic, Engine, Map as RhaiMap, NativeCallContext};
use serde_json::{Map, Value};
use std::any::TypeId;
use std::sync::Arc;

/// Registers every primitive of the registry.
pub(crate) fn register(engine: &mut Engine, session: &Arc<Session>) {
    let common = Arc::new(Field::all_of::<Common>());
    for spec in session.run.registry().specs() {
        let most = spec.fields.iter().filter(|f| f.position.is_some()).count() + 1;
        // One more than can be right, so that the error says what is wrong.
        for arity in 0..=most + 1 {
            let (session, common, fields, name) = (
                session.clone(),
                common.clone(),
                spec.fields.clone(),
                spec.name,
            );
            raw(engine, name, arity, move |context, args| {
                let request = request(&session, &context, name, &fields, &common, args);
                let result = request.map_err(CallError::from).and_then(|request| {
                    session.wait(session.run.call(&session.scope(&context), request))
                });
                let value = to_result(&session.raised(result, &context)?);
                Ok(if session.run.is_plan() {
                    awake(value)
                } else {
                    value
                })
            });
        }
    }
}

/// Registers a function of so many arguments of any type.
pub(crate) fn raw(
    engine: &mut Engine,
    name: &str,
    arity: usize,
    function: impl Fn(NativeCallContext<'_>, Vec<Dynamic>) -> Native + Send + Sync + 'static,
) {
    let types = vec![TypeId::of::<Dynamic>(); arity];
    engine.register_raw_fn(name, types, move |context, args| {
        // Cloned, not taken: in method style the first one is the variable itself.
        function(
            context,
            args.iter().map(|arg| arg.flatten_clone()).collect(),
        )
    });
}

fn request(
    session: &Session,
    context: &NativeCallContext<'_>,
    name: &str,
    fields: &[Field],
    common: &[Field],
    args: Vec<Dynamic>,
) -> Result<Request, Failure> {
    let mut args = arguments(name, fields, args)?;
    let mut shared = Map::new();
    // A primitive's own option of that name comes first, such as the SQL text of `undo`.
    for field in common
        .iter()
        .filter(|c| fields.iter().all(|f| f.name != c.name))
    {
        if let Some(value) = args.remove(&field.name) {
            shared.insert(field.name.clone(), value);
        }
    }
    spec::check(name, common, &shared)?;
    let common: Common = serde_json::from_value(shared.into()).map_err(|error| {
        Failure::new(
            &code::WRONG_TYPE,
            format!("the options of `{name}` were refused: {error}"),
        )
    })?;
    complete(session, context, name, fields, &mut args)?;
    Ok(Request {
        name: name.into(),
        args: args.into(),
        common,
        site: vec![session.site(context)],
    })
}

/// Puts arguments to their names: positional ones in order, the map at the end spread out.
pub(crate) fn arguments(
    name: &str,
    fields: &[Field],
    args: Vec<Dynamic>,
) -> Result<Map<String, Value>, Failure> {
    let mut named = Map::new();
    let mut places = fields.iter().filter(|f| f.position.is_some()).peekable();
    let count = args.len();
    for (i, arg) in args.into_iter().enumerate() {
        // A handle with a default may be left out: then the first argument is the next one.
        if i == 0
            && let Some(Field {
                kind: Kind::Handle {
                    default: Some(_), ..
                },
                ..
            }) = places.peek()
            && !arg.is::<HandleValue>()
        {
            places.next();
        }
        let options = i + 1 == count
            && arg.is::<RhaiMap>()
            && !places.peek().is_some_and(|f| takes_map(&f.kind));
        if options {
            let Value::Object(options) = to_json(&format!("an option of `{name}`"), &arg)? else {
                continue;
            };
            if let Some(twice) = options.keys().find(|key| named.contains_key(*key)) {
                return Err(Failure::new(
                    &code::UNKNOWN_OPTION,
                    format!("`{twice}` was given to `{name}` twice"),
                ));
            }
            named.extend(options);
            continue;
        }
        let Some(field) = places.next() else {
            let shape = fields
                .iter()
                .filter(|f| f.position.is_some())
                .map(|f| f.name.as_str());
            let message = format!("`{name}` was called with {count} arguments");
            return Err(Failure::new(&code::ARITY, message).because(format!(
                "it takes {}, and a map of options",
                shape.collect::<Vec<_>>().join(", ")
            )));
        };
        named.insert(
            field.name.clone(),
            to_json(&format!("`{}` of `{name}`", field.name), &arg)?,
        );
    }
    Ok(named)
}

fn takes_map(kind: &Kind) -> bool {
    match kind {
        Kind::Options(_) | Kind::MapOf(_) | Kind::Any => true,
        Kind::AnyOf(kinds) => kinds.iter().any(takes_map),
        _ => false,
    }
}

/// Adds the handles of the environment that were left out.
pub(crate) fn complete(
    session: &Session,
    context: &NativeCallContext<'_>,
    name: &str,
    fields: &[Field],
    args: &mut Map<String, Value>,
) -> Result<(), Failure> {
    for field in fields {
        let Kind::Handle {
            default: Some(key), ..
        } = &field.kind
        else {
            continue;
        };
        if args.contains_key(&field.name) {
            continue;
        }
        if !session.in_playbook(context) {
            let message = format!("`{name}` was called in a library without `{}`", field.name);
            return Err(Failure::new(&code::NO_DATABASE, message)
                .because("a library gets what it is passed, not the environment"));
        }
        match session
            .environment
            .get(key)
            .filter(|value| Handle::of_value(value).is_some())
        {
            Some(handle) => {
                args.insert(field.name.clone(), handle.clone());
            }
            None if field.required => {
                let message = format!(
                    "`{name}` needs `target.{key}`, and the environment `{}` has none",
                    session.env
                );
                return Err(Failure::new(&code::NO_DATABASE, message).hint(format!(
                    "add `{key} = {{ … }}` to [env.{}] in pb.toml",
                    session.env
                )));
            }
            None => {}
        }
    }
    Ok(())
}

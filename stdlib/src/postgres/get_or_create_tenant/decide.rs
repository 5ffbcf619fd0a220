//! What a tenant lacks, or what is left of it. Pure.

use super::registry::Places;
use super::{Action, Args, Back, Facts, GetOrCreateTenant, Missing};
use crate::postgres::ident::Ident;
use crate::postgres::migrate;
use pb_core::{Failure, HandleOf, Result, Undo, code};

/// What remains to be done, in one action; `None` when nothing does.
///
/// # Errors
/// `PB0334` for what pb may not repair or drop; those of `migrate` for the files.
pub(super) fn remaining(args: &Args, facts: &Facts) -> Result<Option<Action>> {
    if args.db.0.transaction.is_some() {
        let message = "`get_or_create_tenant` was called within a transaction";
        return Err(Failure::new(&code::NOT_ALLOWED_HERE, message)
            .because("it is a transaction of its own")
            .hint("move the call out of `transaction`"));
    }
    let name = args.name.to_string();
    if let Some(back) = &args.back {
        let back = left(back, args, facts)?;
        return Ok(back.map(|back| Action::Drop { name, back }));
    }
    let missing = missing(args, facts)?;
    let is_new = !facts.has_schema && !facts.registry.has_tenant;
    let folder = facts.folder.clone();
    Ok((!missing.is_nothing()).then_some(Action::Make {
        name,
        missing,
        folder,
        is_new,
    }))
}

pub(super) fn missing(args: &Args, facts: &Facts) -> Result<Missing> {
    let name = &args.name;
    if let Some(other) = &facts.look_alike {
        let message = format!("the tenant `{name}` would look like the schema `{other}`");
        return Err(Failure::new(&code::TENANT, message)
            .because("the two names differ in the case of letters alone")
            .hint("choose another name"));
    }
    let places = Places::of(args)?;
    let registry = &facts.registry;
    let mut missing = Missing {
        schema: !facts.has_schema,
        ..Missing::default()
    };
    if let Some(places) = &places {
        let Some(domain) = &args.domain else {
            let message = "`get_or_create_tenant` needs the option `domain`";
            return Err(Failure::new(&code::UNKNOWN_OPTION, message)
                .because("the registry finds a tenant by its domain")
                .hint("add `domain: \"…\"`, or `registry: \"none\"`")
                .with("option", "domain"));
        };
        if !registry.has_tables && !places.is_own {
            let message = format!("there is no {} or no {}", places.tenants, places.domains);
            return Err(
                Failure::new(&code::MISSING_RELATION, message.replace('"', "`"))
                    .hint("migrate the shared schema first"),
            );
        }
        if let Some(other) = registry
            .domain_of
            .as_ref()
            .filter(|other| *other != name.as_str())
        {
            let message = format!("the domain `{domain}` belongs to the tenant `{other}`");
            return Err(Failure::new(&code::TENANT, message).hint("choose another domain"));
        }
        missing.tenant = !registry.has_tenant;
        missing.domain = registry.domain_of.is_none().then(|| domain.clone());
    }
    if let Some(dir) = &args.dir {
        missing.migrations = pending(args, facts, dir)?;
    }
    Ok(missing)
}

fn pending(args: &Args, facts: &Facts, dir: &str) -> Result<Vec<migrate::Action>> {
    let name = &args.name;
    if facts.objects > 0 && !facts.has_history {
        let message = format!("the schema `{name}` has tables and no history");
        return Err(Failure::new(&code::TENANT, message)
            .because(format!(
                "it holds {} tables, views or sequences, and no `pb_migrations`",
                facts.objects
            ))
            .because("which migrations they come from, nobody has written down"));
    }
    let (migrate_args, seen) = as_migrate(args, facts, dir)?;
    let actions = migrate::remaining(&migrate_args, &seen)?;
    let alone = actions.iter().find(|action| !action.transactional);
    if let Some(alone) = alone.filter(|_| facts.has_schema && facts.objects > 0) {
        let message = format!("the tenant `{name}` lacks `{}`", alone.file);
        return Err(Failure::new(&code::TENANT, message)
            .because("it runs outside of transactions, and the schema is in use")
            .hint(format!("migrate(db, \"{dir}\", #{{ schema: \"{name}\" }})")));
    }
    Ok(actions)
}

/// The same schema as `migrate` sees it.
fn as_migrate(args: &Args, facts: &Facts, dir: &str) -> Result<(migrate::Args, migrate::Facts)> {
    let schema: Ident = (**args.name).clone();
    let migrate_args = migrate::Args::of(args.db.0.clone(), dir, schema);
    let seen = migrate::Facts::of(facts.rows.clone(), facts.folder.clone());
    Ok((migrate_args, seen))
}

/// What is left of what the run made; nothing is dropped that somebody else has put something into.
fn left(back: &Back, args: &Args, facts: &Facts) -> Result<Option<Back>> {
    let left = Back {
        schema: back.schema && facts.has_schema,
        tenant: back.tenant && facts.registry.has_tenant,
        domain: back.domain && facts.registry.domain_of.as_deref() == Some(args.name.as_str()),
    };
    if let Some((first, more)) = facts.foreign.split_first() {
        let failure = Failure::new(
            &code::TENANT,
            format!("the tenant `{}` was not dropped", args.name),
        );
        let failure = failure.because(first.clone());
        return Err(more
            .iter()
            .take(4)
            .fold(failure, |failure, line| failure.because(line.clone())));
    }
    Ok((left.schema || left.tenant || left.domain).then_some(left))
}

pub(super) fn undo(args: &Args, before: &Facts) -> Undo {
    let made = missing(args, before).unwrap_or_default();
    if !made.migrations.is_empty() && !made.schema {
        return Undo::none("the schema was there before, and its migrations stay");
    }
    Undo::call::<GetOrCreateTenant>(&Args {
        db: HandleOf::new(args.db.0.without_transaction()),
        back: Some(Back {
            schema: made.schema,
            tenant: made.tenant,
            domain: made.domain.is_some(),
        }),
        ..args.clone()
    })
}

#[cfg(test)]
mod tests;

//! What a plan tells of `swap_container`.

use super::container::short;
use super::swap::{Action, Outlook, Seen, foreseen_health};
use super::swap_args::Args;
use super::swap_facts::Facts;
use pb_core::Survey;
use serde_json::{Map, Value};

/// The name of an image and its id.
type Image<'a> = (&'a str, &'a str);

pub(super) fn image_of(seen: &Seen) -> Image<'_> {
    let container = &seen.container;
    (&container.image, &container.recipe.image_id)
}

/// The images before and after as people are told them. Of the same name and not the same, only the ids tell them apart.
pub(super) fn shown(old: Option<Image<'_>>, new: Image<'_>) -> (Option<String>, String) {
    let moved = old.is_some_and(|old| old.0 == new.0 && old.1 != new.1);
    let shown = |(image, id): Image<'_>| match moved {
        true => format!(
            "{image} ({})",
            short(id.strip_prefix("sha256:").unwrap_or(id))
        ),
        false => image.to_owned(),
    };
    (old.map(shown), shown(new))
}

/// The image that will run; `None` before one is pulled.
fn coming<'a>(args: &'a Args, facts: &'a Facts) -> Option<Image<'a>> {
    match (facts.goal(), &facts.wanted) {
        (Some(seen), _) => Some(image_of(seen)),
        (None, Some(wanted)) if !facts.stale => Some((&args.image, &wanted.recipe.image_id)),
        (None, _) => None,
    }
}

pub(super) fn foresee(args: &Args, facts: &Facts, actions: &[&Action]) -> Map<String, Value> {
    let serving = &args.serving();
    let scene = &facts.scene;
    let mut told = Outlook {
        scene,
        serving,
        actions,
    }
    .foresee();
    let old = scene.current().map(image_of);
    match coming(args, facts) {
        Some(new) => {
            let (from, to) = shown(old, new);
            told.insert("from".into(), from.into());
            told.insert("to".into(), to.into());
            let digest = facts.image.as_ref().map(|image| image.digest.clone());
            told.extend(digest.map(|digest| ("digest".into(), digest.into())));
        }
        // One that is pulled under the name of the old one is told by its id, which is not known yet.
        None if old.is_none_or(|old| old.0 != &*args.image) => {
            told.insert("from".into(), old.map(|old| old.0).into());
            told.insert("to".into(), args.image.to_string().into());
        }
        None => {}
    }
    // Before it is here nobody knows whether an image has a HEALTHCHECK.
    let is_known = args.health.is_some() || coming(args, facts).is_some();
    let health = foreseen_health(actions).filter(|_| is_known);
    told.extend(health.map(|health| ("health".into(), health.into())));
    told
}

pub(super) fn survey(args: &Args, facts: &Facts, actions: &[&Action]) -> Survey {
    let serving = &args.serving();
    let scene = &facts.scene;
    let old = scene.current().map(image_of);
    let (from, to) = match coming(args, facts) {
        Some(new) => shown(old, new),
        None => {
            let is_same = old.is_some_and(|old| old.0 == &*args.image);
            let another = if is_same { "another " } else { "" };
            (
                old.map(|old| old.0.into()),
                format!("{another}{}", args.image),
            )
        }
    };
    let outlook = Outlook {
        scene,
        serving,
        actions,
    };
    outlook.survey(from.as_deref(), Some(&to))
}

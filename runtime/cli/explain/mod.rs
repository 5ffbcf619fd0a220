//! `pb explain`: what the code of an error means, and what to do.

mod markdown;
mod pages;

use crate::console::Console;
use crate::exit::Exit;
use crate::refusal::Refusal;
use crate::render::fit::{pad, wrap};
use crate::render::ink::Tone;
use crate::render::page::Page;
use pages::PAGES;
use pb_core::{Failure, code, nearest};

/// The page of a code, in either case; without one the list of all.
///
/// # Errors
/// There is no such code.
pub(crate) fn explain(wanted: Option<&str>, console: &Console) -> Result<Exit, Refusal> {
    let lines = match wanted {
        None => overview(console.stdout),
        Some(wanted) => {
            let id = wanted.to_uppercase();
            let page = page(&id).ok_or_else(|| unknown(wanted, &id))?;
            markdown::lines(page, console.stdout)
        }
    };
    lines.iter().for_each(|line| console.result(line));
    Ok(Exit::Done)
}

/// The text of the page of a code.
pub(crate) fn page(id: &str) -> Option<&'static str> {
    PAGES
        .iter()
        .find(|(known, _)| *known == id)
        .map(|(_, text)| *text)
}

fn overview(page: Page) -> Vec<String> {
    let mut lines = vec![];
    for code in code::ALL {
        let said = wrap(
            &page.ink.spell(code.meaning),
            page.columns().saturating_sub(8),
        );
        for (at, said) in said.iter().enumerate() {
            let id = if at == 0 { code.id } else { "" };
            lines.push(format!(
                "{}  {said}",
                page.ink.paint(Tone::Code, &pad(id, 6))
            ));
        }
    }
    lines.push(String::new());
    lines.push("`pb explain CODE` tells all about one of them.".into());
    lines
}

/// By its number, or by the kind that scripts compare.
fn unknown(wanted: &str, id: &str) -> Refusal {
    let failure = Failure::new(&code::USAGE, format!("there is no code `{wanted}`"));
    let kind = code::ALL
        .iter()
        .find(|code| code.kind.eq_ignore_ascii_case(wanted));
    let near = || nearest(id, PAGES.iter().map(|(id, _)| *id));
    match kind.map(|code| code.id).or_else(near) {
        Some(near) => failure.hint(format!("did you mean `pb explain {near}`?")),
        None => failure.hint("pb explain"),
    }
    .into()
}

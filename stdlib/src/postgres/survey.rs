//! What a plan shows of statements before they run: the tables that they lock, how large those are and what happens to
//! their rows, and what stands in the way. Everything is read in one transaction that cannot write.

mod catalogue;
mod lines;
mod obstacles;

use super::driver::{LOOK, Postgres};
use super::ident::Ident;
use super::locks::{Touch, touched};
use super::reading::Reading;
use super::split::split;
use catalogue::{Relation, Server};
use pb_core::{Handle, Readers, Result, Survey};
use std::collections::HashMap;

/// A text that runs in one go.
pub(crate) struct Text<'a> {
    /// Its file; empty for a text of the playbook.
    pub(crate) file: &'a str,
    pub(crate) text: &'a str,
    /// Statements at its start that are done.
    pub(crate) done: usize,
}

/// The tables that a text locks, each once, with the strongest lock and the most work.
struct Seen<'a> {
    file: &'a str,
    /// By the relation's place in the catalogue's answer.
    tables: Vec<(usize, Touch)>,
    /// Tables and indexes that it makes.
    makes: usize,
    /// A statement that does not say what it does, and its line.
    opaque: Option<(&'static str, usize)>,
}

/// Looks at what the texts will lock. Names without a schema are looked for in `schema`, then in `public`; without one,
/// where the session looks.
pub(crate) async fn survey(
    read: &Readers,
    handle: &Handle,
    schema: Option<&Ident>,
    texts: &[Text<'_>],
) -> Result<Survey> {
    let handle = handle.without_transaction();
    let reading = read.of::<Postgres>().begin(read, &handle, LOOK).await?;
    let survey = look(&reading, schema, texts).await;
    reading.end().await;
    survey
}

async fn look(reading: &Reading<'_>, schema: Option<&Ident>, texts: &[Text<'_>]) -> Result<Survey> {
    let server = Server::read(reading, schema).await?;
    let mut touches: Vec<(usize, Touch)> = vec![];
    let mut seen: Vec<Seen<'_>> = vec![];
    for (at, text) in texts.iter().enumerate() {
        let statements = split(text.text).unwrap_or_default();
        let mut of_text = Seen {
            file: text.file,
            tables: vec![],
            makes: 0,
            opaque: None,
        };
        for statement in statements.iter().skip(text.done) {
            touches.extend(
                touched(statement, server.version)
                    .into_iter()
                    .map(|touch| (at, touch)),
            );
            of_text.makes += usize::from(statement.starts_with("CREATE"));
            let opaque = ["DO", "CALL"]
                .into_iter()
                .find(|word| statement.starts_with(word));
            of_text.opaque = of_text.opaque.or(opaque.map(|word| (word, statement.line)));
        }
        seen.push(of_text);
    }
    let names: Vec<_> = touches.iter().map(|(_, touch)| &touch.name).collect();
    let relations = catalogue::relations(reading, schema, &names).await?;
    catalogue::settle(reading, &relations, &mut touches).await?;
    for (n, (at, touch)) in touches.into_iter().enumerate() {
        if relations.contains_key(&n) {
            seen[at].add(n, touch, &relations);
        }
    }
    let mut survey = Survey {
        details: lines::details(&seen, &relations),
        obstacles: vec![],
    };
    survey.obstacles = obstacles::find(reading, &server, &seen, &relations).await?;
    Ok(survey)
}

impl Seen<'_> {
    fn add(&mut self, n: usize, touch: Touch, relations: &HashMap<usize, Relation>) {
        let oid = |n: usize| relations.get(&n).map(|relation| relation.oid);
        let known = self
            .tables
            .iter_mut()
            .find(|(other, _)| oid(*other) == oid(n));
        let Some((_, known)) = known else {
            self.tables.push((n, touch));
            return;
        };
        known.lock = known.lock.max(touch.lock);
        known.by_owner |= touch.by_owner;
        if touch.work > known.work {
            known.work = touch.work;
        }
    }
}

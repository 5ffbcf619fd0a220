//! Reaches the fake world: a half that reads and a half that writes, as every driver has them.

use crate::site::{Site, State};
use futures_util::future::BoxFuture;
use pb_core::{Driver, Handle, HandleKind, Readers, Result};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Reaches the site: `fake` handles are its database.
pub(crate) struct Fake {
    looks: Looks,
    hands: Hands,
}

/// The half that reads.
pub(crate) struct Looks(Site);

/// The half that writes.
pub(crate) struct Hands(Site);

impl Fake {
    pub(crate) fn new(site: &Site) -> Self {
        Self {
            looks: Looks(site.clone()),
            hands: Hands(site.clone()),
        }
    }
}

impl Driver for Fake {
    type Reader = Looks;
    type Writer = Hands;
    const KEY: &'static str = "fake";

    fn reader(&self) -> &Looks {
        &self.looks
    }

    fn writer(&self) -> &Hands {
        &self.hands
    }

    fn identity<'a>(
        &'a self,
        _: &'a Readers,
        handle: &'a Handle,
    ) -> BoxFuture<'a, Result<Option<Value>>> {
        Box::pin(async move {
            self.looks
                .0
                .look(&format!("identity {}", handle.name))
                .await?;
            let is_another = self.looks.0.state().is_another;
            Ok(Some(json!(
                ["system 7", "system 8"][usize::from(is_another)]
            )))
        })
    }

    fn settle<'a>(&'a self, _: &'a Readers, _: &'a Handle) -> BoxFuture<'a, Result<()>> {
        // What a dead process left open is rolled back.
        self.hands.0.state().open.clear();
        Box::pin(async { Ok(()) })
    }
}

impl Looks {
    /// What a thing is; empty when it is not there.
    pub(crate) async fn thing(&self, name: &str) -> Result<String> {
        self.0.look(&format!("look {name}")).await?;
        Ok(self.0.state().things.get(name).cloned().unwrap_or_default())
    }

    /// Whether a transaction was committed.
    pub(crate) fn committed(&self, transaction: &str) -> bool {
        self.0.state().committed.contains(transaction)
    }
}

impl Hands {
    /// Makes a thing so; half-way it is something else.
    pub(crate) async fn set(&self, name: &str, is: &str) -> Result<()> {
        let apply = |state: &mut State, whole: bool| {
            let is = if whole {
                is.to_owned()
            } else {
                format!("half {is}")
            };
            if is.is_empty() {
                state.things.remove(name);
            } else {
                state.things.insert(name.to_owned(), is);
            }
        };
        self.0.goes(&format!("set {name}"), is, apply).await
    }

    /// Adds to a thing; done twice, it is there twice.
    pub(crate) async fn add(&self, name: &str, what: &str) -> Result<()> {
        let apply = |state: &mut State, whole: bool| {
            let more = if whole {
                what.to_owned()
            } else {
                format!("{what}?")
            };
            add(&mut state.things, name, &more);
        };
        self.0.goes(&format!("add {name}"), what, apply).await
    }

    /// Takes away what was added last, wholly or by half.
    pub(crate) async fn take_back(&self, name: &str, what: &str) -> Result<()> {
        let apply = |state: &mut State, _: bool| {
            let is = state.things.entry(name.to_owned()).or_default();
            let kept = is
                .trim_end_matches('?')
                .strip_suffix(what)
                .unwrap_or(is)
                .to_owned();
            *is = kept;
            state.things.retain(|_, is| !is.is_empty());
        };
        self.0.goes(&format!("take_back {name}"), what, apply).await
    }

    pub(crate) async fn begin(&self) -> Result<String> {
        let mut id = String::new();
        let apply = |state: &mut State, _: bool| {
            state.began += 1;
            id = format!("tx{}", state.began);
            state.open.insert(id.clone(), BTreeMap::new());
        };
        self.0.goes("begin", "", apply).await?;
        Ok(id)
    }

    /// Adds to a thing once the transaction is committed.
    pub(crate) async fn add_in(&self, transaction: &str, name: &str, what: &str) -> Result<()> {
        let apply = |state: &mut State, _: bool| {
            let open = state
                .open
                .get_mut(transaction)
                .expect("an open transaction");
            add(open, name, what);
        };
        self.0.goes(&format!("add_in {name}"), what, apply).await
    }

    pub(crate) async fn evidence(&self, transaction: &str) -> Result<String> {
        self.0.goes("evidence", "", |_, _| ()).await?;
        Ok(transaction.into())
    }

    pub(crate) async fn commit(&self, transaction: &str) -> Result<()> {
        let apply = |state: &mut State, _: bool| {
            let open = state.open.remove(transaction).expect("an open transaction");
            state.committed.insert(transaction.into());
            for (name, what) in open {
                add(&mut state.things, &name, &what);
            }
        };
        self.0.goes("commit", "", apply).await
    }

    pub(crate) async fn roll_back(&self, transaction: &str) -> Result<()> {
        let apply = |state: &mut State, _: bool| {
            state.open.remove(transaction);
        };
        self.0.goes("roll_back", "", apply).await
    }
}

fn add(things: &mut BTreeMap<String, String>, name: &str, what: &str) {
    things.entry(name.to_owned()).or_default().push_str(what);
}

/// Arguments that take a handle of the site.
pub(crate) struct Database;

impl HandleKind for Database {
    const DRIVERS: &'static [&'static str] = &["fake"];
    const DEFAULT: Option<&'static str> = None;
}

/// A handle of the site.
pub(crate) fn handle(name: &str, transaction: Option<&str>) -> Value {
    Handle {
        driver: "fake".into(),
        name: name.into(),
        config: serde_json::Map::new(),
        transaction: transaction.map(Into::into),
    }
    .to_value()
}

//! One primitive of every class, over the fake world.

mod add;
mod await_thing;
mod look;
mod set;
mod take_back;

pub(crate) use add::Add;
pub(crate) use await_thing::Await;
pub(crate) use look::Look;
pub(crate) use set::Set;
pub(crate) use take_back::TakeBack;

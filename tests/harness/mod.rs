//! The servers and the load that other tests lean on do what they say.

mod keeper;
mod postgres;
mod stage;

//! Plans of playbooks on real servers: a plan changes nothing, and a run does what its plan says or nothing.

mod data;
mod drift;
mod forks;
mod front;
mod log;
mod rolling;
mod tier;
mod words;

//! The kernel as a machine: every kind of step over a fake world, without disk, clock or network.

mod bracket;
mod clock;
mod driver;
mod log;
mod playbook;
mod primitives;
mod process;
mod script;
mod site;
mod stage;
mod store;

mod cancel;
mod damage;
mod disk_full;
mod doubt;
mod durability;
mod failures;
mod identity;
mod inspected;
mod journal;
mod killed;
mod lanes;
mod last_look;
mod returns;
mod roll_back;
mod scopes;
mod stuck;
mod taken_up;
mod time;
mod transactions;

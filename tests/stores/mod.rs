//! Where runs are kept: what both places promise, and what only the one that machines share can.

mod contention;
mod contract;
mod machines;

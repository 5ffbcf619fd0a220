//! What `pb check` finds: all of what is planted in `wrong`, nothing in `right`, and no panic whatever it is given.

mod chance;
mod corpora;
mod fuzz;
mod mutant;
mod pieces;
mod soup;

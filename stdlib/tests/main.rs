//! Primitives against real servers and programs, called as a script would call them.

mod chat;
mod host;
mod http;
mod stage;

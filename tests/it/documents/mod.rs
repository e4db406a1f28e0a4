//! The tests, commands, keys and links that the documents name exist.

mod claims;
mod log;
mod typed;

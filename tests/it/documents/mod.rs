//! What the documents name exists: tests, commands, keys, links.

mod claims;
mod typed;

//! The listeners: ingest for the providers, admin for the operators.
//!
//! The only module that knows status codes and the web framework. Each listener serves only its own
//! routes. `server` is on top: it binds the routes to the handlers and serves them.

pub mod admin;
pub mod body;
pub mod connections;
pub mod error;
pub mod ingest;
pub mod meters;
pub mod server;
pub mod settings;
pub mod unread_body;

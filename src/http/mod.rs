//! The listeners: ingest for the providers, admin for the operators.
//!
//! The only module that knows status codes. Each listener answers its own routes alone.

pub mod admin;
pub mod body;
pub mod changing;
pub mod error;
pub mod ingest;
pub mod looks;
pub mod quarantine;
pub mod settings;
pub mod tls;
pub mod unread;

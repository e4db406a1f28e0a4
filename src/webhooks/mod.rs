//! The subscriptions at the providers: the existing hooks and the declared ones.
//!
//! # Promises
//! - A call that registers a hook is never sent twice, unless the provider said that it did
//!   nothing.
//! - No credential, bearer token or secret leaves a client, except to its provider: not in errors,
//!   not in `Debug`, not in the shown text of a provider's answer.
//! - Every list is followed to its end, or ends with an error: in time, pages and bytes.
//!
//! Imports the catalogs. Knows nothing of the relay, of terminals or of exit codes.

pub mod apply;
pub mod aps;
pub mod checks;
pub mod declared;
pub mod environment;
pub mod error;
pub mod existing;
pub mod http;
pub mod keeper;
pub mod onshape;
pub mod ownership;
pub mod pages;
pub mod plan;
pub mod reply;
pub mod scope;
pub mod settings;
pub mod url;

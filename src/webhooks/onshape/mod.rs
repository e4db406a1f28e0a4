//! Onshape's webhook API.

pub mod client;
pub mod credentials;
pub mod hook;

//! The webhooks API of Autodesk Platform Services.

pub mod client;
pub mod credentials;
pub mod hook;
pub mod patch;
pub mod region;

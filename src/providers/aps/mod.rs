//! Autodesk Platform Services: what its notifications look like.

pub mod catalog;

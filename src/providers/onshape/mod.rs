//! Onshape: what its notifications look like.

pub mod catalog;

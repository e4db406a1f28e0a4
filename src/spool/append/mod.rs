//! The way of an append: admitted, gathered into a group, answered by the group's commit.

pub(super) mod admission;
pub(super) mod group;
pub(super) mod ticket;
pub mod wake;
